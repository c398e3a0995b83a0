"""``models/manifest.toml``: every model, where it comes from, under which licence, and which task it serves."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from models.errors import ManifestError, MissingModel

MANIFEST = Path(__file__).with_name("manifest.toml")
REGISTRIES = ("npm", "pypi")
Tasks = Mapping[str, tuple[tuple[str, ...], ...]]


@dataclass(frozen=True, slots=True)
class Package:
    """An archive in a package registry; the user's own pip or npm settings say where that is."""

    registry: str  # one of REGISTRIES
    name: str
    version: str
    archive: str  # the file's name
    sha256: str  # of the archive
    licence: str  # SPDX, of the package


@dataclass(frozen=True, slots=True)
class MirrorSource:
    """The model's file in a mirror folder."""

    def __str__(self) -> str:
        return "mirror"


@dataclass(frozen=True, slots=True)
class BundledSource:
    """The model's file among the weights that come with Facet; its model card lies beside it."""

    def __str__(self) -> str:
        return "bundled"


@dataclass(frozen=True, slots=True)
class UrlSource:
    """The model's file at an address."""

    url: str

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True, slots=True)
class PackageSource:
    """A package and the recipe in ``models/recipes`` that makes the model of its contents."""

    package: Package
    recipe: str

    def __str__(self) -> str:
        return f"{self.package.registry} {self.package.name} {self.package.version}"


Source = BundledSource | MirrorSource | UrlSource | PackageSource


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model and what it takes to obtain it, to trust it and to feed it."""

    name: str
    file: str
    architecture: str  # picks the adapter in the estimator
    licence: str  # SPDX identifier, as the upstream states it
    training_data: str  # what the weights were trained on, as far as the upstream says
    upstream: str
    input: str  # shape, colour order and normalisation
    sha256: str  # of the reference file, the one a mirror or an address gives
    sources: tuple[Source, ...]  # in order of preference
    unread: tuple[str, ...] = ()  # outputs that no adapter looks at; the rewritten file may lack them

    @property
    def conversions(self) -> frozenset[str]:
        """The sources that do not give the reference file but make one that answers alike, as text."""
        return frozenset(str(source) for source in self.sources if isinstance(source, PackageSource))

    @property
    def bundled(self) -> bool:
        """Whether the file comes with Facet."""
        return BundledSource() in self.sources


class Named(Protocol):
    """A model, described or loaded."""

    @property
    def name(self) -> str: ...


def choice_name(choice: Iterable[Named]) -> str:
    """How models that are used together are named where one text is wanted."""
    return "+".join(model.name for model in choice)


@dataclass(frozen=True, slots=True)
class Manifest:
    """All models by name, and for each task its choices in order, each the names of models used together."""

    models: Mapping[str, ModelSpec]
    tasks: Tasks

    def choices(self, task: str) -> tuple[tuple[ModelSpec, ...], ...]:
        """What can serve ``task``, in order of preference."""
        if task not in self.tasks:
            raise MissingModel(f"{task}: no such task; there are {', '.join(self.tasks)}")
        return tuple(tuple(self.models[name] for name in names) for names in self.tasks[task])

    def tasks_of(self, name: str) -> tuple[str, ...]:
        """The tasks that a model can serve."""
        return tuple(task for task, choices in self.tasks.items() if any(name in names for names in choices))


def load_manifest(path: Path = MANIFEST) -> Manifest:
    """The manifest in a TOML file, checked."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        packages = {name: _package(name, table) for name, table in tables.get("packages", {}).items()}
        models = {name: _model(name, table, packages) for name, table in tables["models"].items()}
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:  # not TOML; a key too few; a key too many
        raise ManifestError(f"{path}: {error}") from error
    tasks = {task: tuple(tuple(names) for names in choices) for task, choices in tables.get("tasks", {}).items()}
    unknown = {name for choices in tasks.values() for names in choices for name in names} - set(models)
    if unknown:
        raise ManifestError(f"{path}: tasks name models that are not there: {', '.join(sorted(unknown))}")
    return Manifest(models, tasks)


def _package(name: str, table: Mapping[str, Any]) -> Package:
    package = Package(**table)
    if package.registry not in REGISTRIES:
        raise ManifestError(f"packages.{name}.registry: {package.registry} is not one of {', '.join(REGISTRIES)}")
    return package


def _model(name: str, table: Mapping[str, Any], packages: Mapping[str, Package]) -> ModelSpec:
    sources = tuple(_source(name, source, packages) for source in table["sources"])
    if BundledSource() in sources and len(sources) > 1:
        raise ManifestError(f"models.{name}.sources: what is bundled is taken from nowhere else")
    return ModelSpec(**{**table, "name": name, "sources": sources, "unread": tuple(table.get("unread", ()))})


def _source(name: str, table: Mapping[str, Any], packages: Mapping[str, Package]) -> Source:
    match table:
        case {"bundled": True}:
            return BundledSource()
        case {"mirror": True}:
            return MirrorSource()
        case {"url": str(url)}:
            return UrlSource(url)
        case {"package": str(package), "recipe": str(recipe)} if package in packages:
            return PackageSource(packages[package], recipe)
    raise ManifestError(f"models.{name}.sources: neither bundled nor a mirror, address or package with recipe: {table}")
