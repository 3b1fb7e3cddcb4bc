"""Several open containers seen as one checkpoint: shards, PyTorch shards, split GGUF files; on disk or at an address."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from forebear.core.bounded import parse_json
from forebear.core.errors import refusal
from forebear.core.limits import MAX_SHARDS, MAX_TENSORS
from forebear.core.messages import Message, message
from forebear.files.base import Container, CountedBelow, Float32, TensorEntry, quoted
from forebear.files.bytes.remote import RemoteFile, prefetch_files
from forebear.files.formats.safetensors import SafetensorsContainer
from forebear.files.refusing import AGAIN, SOURCE, more_than, no_tensor

OPEN_AT_ONCE = 32
"""Parts whose file descriptors are kept; the others open again when read."""
_SHOWN = 3
"""Tensors that a sentence names."""


class JoinedContainer(CountedBelow):
    """Parts that share no tensor name; reads go to the part that has the tensor.

    weight_map: tensor -> file as an index declares it; files: those files, one for each part. What the index gets wrong is
    said; of a tensor in two parts it says which is meant.
    Raises: RefusedError for a tensor in two parts of which no index names one, or too many tensors.
    """

    def __init__(
        self, parts: Sequence[Container], *, weight_map: Mapping[str, str] | None = None, files: Sequence[str] = (),
        where: str = "",
    ) -> None:  # fmt: skip
        index = weight_map or {}
        tensors: dict[str, TensorEntry] = {}
        self._home: dict[str, int] = {}
        metadata: dict[str, str] = {}
        odd: list[Message] = []
        twice: list[str] = []
        for number, part in enumerate(parts):
            for name, entry in part.tensors.items():
                twice += [name] if name in tensors else []
                if name in tensors and not _stays(name, number, self._home[name], index, files):
                    _refuse_twice(name, parts[self._home[name]], part, where)
                if name not in tensors or index.get(name) == files[number]:
                    tensors[name], self._home[name] = entry, number
            if len(tensors) > MAX_TENSORS:
                raise refusal(more_than("all_shards", MAX_TENSORS, "tensors"), where=where, todo=SOURCE)
            for key, value in part.metadata.items():
                metadata.setdefault(key, value)
            odd += [message("odd.in_file", file=part.paths[0].name, what=said) for said in part.odd]
        self._parts = tuple(parts)
        self._sources = self._parts
        self._recent: list[int] = []
        super().__init__(parts[0].kind, tuple(p for part in parts for p in part.paths), tensors, metadata, odd)
        self.said += _disagreements(index, files, self._home, twice) if weight_map is not None else []
        self.grain_bytes = max(part.grain_bytes for part in parts)
        self.header_digest = hashlib.sha256("".join(part.header_digest for part in parts).encode()).hexdigest()

    @property
    def parts(self) -> tuple[Container, ...]:
        """The containers, in order."""
        return self._parts

    def _part(self, name: str) -> Container:
        number = self._home.get(name)
        if number is None:
            raise no_tensor(self, name)
        if len(self._parts) > OPEN_AT_ONCE and number not in self._recent:
            self._recent.append(number)
            if len(self._recent) > OPEN_AT_ONCE:
                self._parts[self._recent.pop(0)].release()
        return self._parts[number]

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
        for number, part in enumerate(self._parts):
            mine = [(name, rows) for name, rows in asked if self._home.get(name) == number]
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


def _stays(name: str, number: int, before: int, index: Mapping[str, str], files: Sequence[str]) -> bool:
    """Whether an index says which of two parts a tensor is read from."""
    return name in index and index[name] in (files[number], files[before])


def _refuse_twice(name: str, first: Container, second: Container, where: str) -> NoReturn:
    said = message("index.in_two", name=quoted(name), first=first.paths[0].name, second=second.paths[0].name)
    raise refusal(said, where=where or str(second.paths[0]), todo=message("advice.which_shard"))


def _disagreements(
    index: Mapping[str, str], files: Sequence[str], home: Mapping[str, int], twice: Sequence[str]
) -> list[Message]:
    """What an index says of its files that is not so."""
    absent = [name for name in index if name not in home]
    moved = [name for name, file in index.items() if name in home and files[home[name]] != file]
    unnamed = [name for name in home if name not in index]
    found = {"index_absent": absent, "index_moved": moved, "index_twice": list(twice), "index_unnamed": unnamed}
    return [
        message(f"folder.{key}", count=len(names), names=[quoted(name) for name in names[:_SHOWN]])
        for key, names in found.items() if names
    ]  # fmt: skip


def read_index(data: bytes, where: str) -> dict[str, str]:
    """tensor -> file name of an index (`*.index.json`), without "./"; names are not checked, empty where it has none.

    Raises: RefusedError for what is no index, or names too many files.
    """
    document: Any = parse_json(data, where=where, max_values=4 * MAX_TENSORS)
    stated = document.get("weight_map") if isinstance(document, dict) else ()
    found = {} if stated is None else stated
    if not isinstance(found, dict) or not all(isinstance(file, str) for file in found.values()):
        raise refusal(message("index.no_map"), where=where, todo=AGAIN)
    files = set(found.values())
    if len(files) > MAX_SHARDS:
        raise refusal(message("most.names", count=len(files), most=MAX_SHARDS), where=where, todo=SOURCE)
    return {name: file.removeprefix("./") for name, file in found.items()}
