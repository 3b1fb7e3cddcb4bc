"""Several open containers seen as one checkpoint: shards at an address, PyTorch shards, split GGUF files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.core.bounded import parse_json
from forebear.core.errors import RefusedError
from forebear.core.limits import MAX_HEADER_BYTES, MAX_SHARDS, MAX_TENSORS
from forebear.core.messages import Message, message
from forebear.files.base import Container, Float32, TensorEntry, quoted
from forebear.files.bytes.bytesource import ByteSource
from forebear.files.bytes.remote import RemoteFile, open_file, prefetch_files
from forebear.files.bytes.remote_http import Client
from forebear.files.formats.safetensors import SafetensorsContainer
from forebear.files.formats.sharded import _shard_path


class JoinedContainer(Container):
    """Parts that share no tensor name; reads go to the part that has the tensor.

    weight_map: tensor -> part's file name as an index declares it; every tensor it names must be there.
    Raises: RefusedError for a tensor in two parts, too many tensors, or an index that disagrees.
    """

    def __init__(
        self, parts: Sequence[Container], *, weight_map: Mapping[str, str] | None = None, where: str = ""
    ) -> None:
        tensors: dict[str, TensorEntry] = {}
        self._home: dict[str, Container] = {}
        metadata: dict[str, str] = {}
        odd: list[Message] = []
        for part in parts:
            for name, entry in part.tensors.items():
                if name in tensors:
                    raise RefusedError(f"tensor {quoted(name)} is in two parts", where=where,
                                       todo="Remove the part that does not belong.")  # fmt: skip
                tensors[name], self._home[name] = entry, part
            for key, value in part.metadata.items():
                metadata.setdefault(key, value)
            odd += [message("odd.in_file", file=part.paths[0].name, what=said) for said in part.odd]
        if len(tensors) > MAX_TENSORS:
            raise RefusedError(f"the parts declare more than {MAX_TENSORS:,} tensors", where=where,
                               todo="Check where they are from.")  # fmt: skip
        for name, file in (weight_map or {}).items():
            home = self._home.get(name)
            if home is None or home.paths[0].name != Path(file).name:
                raise RefusedError(f"the index puts tensor {quoted(name)} into {quoted(file)}, which lacks it",
                                   where=where, todo="Index and parts are of different versions.")  # fmt: skip
        self._parts = tuple(parts)
        super().__init__(parts[0].kind, tuple(p for part in parts for p in part.paths), tensors, metadata, odd)
        self.grain_bytes = max(part.grain_bytes for part in parts)
        self.header_digest = hashlib.sha256("".join(part.header_digest for part in parts).encode()).hexdigest()

    @property
    def parts(self) -> tuple[Container, ...]:
        """The containers, in order."""
        return self._parts

    @property
    def bytes_read(self) -> int:
        """Bytes read from all parts."""
        return sum(part.bytes_read for part in self._parts)

    @bytes_read.setter
    def bytes_read(self, value: int) -> None:
        if value:
            raise AttributeError("counted by the parts")

    def _part(self, name: str) -> Container:
        part = self._home.get(name)
        if part is None:
            raise RefusedError(f"no tensor {quoted(name)}", where=str(self.paths[0]),
                               todo="Ask for one a header names.")  # fmt: skip
        return part

    def rows(self, name: str, start: int = 0, stop: int | None = None) -> Float32:
        """See `Container.rows`."""
        return self._part(name).rows(name, start, stop)

    def take(self, name: str, indices: Sequence[int] | NDArray[np.intp]) -> Float32:
        """See `Container.take`."""
        return self._part(name).take(name, indices)

    def stored(self, name: str) -> Iterator[memoryview]:
        """See `Container.stored`."""
        yield from self._part(name).stored(name)

    def prefetch(self, wanted: Iterable[tuple[str, NDArray[np.intp]]]) -> None:
        """See `Container.prefetch`; safetensors shards at an address are fetched together."""
        asked = list(wanted)
        jobs = []
        for part in self._parts:
            mine = [(name, rows) for name, rows in asked if self._home.get(name) is part]
            file = getattr(part, "_file", None)
            if isinstance(part, SafetensorsContainer) and isinstance(file, RemoteFile):
                jobs.append((file, part.spans(mine)))
            elif mine:
                part.prefetch(mine)
        prefetch_files(jobs)

    def cost(self, name: str, rows: NDArray[np.intp]) -> int:
        """See `Container.cost`."""
        return self._part(name).cost(name, rows)

    def raw(self, name: str, begin: int, end: int) -> bytes:
        """See `Container.raw`."""
        return self._part(name).raw(name, begin, end)

    def close(self) -> None:
        """Close every part."""
        for part in self._parts:
            part.close()


def read_index(data: bytes, where: str) -> dict[str, str]:
    """tensor -> file name of an index (`*.index.json`). Raises RefusedError for anything else, or names with folders."""
    document: Any = parse_json(data, where=where, max_values=4 * MAX_TENSORS)
    found = document.get("weight_map") if isinstance(document, dict) else None
    if not isinstance(found, dict) or not found or not all(isinstance(file, str) for file in found.values()):
        raise RefusedError("the index has no weight_map from tensor names to file names", where=where,
                           todo="Get it again.")  # fmt: skip
    files = set(found.values())
    if len(files) > MAX_SHARDS:
        raise RefusedError(f"the index names {len(files):,} files; at most {MAX_SHARDS:,} are read", where=where,
                           todo="Check where it is from.")  # fmt: skip
    for file in files:
        if not file or file.startswith(".") or any(c in file for c in "/\\:?#%") or not file.isprintable():
            raise RefusedError(f"the index names the file {quoted(file)}, not one beside it", where=where,
                               todo="Do not trust this checkpoint.")  # fmt: skip
    return dict(found)


def open_remote_index(
    client: Client, address_of: Callable[[str], str], data: bytes, where: str, max_header: int | None
) -> Container:
    """The shards that an index names, their headers fetched side by side."""
    weight_map = read_index(data, where)
    files = list(dict.fromkeys(weight_map.values()))
    parts = list(client.pool.map(lambda file: open_file(client, address_of(file), max_header, name=file), files))
    return JoinedContainer(parts, weight_map=weight_map, where=where)


def open_local_index(file: ByteSource, max_header: int | None) -> Container:
    """The PyTorch files that an index (`pytorch_model.bin.index.json`) beside them names."""
    from forebear.files.sources import open_container_file

    where = str(file.path)
    if file.size > MAX_HEADER_BYTES:
        raise RefusedError(f"the index has {file.size:,} bytes; at most {MAX_HEADER_BYTES:,} are read", where=where,
                           todo="Check where it is from.")  # fmt: skip
    weight_map = read_index(bytes(file.read(0, file.size)), where)
    file.close()
    parts: list[Container] = []
    try:
        for name in dict.fromkeys(weight_map.values()):
            place = _shard_path(file.path.parent, name, where)
            parts.append(open_container_file(place, max_header))
        return JoinedContainer(parts, weight_map=weight_map, where=where)
    except BaseException:
        for part in parts:
            part.close()
        raise
