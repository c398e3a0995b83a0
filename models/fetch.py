"""Fills the cache with models: each from the first of its sources that gives a file with the right digest.

A file is written, verified and only then moved into place, under a lock on the cache: whatever is interrupted, and
however many processes pull at once, the cache never holds a model that is not whole.
"""

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from models.errors import CorruptModel, MissingModel, UnavailableSource
from models.manifest import BundledSource, Manifest, MirrorSource, ModelSpec, PackageSource, Source, UrlSource
from models.recipes import RECIPES
from models.sources import PackageFolders, Progress, copy_from_mirror, download, verify_digest
from models.store import InstalledModel, ModelStore, file_digest

UNFINISHED = ".pull-"


@dataclass(frozen=True, slots=True)
class PullResult:
    """What became of one model: where it came from, or why it could not be had from each of its sources."""

    name: str
    installed: InstalledModel | None
    reasons: tuple[str, ...] = ()


def pull(
    manifest: Manifest,
    store: ModelStore,
    names: Iterable[str] | None = None,
    mirror: Path | None = None,
    progress: Progress = lambda _label, _done, _total: None,
) -> list[PullResult]:
    """Obtains models into the store's cache, by default all; those that are there already and whole are kept.

    ``mirror`` is by default the store's own.
    """
    wanted = list(manifest.models if names is None else names)
    unknown = [name for name in wanted if name not in manifest.models]
    if unknown:
        raise MissingModel(f"no such model: {', '.join(unknown)}; there are {', '.join(manifest.models)}")
    whole = {name: record for name in wanted if (record := _whole(store, manifest.models[name])) is not None}
    missing = [manifest.models[name] for name in wanted if name not in whole]
    found = {name: PullResult(name, record) for name, record in whole.items()}
    if missing:
        chosen = store.mirror if mirror is None else mirror
        found |= {outcome.name: outcome for outcome in _obtained(missing, store, chosen, progress)}
    return [found[name] for name in wanted]


def _whole(store: ModelStore, spec: ModelSpec) -> InstalledModel | None:
    """The record of the model in the cache, or among what comes with Facet, if its file is what it should be."""
    if store.cache_record(spec) is None and not store.is_bundled(spec):
        return None
    try:
        store.verify(spec)
    except CorruptModel:
        return None
    return store.record(spec)


def _obtained(
    specs: Sequence[ModelSpec], store: ModelStore, mirror: Path | None, progress: Progress
) -> Iterator[PullResult]:
    try:
        with _workspace(store.cache, progress) as folder:
            puller = _Puller(store, mirror, folder, progress)
            yield from [puller.obtained(spec) for spec in specs]
    except OSError as error:  # a cache that cannot be written still serves what it has
        yield from [PullResult(spec.name, None, (f"{store.cache}: {error.strerror or error}",)) for spec in specs]


@contextmanager
def _workspace(cache: Path, progress: Progress) -> Iterator[Path]:
    """A folder on the cache's own disk, so that a finished file can be moved into place in one step."""
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / ".lock", progress):
        for left_by_a_killed_process in cache.glob(f"{UNFINISHED}*"):
            shutil.rmtree(left_by_a_killed_process, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=cache) as folder:
            yield Path(folder)


@contextmanager
def _locked(path: Path, progress: Progress) -> Iterator[None]:
    """Holds the lock; says so where another process must be waited for."""
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress("waiting for another pull to end", 0, None)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


class _Puller:
    """One pull: the packages it has fetched are shared by the models that come out of them."""

    def __init__(self, store: ModelStore, mirror: Path | None, folder: Path, progress: Progress) -> None:
        self._store = store
        self._mirror = mirror
        self._folder = folder
        self._progress = progress
        self._packages = PackageFolders(folder / "packages", progress)

    def obtained(self, spec: ModelSpec) -> PullResult:
        """The model in the cache, from there or from the first source that gives it."""
        if (record := _whole(self._store, spec)) is not None:  # another process was faster
            return PullResult(spec.name, record)
        reasons = []
        for source in spec.sources:
            try:
                return PullResult(spec.name, self._install(spec, source))
            except OSError as error:  # the source's, or the disk's
                reasons.append(str(error))
        return PullResult(spec.name, None, tuple(reasons))

    def _install(self, spec: ModelSpec, source: Source) -> InstalledModel:
        target = self._folder / spec.file
        self._write(spec, source, target)
        installed = InstalledModel(spec.name, file_digest(target), str(source), spec.licence)
        record = self._folder / f"{spec.file}.json"
        record.write_text(json.dumps(asdict(installed), indent=2) + "\n", encoding="utf-8")
        target.replace(self._store.cache / spec.file)
        record.replace(self._store.record_path(spec))
        return installed

    def _write(self, spec: ModelSpec, source: Source, target: Path) -> None:
        match source:
            case PackageSource(package=package, recipe=recipe):
                _convert(recipe, self._packages.folder(package), target)
                return
            case BundledSource():
                raise UnavailableSource(f"{spec.file} came with Facet, and is missing or damaged: install Facet again")
            case MirrorSource():
                copy_from_mirror(self._mirror, spec.file, target, self._progress)
            case UrlSource(url=url):
                download(url, target, self._progress)
        verify_digest(target, spec.sha256)


def _convert(recipe: str, folder: Path, target: Path) -> None:
    try:
        target.write_bytes(RECIPES[recipe](folder))
    except Exception as error:
        raise UnavailableSource(f"recipe {recipe}: {type(error).__name__}: {error}") from error
