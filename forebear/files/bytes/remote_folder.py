"""Files that lie together at an address: what a hub lists of a repository, or what lies beside a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from forebear.core.errors import refusal
from forebear.core.limits import MAX_CONFIG_BYTES, MAX_TOKENIZER_BYTES
from forebear.core.messages import message
from forebear.files.base import quoted
from forebear.files.bytes.bytesource import ByteSource
from forebear.files.bytes.remote import RemoteFile, SmallFile, fetch_small, shown
from forebear.files.bytes.remote_address import spot_of
from forebear.files.bytes.remote_http import Client

T = TypeVar("T")


class RemoteFolder:
    """See `Folder`. listed: names from here on, inner folders included; None where nothing lists them.

    kept: the folder of a cache that holds files of this very revision, perhaps not all. small_files: those that may come with
    weights, by name: where the address of each leads.
    """

    path = None

    def __init__(
        self,
        client: Client,
        where: str,
        address_of: Callable[[str], str],
        *,
        listed: Sequence[str] | None = None,
        typed: str = "",
        kept: Path | None = None,
        small_files: Mapping[str, str] | None = None,
        small_limit: int = MAX_TOKENIZER_BYTES,
    ) -> None:
        self.where, self.kept = where, kept
        self._client, self._address_of, self._listed, self._typed = client, address_of, listed, typed
        self._small, self._small_limit = small_files or {}, small_limit

    def names(self) -> Iterator[str]:
        """See `Folder.names`."""
        return (name for name in self._listed or () if "/" not in name and not name.startswith("."))

    def folders(self) -> tuple[str, ...]:
        """See `Folder.folders`."""
        return tuple(sorted({name.partition("/")[0] for name in self._listed or () if "/" in name}))

    def inner(self, name: str) -> RemoteFolder:
        """See `Folder.inner`."""
        start = f"{name}/"
        return RemoteFolder(
            self._client,
            f"{self.where}/{name}",
            lambda file: self._address_of(f"{start}{file}"),
            listed=[file.removeprefix(start) for file in self._listed or () if file.startswith(start)],
            kept=None if self.kept is None else self.kept / name,
            small_files=self._small,
            small_limit=self._small_limit,
        )

    def source(self, name: str) -> ByteSource:
        """See `Folder.source`."""
        address = self._address_of(name)
        return RemoteFile(self._client, address, name="" if address == self._typed else name)

    def small(self, name: str, limit: int) -> bytes:
        """See `Folder.small`."""
        return fetch_small(self._client, self._address_of(name), limit)

    def has(self, name: str, where: str) -> bool:
        """See `Folder.has`; where nothing lists the files, it is taken to be there."""
        if not name or name.startswith(".") or any(c in name for c in "/\\:?#%") or not name.isprintable():
            said = message("folder.shard_outside", name=quoted(name))
            raise refusal(said, where=where, todo=message("advice.shard_inside"))
        return self._listed is None or name in self._listed

    def each(self, work: Callable[[str], T], names: Iterable[str]) -> Iterator[T]:
        """See `Folder.each`."""
        return self._client.pool.map(work, names)

    def beside(self, weights: Any) -> Mapping[str, Callable[[], bytes]]:
        """See `Folder.beside`."""
        return {name: SmallFile(self._client, address, weights, self._small_limit) for name, address in self._small.items()}


def beside_file(address: str, token: str) -> tuple[RemoteFolder, str]:
    """What lies beside a file at an address, as far as it can be guessed, and the file's name there."""
    spot = spot_of(address)
    name = spot.target.partition("?")[0].rpartition("/")[2]
    folder = RemoteFolder(
        Client(address, token),
        shown(address).rpartition("/")[0],
        lambda file: address if file == name else spot.file_beside(file),
        typed=address,
        small_files={"config.json": spot.file_beside("config.json")},
        small_limit=MAX_CONFIG_BYTES,
    )
    return folder, name
