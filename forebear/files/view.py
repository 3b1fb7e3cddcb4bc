"""A container seen otherwise: other names, rows in another order, transposed, one expert of a stack, a shift undone."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forebear.core.limits import READ_BLOCK_BYTES
from forebear.files.base import Container, CountedBelow, Float32, TensorEntry
from forebear.files.rowwise import RowwiseContainer, row_count

KEPT_BYTES = 64 * 2**20
"""Transposed matrices kept in memory, all together: their rows cannot be read one by one."""


@dataclass(frozen=True, slots=True)
class Look:
    """How one tensor of a view is made from one of the original.

    source: its name there. slot: which position of the first axis is the tensor (an expert of a stack), or None.
    rows: which source row each row is (all of them, or some), or None. transposed: the source holds (columns, rows).
    shift: added to every value. shape: the shape shown when it differs by sizes of one.
    """

    source: str
    slot: int | None = None
    rows: NDArray[np.intp] | None = None
    transposed: bool = False
    shift: float = 0.0
    shape: tuple[int, ...] | None = None

    @property
    def plain(self) -> bool:
        """Whether values stand as in the source, byte for byte."""
        return self.slot is None and self.rows is None and not self.transposed and not self.shift


class View(CountedBelow, RowwiseContainer):
    """Tensors of another container under other names and layouts; every read goes to the original.

    A tensor that is not `plain` shows its dtype with " (rearranged)": its stored bytes are those of its source.
    """

    def __init__(self, original: Container, looks: Mapping[str, Look]) -> None:
        entries = {name: _entry(name, look, original.tensors[look.source]) for name, look in looks.items()}
        self._original, self._looks = original, dict(looks)
        self._sources = (original,)
        self._kept: OrderedDict[str, Float32] = OrderedDict()
        super().__init__(original.kind, original.paths, entries, original.metadata, original.odd)
        self.header_digest, self.beside = original.header_digest, original.beside
        self.grain_bytes = original.grain_bytes

    @property
    def original(self) -> Container:
        """The container behind the view."""
        return self._original

    def _run(self, entry: TensorEntry, first: int, last: int) -> Float32:
        look = self._looks[entry.name]
        if look.rows is not None or look.transposed or look.slot is not None:
            return self._picked(entry, look, np.arange(first, last, dtype=np.intp))
        return _shifted(self._original.rows(look.source, first, last), look)

    def _some(self, entry: TensorEntry, rows: NDArray[np.intp], out: Float32) -> None:
        look = self._looks[entry.name]
        if look.plain and look.shape is None:
            out[...] = self._original.take(look.source, rows).reshape(out.shape)
        else:
            out[...] = self._picked(entry, look, rows).reshape(out.shape)

    def _picked(self, entry: TensorEntry, look: Look, rows: NDArray[np.intp]) -> Float32:
        if look.transposed:
            return _shifted(self._columns(entry, look, rows), look)
        if look.slot is not None:
            stack = self._original.rows(look.source, look.slot, look.slot + 1)[0]
            return _shifted(stack.reshape(-1, *entry.shape[1:])[rows], look)
        if look.shape is not None:
            return _shifted(self._original.read(look.source).reshape(look.shape)[rows], look)
        wanted = rows if look.rows is None else look.rows[rows]
        return _shifted(self._original.take(look.source, wanted), look)

    def _columns(self, entry: TensorEntry, look: Look, columns: NDArray[np.intp]) -> Float32:
        """Columns of the source as rows. Shapes: source (height, width); returns (len(columns), height)."""
        kept = self._kept.get(entry.name)
        if kept is not None:
            self._kept.move_to_end(entry.name)
            return kept[columns]
        height = entry.shape[1]
        keep = 4 * entry.parameters <= KEPT_BYTES
        wanted = np.arange(entry.shape[0], dtype=np.intp) if keep else columns
        out = np.empty((wanted.size, height), dtype=np.float32)
        step = max(1, READ_BLOCK_BYTES // (4 * max(1, entry.shape[0])))
        for begin in range(0, height, step):
            end = min(height, begin + step)
            block = self._source_rows(look, begin, end)
            out[:, begin:end] = block.T if keep else block[:, columns].T
        if not keep:
            return out
        self._keep(entry.name, out)
        return out[columns]

    def _source_rows(self, look: Look, begin: int, end: int) -> Float32:
        if look.slot is None:
            return self._original.rows(look.source, begin, end)
        stack: Float32 = self._original.rows(look.source, look.slot, look.slot + 1)[0][begin:end]
        return stack

    def _keep(self, name: str, values: Float32) -> None:
        self._kept[name] = values
        while sum(v.nbytes for v in self._kept.values()) > KEPT_BYTES:
            self._kept.popitem(last=False)

    def prefetch(self, wanted: Iterable[tuple[str, NDArray[np.intp]]]) -> None:
        """See `Container.prefetch`; tensors that are turned or cut out of a stack are left to be read when needed."""
        looks = [(self._looks[name], rows) for name, rows in wanted if name in self._looks]
        self._original.prefetch(
            (look.source, np.sort(look.rows[rows]) if look.rows is not None else rows)
            for look, rows in looks if not look.transposed and look.slot is None
        )  # fmt: skip

    def cost(self, name: str, rows: NDArray[np.intp]) -> int:
        """See `Container.cost`; a tensor that is turned or cut out of a stack is read whole."""
        look = self._looks[name]
        if not look.transposed and look.slot is None:
            return self._original.cost(look.source, rows if look.rows is None else np.sort(look.rows[rows]))
        first = look.slot or 0
        last = first + 1 if look.slot is not None else row_count(self._original.tensors[look.source])[0]
        return 0 if name in self._kept else self._original.cost(look.source, np.arange(first, last, dtype=np.intp))

    def raw(self, name: str, begin: int, end: int) -> bytes:
        """See `Container.raw`: bytes of the source."""
        return self._original.raw(self._looks[self._entry(name).name].source, begin, end)

    def read(self, name: str) -> Float32:
        """See `Container.read`."""
        return self.rows(name).reshape(self._entry(name).shape)

    def stored(self, name: str) -> Iterator[memoryview]:
        """The stored bytes of the source (of the whole stack for one expert)."""
        yield from self._original.stored(self._looks[self._entry(name).name].source)

    def close(self) -> None:
        """Close the original."""
        self._kept.clear()
        super().close()


def _shifted(values: Float32, look: Look) -> Float32:
    return values + np.float32(look.shift) if look.shift else values


def _entry(name: str, look: Look, source: TensorEntry) -> TensorEntry:
    shape, stored = source.shape, source.stored_bytes
    if look.slot is not None:
        shape, stored = shape[1:], stored // max(1, shape[0])
    if look.transposed:
        shape = (shape[1], shape[0])
    if look.rows is not None:
        shape, stored = (len(look.rows), *shape[1:]), stored * len(look.rows) // max(1, shape[0])
    shape = look.shape if look.shape is not None else shape
    dtype = source.dtype if look.plain else f"{source.dtype} (rearranged)"
    return TensorEntry(name, dtype, shape, stored, source.shard)


def renamed(names: Mapping[str, str]) -> dict[str, Look]:
    """Looks that only rename: new name -> old name."""
    return {new: Look(old) for new, old in names.items()}


__all__ = ["Look", "View", "renamed"]
