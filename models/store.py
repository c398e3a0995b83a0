"""Where model files lie on this machine: those that come with Facet, a cache that ``pull`` fills, perhaps a mirror."""

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from models.errors import CorruptModel, MissingModel
from models.manifest import Manifest, ModelSpec, choice_name, load_manifest
from models.optimise import optimised
from models.session import CPU, Model, open_session, provider_names

WEIGHTS = Path(__file__).with_name("weights")  # what comes with Facet


def default_cache() -> Path:
    """The platform's folder for files that can be obtained again."""
    folders = {"darwin": "Library/Caches", "win32": "AppData/Local"}
    return Path.home() / folders.get(sys.platform, ".cache") / "facet" / "models"


def file_digest(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A model that is on this machine."""

    name: str
    sha256: str
    source: str
    licence: str


@dataclass(frozen=True)
class ModelStore:
    """The model files of this machine.

    A model that comes with Facet is looked for among its weights only, so that no older file can take its place. Any
    other is looked for in the cache, where a record beside each file says what its digest was when it was obtained,
    then in the mirror. Files of the weights and of the mirror must have the manifest's digests.
    """

    cache: Path = field(default_factory=default_cache)
    mirror: Path | None = None
    manifest: Manifest = field(default_factory=load_manifest)
    weights: Path = WEIGHTS

    def resolve(self, task: str, preferred: str | None = None) -> tuple[ModelSpec, ...]:
        """The models that serve ``task``: the first choice that is here, or just the one of ``choices_by_name``."""
        choices = self.manifest.choices(task)
        if preferred is not None:
            known = self.choices_by_name(task)
            if preferred not in known:
                raise MissingModel(f"{task}: no model {preferred}; there are {', '.join(known)}")
            choices = (known[preferred],)
        for choice in choices:
            if all(self.has(spec) for spec in choice):
                return choice
        lacking = " or ".join(" + ".join(spec.name for spec in choice if not self.has(spec)) for choice in choices)
        raise MissingModel(f"{task}: the model {lacking} is not installed; `facet models pull` obtains models")

    def choices_by_name(self, task: str) -> dict[str, tuple[ModelSpec, ...]]:
        """What each text that names a choice means: all its models joined by +, or, where no choice is called so,
        one model for the first choice that has it.
        """
        choices = self.manifest.choices(task)
        named = {choice_name(choice): choice for choice in choices}
        for choice in choices:
            for spec in choice:
                named.setdefault(spec.name, choice)
        return named

    def can_serve(self, task: str) -> bool:
        """Whether some choice of models for ``task`` is here."""
        return any(all(self.has(spec) for spec in choice) for choice in self.manifest.choices(task))

    def has(self, spec: ModelSpec) -> bool:
        """Whether the model's file is here; its contents are verified when it is opened."""
        return self.cache_record(spec) is not None or self._in_mirror(spec) or self.is_bundled(spec)

    def path(self, spec: ModelSpec) -> Path:
        """The model's file."""
        if self.cache_record(spec) is not None:
            return self.cache / spec.file
        if self.mirror is not None and self._in_mirror(spec):
            return self.mirror / spec.file
        if self.is_bundled(spec):
            return self.weights / spec.file
        raise MissingModel(f"{spec.name} is not installed; `facet models pull` obtains models")

    def cache_record(self, spec: ModelSpec) -> InstalledModel | None:
        """The record of the model in the cache; none where the file or a legible record is lacking, or not used."""
        if spec.bundled:
            return None
        try:
            record = InstalledModel(**json.loads(self.record_path(spec).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return record if (self.cache / spec.file).is_file() else None

    def is_bundled(self, spec: ModelSpec) -> bool:
        """Whether the model came with Facet."""
        return spec.bundled and (self.weights / spec.file).is_file()

    def list_installed(self) -> list[InstalledModel]:
        """The models that are here."""
        return [self.record(spec) for spec in self.manifest.models.values() if self.has(spec)]

    def verify(self, spec: ModelSpec) -> str:
        """The digest of the file; ``CorruptModel`` unless it is the manifest's or, being converted, its record's."""
        record = self.record(spec)
        expected = record.sha256 if record.source in spec.conversions else spec.sha256
        path = self.path(spec)
        digest = file_digest(path)
        if digest != expected:
            raise CorruptModel(f"{path} has sha256 {digest} instead of {expected}; {self._remedy(spec)}")
        return digest

    def open(
        self, task: str, providers: Sequence[str] = CPU, threads: int = 1, preferred: str | None = None
    ) -> tuple[Model, ...]:
        """The models that serve ``task``, verified and loaded."""
        return tuple(self.load(spec, providers, threads) for spec in self.resolve(task, preferred))

    def load(self, spec: ModelSpec, providers: Sequence[str] = CPU, threads: int = 1) -> Model:
        """One model, verified and loaded."""
        return Model(spec.name, spec.architecture, open_session(self.optimise(spec, providers), providers, threads))

    def optimise(self, spec: ModelSpec, providers: Sequence[str] = CPU) -> Path | bytes:
        """What is opened for a model: a faster equivalent of its verified file, kept in the cache."""
        digest = self.verify(spec)
        return optimised(self.path(spec), digest, self.cache, provider_names(providers), spec.unread)

    def record_path(self, spec: ModelSpec) -> Path:
        """The file that says where the model in the cache came from."""
        return self.cache / f"{spec.file}.json"

    def record(self, spec: ModelSpec) -> InstalledModel:
        """Where a model that is here came from."""
        source = "mirror" if self._in_mirror(spec) else "bundled"
        return self.cache_record(spec) or InstalledModel(spec.name, spec.sha256, source, spec.licence)

    def _in_mirror(self, spec: ModelSpec) -> bool:
        return not spec.bundled and self.mirror is not None and (self.mirror / spec.file).is_file()

    def _remedy(self, spec: ModelSpec) -> str:
        """What helps against a wrong file, by where it lies."""
        if spec.bundled:
            return "it came with Facet: install Facet again"
        if self.cache_record(spec) is not None:
            return "`facet models pull` replaces such files"
        return "the mirror folder has another file of that name: replace or remove it"
