"""Files that lie together, on disk or at an address: their names, their bytes, and what is small enough to be read whole."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

from forebear.core.bounded import inner_parts, read_bounded, refuse_os_error
from forebear.core.errors import refusal
from forebear.core.limits import MAX_TOKENIZER_BYTES
from forebear.core.messages import message
from forebear.files.base import quoted
from forebear.files.bytes.access import PositionedFile
from forebear.files.bytes.bytesource import ByteSource

MAX_INNER = 10_000
"""Inner folders that are looked at."""
SMALL = (".json", ".txt", ".model", ".tiktoken")
"""Ends of the names of files that come with weights: configurations and tokenizers."""
T = TypeVar("T")


class Folder(Protocol):
    """`LocalFolder` and `RemoteFolder`; every method raises RefusedError when what is asked for cannot be had."""

    @property
    def where(self) -> str:
        """Names the folder in messages."""

    @property
    def path(self) -> Path | None:
        """Where it lies on disk; None for an address."""

    def names(self) -> Iterator[str]:
        """Names of what lies directly inside, in any order; hidden ones left out."""

    def folders(self) -> tuple[str, ...]:
        """Names of inner folders, in order; at most MAX_INNER."""

    def inner(self, name: str) -> Folder:
        """An inner folder."""

    def source(self, name: str) -> ByteSource:
        """The bytes of a file of the folder."""

    def small(self, name: str, limit: int) -> bytes:
        """A file of at most `limit` bytes, whole."""

    def has(self, name: str, where: str) -> bool:
        """Whether a file is there that another one names; refused when the name leads out of the folder."""

    def each(self, work: Callable[[str], T], names: Iterable[str]) -> Iterator[T]:
        """`work` done on every name as the results are asked for, side by side where that saves time."""

    def beside(self, weights: Any) -> Mapping[str, Callable[[], bytes]]:
        """Small files that come with the weights, by name; empty on disk, where whoever wants them reads the folder."""


class LocalFolder:
    """A folder on disk. See `Folder`. top: the repository it lies in, whose small files come with weights of inner folders."""

    def __init__(self, path: Path, top: Path | None = None) -> None:
        self.path, self.top = path, top
        self.where = str(path)

    def names(self) -> Iterator[str]:
        """See `Folder.names`."""
        try:
            with os.scandir(self.path) as entries:
                yield from (entry.name for entry in entries if not entry.name.startswith("."))
        except OSError as error:
            raise refuse_os_error(error, self.path) from error

    def folders(self) -> tuple[str, ...]:
        """See `Folder.folders`."""
        try:
            with os.scandir(self.path) as entries:
                inner = (e.name for e in entries if not e.name.startswith(".") and Path(e.path).is_dir())
                return tuple(sorted(islice(inner, MAX_INNER)))
        except OSError as error:
            raise refuse_os_error(error, self.path) from error

    def inner(self, name: str) -> LocalFolder:
        """See `Folder.inner`."""
        return LocalFolder(self.path / name)

    def source(self, name: str) -> ByteSource:
        """See `Folder.source`."""
        place = self.path / name
        if place.is_dir():
            raise refusal(message("unfit.folder"), where=str(place), todo=message("advice.own_path"))
        return PositionedFile(place)

    def small(self, name: str, limit: int) -> bytes:
        """See `Folder.small`."""
        return read_bounded(self.path / name, limit)

    def has(self, name: str, where: str) -> bool:
        """See `Folder.has`; links are followed as far as the folder, or the hub cache's own files."""
        parts = inner_parts(name)
        if parts is not None and not os.path.lexists(self.path.joinpath(*parts)):
            return False
        contained(self.path, name, where)
        return True

    def each(self, work: Callable[[str], T], names: Iterable[str]) -> Iterator[T]:
        """See `Folder.each`."""
        return map(work, names)

    def beside(self, weights: Any) -> Mapping[str, Callable[[], bytes]]:
        """See `Folder.beside`."""
        if self.top is None or self.top == self.path:
            return {}
        names = [name for name in LocalFolder(self.top).names() if name.endswith(SMALL) and not name.endswith(".index.json")]
        return {name: partial(read_bounded, self.top / name, MAX_TOKENIZER_BYTES) for name in sorted(names)}


def contained(folder: Path, name: str, where: str) -> Path:
    """The path of a file that another one names, if it stays inside the folder, links followed. where: who names it.

    Raises: RefusedError when it does not, or is missing.
    """
    parts = inner_parts(name)
    if parts is None:
        said = message("folder.shard_outside", name=quoted(name))
        raise refusal(said, where=where, todo=message("advice.shard_inside"))
    path = folder.joinpath(*parts)
    try:
        real = path.resolve(strict=True)
    except RuntimeError:  # how pathlib before 3.13 reports a link that leads back to itself
        raise refuse_os_error(OSError(errno.ELOOP, ""), path) from None
    except OSError as error:
        if error.errno == errno.ENOENT:
            said = message("folder.shard_missing", name=quoted(name))
            raise refusal(said, where=where, todo=message("advice.rest")) from None
        raise refuse_os_error(error, path) from error
    home = folder.resolve()
    if not real.is_relative_to(home) and real.parent != _blobs(home):
        said = message("folder.shard_link", name=quoted(name))
        raise refusal(said, where=where, todo=message("advice.file_itself"))
    return path


def _blobs(home: Path) -> Path | None:
    """Where a hub cache keeps the files that its snapshots link to; None for any other folder.

    The layout is <repository>/snapshots/<revision>/[<folder>/]<name>, a link to <repository>/blobs/<digest>.
    """
    snapshot = next((place for place in (home, *home.parents) if place.parent.name == "snapshots"), None)
    return snapshot.parent.parent / "blobs" if snapshot is not None else None
