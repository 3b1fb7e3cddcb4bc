"""A checkpoint in several safetensors files, with or without an index that says which tensor is where."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forebear.core.bounded import inner_parts, parse_json, read_bounded, refuse_os_error
from forebear.core.errors import RefusedError
from forebear.core.limits import MAX_HEADER_BYTES, MAX_SHARD_HEADERS, MAX_SHARDS, MAX_TENSORS
from forebear.core.messages import Message, message
from forebear.files.base import Container, Float32, TensorEntry, quoted
from forebear.files.formats.safetensors import SafetensorsContainer

_OPEN_AT_ONCE = 32
"""Shards whose file descriptors are kept; the others open again when read."""


class ShardedContainer(Container):
    """Several safetensors files seen as one. Memory: their headers."""

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        weight_map: Mapping[str, str] | None = None,
        where: str = "",
        max_header: int | None = None,
    ) -> None:
        """Open every shard's header.

        weight_map: tensor -> shard name as an index declares it, the shards in order of first mention; it must agree with
                    the shards exactly.
        Raises: RefusedError for what a shard is refused for, a tensor in two shards, too many tensors, a tensor the
                index puts where it is not.
        """
        shards: list[SafetensorsContainer] = []
        tensors: dict[str, TensorEntry] = {}
        metadata: dict[str, str] = {}
        odd: list[Message] = []
        headers = 0
        for number, path in enumerate(paths):
            shard = SafetensorsContainer(path, max_header=max_header, shard=number)
            shards.append(shard)
            headers += shard.bytes_read
            if headers > MAX_SHARD_HEADERS:
                raise RefusedError(f"the headers of the shards hold more than {MAX_SHARD_HEADERS:,} bytes",
                                   where=where or str(path), todo="Check where the files are from.")  # fmt: skip
            if len(paths) > _OPEN_AT_ONCE:
                shard.release()
            _add_tensors(tensors, shard, paths)
            for key, value in shard.metadata.items():
                metadata.setdefault(key, value)
            odd.extend(message("odd.in_file", file=path.name, what=said) for said in shard.odd)
        if weight_map is not None:
            odd.extend(_check_map(weight_map, tensors, where))
        super().__init__("safetensors", tuple(paths), tensors, metadata, odd)
        self._shards = shards
        self._recent: list[int] = []
        self.header_digest = hashlib.sha256("".join(s.header_digest for s in shards).encode()).hexdigest()
        self._count()

    def _count(self) -> None:
        self.bytes_read = sum(shard.bytes_read for shard in self._shards)

    def _shard_of(self, name: str) -> SafetensorsContainer:
        entry = self.tensors.get(name)
        if entry is None:
            raise RefusedError(
                f"no tensor {quoted(name)}", where=str(self.paths[0].parent), todo="Ask for one a header names."
            )
        if len(self._shards) > _OPEN_AT_ONCE and entry.shard not in self._recent:
            self._recent.append(entry.shard)
            if len(self._recent) > _OPEN_AT_ONCE:
                self._shards[self._recent.pop(0)].release()
        return self._shards[entry.shard]

    def rows(self, name: str, start: int = 0, stop: int | None = None) -> Float32:
        """See `Container.rows`."""
        values = self._shard_of(name).rows(name, start, stop)
        self._count()
        return values

    def take(self, name: str, indices: Sequence[int] | NDArray[np.intp]) -> Float32:
        """See `Container.take`."""
        values = self._shard_of(name).take(name, indices)
        self._count()
        return values

    def stored(self, name: str) -> Iterator[memoryview]:
        """See `Container.stored`."""
        for part in self._shard_of(name).stored(name):
            self._count()
            yield part

    def raw(self, name: str, begin: int, end: int) -> bytes:
        """See `Container.raw`."""
        data = self._shard_of(name).raw(name, begin, end)
        self._count()
        return data

    def close(self) -> None:
        """Close every shard."""
        for shard in self._shards:
            shard.close()


def _add_tensors(tensors: dict[str, TensorEntry], shard: SafetensorsContainer, paths: Sequence[Path]) -> None:
    for name, entry in shard.tensors.items():
        if name in tensors:
            raise RefusedError(
                f"tensor {quoted(name)} is in two shards, {paths[tensors[name].shard].name} and {paths[entry.shard].name}",
                where=str(shard.paths[0]),
                todo="Remove the shard that does not belong, or add the index that says which is meant.",
            )
        tensors[name] = entry
    if len(tensors) > MAX_TENSORS:
        raise RefusedError(
            f"the shards declare more than {MAX_TENSORS:,} tensors",
            where=str(shard.paths[0].parent),
            todo="No known model has that many; check where the files are from.",
        )


def _check_map(weight_map: Mapping[str, str], tensors: Mapping[str, TensorEntry], where: str) -> list[Message]:
    """Refuse an index that names a tensor its shard lacks; say what the shards hold that the index does not name."""
    names = _shard_names(weight_map)
    for name, shard in weight_map.items():
        entry = tensors.get(name)
        if entry is None or names[entry.shard] != shard:
            raise RefusedError(
                f"the index puts tensor {quoted(name)} into {quoted(shard)}, which lacks it",
                where=where,
                todo="Index and shards are of different versions; get both again.",
            )
    unnamed = len(tensors) - len(weight_map)
    return [message("odd.unnamed", count=unnamed)] if unnamed else []


def _shard_names(weight_map: Mapping[str, str]) -> list[str]:
    return list(dict.fromkeys(weight_map.values()))


def open_index(path: Path, *, max_header: int | None = None) -> ShardedContainer:
    """The checkpoint that an index file (`model.safetensors.index.json`) describes.

    Raises: RefusedError when the index is no bounded, strict JSON object mapping names to shard names, or a shard is
            missing, named outside the folder, or reached through a link that leaves the folder (and is not the hub
            cache's own).
    """
    where = str(path)
    document = parse_json(read_bounded(path, MAX_HEADER_BYTES), where=where, max_values=4 * MAX_TENSORS)
    weight_map = document.get("weight_map") if isinstance(document, dict) else None
    if not isinstance(weight_map, dict) or not all(isinstance(shard, str) for shard in weight_map.values()):
        raise RefusedError(
            "the index has no weight_map from tensor names to shard names", where=where, todo="Get it again."
        )
    if not weight_map:
        raise RefusedError("the index names no tensor", where=where, todo="Get it again.")
    names = _shard_names(weight_map)
    if len(names) > MAX_SHARDS:
        raise RefusedError(f"the index names {len(names):,} shards; at most {MAX_SHARDS:,} are read", where=where,
                           todo="Check where it is from.")  # fmt: skip
    paths = [_shard_path(path.parent, name, where) for name in names]
    return ShardedContainer(paths, weight_map=weight_map, where=where, max_header=max_header)


def _shard_path(folder: Path, name: str, where: str) -> Path:
    """The shard's path if it stays inside the folder, links followed."""
    parts = inner_parts(name)
    if parts is None:
        raise RefusedError(f"the index names the shard {quoted(name)}, not a file name inside its folder", where=where,
                           todo="Do not trust this checkpoint; get it from its source.")  # fmt: skip
    path = folder.joinpath(*parts)
    try:
        real = path.resolve(strict=True)
    except RuntimeError:  # how pathlib before 3.13 reports a link that leads back to itself
        raise refuse_os_error(OSError(errno.ELOOP, ""), path) from None
    except OSError as error:
        if error.errno == errno.ENOENT:
            raise RefusedError(
                f"the shard {quoted(name)} is missing", where=where, todo="Download the rest of it."
            ) from None
        raise refuse_os_error(error, path) from error
    home = folder.resolve()
    if not real.is_relative_to(home) and real.parent != _blobs(home):
        raise RefusedError(f"the shard {quoted(name)} is a link that leads out of the folder", where=where,
                           todo="Put the file itself there, or open it by its own path.")  # fmt: skip
    return path


def _blobs(home: Path) -> Path | None:
    """Where a hub cache keeps the files that its snapshots link to; None for any other folder.

    The layout is <repository>/snapshots/<revision>/[<folder>/]<name>, a link to <repository>/blobs/<digest>.
    """
    snapshot = next((place for place in (home, *home.parents) if place.parent.name == "snapshots"), None)
    return snapshot.parent.parent / "blobs" if snapshot is not None else None
