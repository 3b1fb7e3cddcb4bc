"""ONNX files: initialisers as rows, dequantised with their scales, named and turned as the graph says; nothing is run."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forebear.core.limits import MAX_TENSORS, READ_BLOCK_BYTES
from forebear.core.messages import message
from forebear.files.base import Container, Float32, TensorEntry, quoted
from forebear.files.bytes.access import PositionedFile
from forebear.files.bytes.bytesource import ByteSource
from forebear.files.bytes.folder import contained
from forebear.files.dtypes import DTYPES, decode
from forebear.files.formats.onnx_graph import OnnxEntry, OnnxGraph, read_graph
from forebear.files.formats.onnx_recover import ANONYMOUS, Quantised, Recovered, head_sizes, recover
from forebear.files.refusing import complex_numbers, refuse_tensor
from forebear.files.rowwise import RowwiseContainer, row_count, stored_pieces
from forebear.files.view import Look, View

MAX_SCALES = 2**26
_SMALL = 16
"""Whole-number tensors of at most so many values are sizes and axes of the graph, not weights."""


class OnnxContainer(RowwiseContainer):
    """Tensors under the graph's own names, quantised ones as their float values."""

    def __init__(self, file: ByteSource, graph: OnnxGraph, quantised: dict[str, Quantised]) -> None:
        self._file, self._graph, self._quantised = file, graph, quantised
        self._outside: OrderedDict[str, ByteSource] = OrderedDict()
        self._scales: dict[str, tuple[Float32, Float32 | None]] = {}
        entries: dict[str, TensorEntry] = dict(graph.tensors)
        for name, how in quantised.items():
            stored = graph.tensors[how.stored]
            entries[name] = TensorEntry(name, f"{stored.dtype} (scaled)", stored.shape, stored.stored_bytes)
        self.head_sizes: dict[str, int] = {}
        """By recovered name: values of one head, where the graph cuts a product into heads."""
        super().__init__("onnx", (Path(file.path),), entries, dict(graph.metadata), list(graph.odd))
        self._count()

    def _count(self) -> None:
        self.bytes_read = self._file.bytes_read + sum(f.bytes_read for f in self._outside.values())

    def whole(self, name: str) -> int | None:
        """The value of a whole-number tensor of one element; of a list of several, its last; None for anything else."""
        entry = self._graph.tensors.get(name)
        if entry is None or entry.dtype not in ("I64", "I32") or not 0 < entry.parameters <= _SMALL:
            return None
        return int(self.read(name).reshape(-1)[-1])

    def _source(self, entry: OnnxEntry) -> ByteSource:
        if not entry.location:
            return self._file
        source = self._outside.get(entry.location)
        if source is None:
            if not self.paths[0].is_file():
                raise refuse_tensor(self, entry.name, message("onnx.other_file"), message("advice.beside"))
            place = contained(self.paths[0].parent, entry.location, self._where())
            source = self._outside[entry.location] = PositionedFile(place)
        if entry.begin + entry.stored_bytes > source.size:
            end, name = entry.begin + entry.stored_bytes, quoted(entry.location)
            raise refuse_tensor(self, entry.name, message("onnx.ends", end=end, size=source.size, name=name))
        return source

    def _run(self, entry: TensorEntry, first: int, last: int) -> Float32:
        how = self._quantised.get(entry.name)
        if how is None:
            assert isinstance(entry, OnnxEntry)
            return self._values(entry, first, last)
        return self._scaled(self._graph.tensors[how.stored], how, first, last)

    def _values(self, entry: OnnxEntry, first: int, last: int) -> Float32:
        """Stored values of rows first..last, flat."""
        width = row_count(entry)[1]
        begin, count = first * width, (last - first) * width
        if entry.listed is not None:
            return _listed(entry)[begin : begin + count]
        if entry.dtype == "C64":
            raise complex_numbers(self, entry.name)
        source = self._source(entry)
        if entry.dtype in ("U4", "I4", "F4"):
            raw = np.frombuffer(source.read(entry.begin + begin // 2, (begin + count + 1) // 2 - begin // 2), np.uint8)
            return _nibbles(raw, entry.dtype)[begin % 2 : begin % 2 + count]
        dtype = DTYPES[entry.dtype]
        raw = np.frombuffer(source.read(entry.begin + begin * dtype.bits // 8, count * dtype.bits // 8), np.uint8)
        return decode(raw, dtype)

    def _scaled(self, stored: OnnxEntry, how: Quantised, first: int, last: int) -> Float32:
        scale, zero = self._factors(stored, how)
        values = self._values(stored, first, last).reshape(last - first, *stored.shape[1:])
        if zero is not None:
            values = values - _rows_of(zero, stored, how, first, last)
        with np.errstate(all="ignore"):
            return np.asarray(values * _rows_of(scale, stored, how, first, last), dtype=np.float32)

    def _factors(self, stored: OnnxEntry, how: Quantised) -> tuple[Float32, Float32 | None]:
        """Scale and zero point, shaped to broadcast over the tensor (blocks not yet repeated)."""
        if how.stored not in self._scales:
            scale = self._factor(how.scale, stored, how)
            zero = self._factor(how.zero, stored, how) if how.zero else None
            self._scales[how.stored] = scale, zero
        return self._scales[how.stored]

    def _factor(self, name: str, stored: OnnxEntry, how: Quantised) -> Float32:
        entry = self._graph.tensors[name]
        if entry.parameters > MAX_SCALES:
            self._unfit(name, stored)
        values = self.read(name)
        rank = len(stored.shape)
        if values.size == 1:
            return values.reshape((1,) * max(1, rank))
        if how.axis is not None and values.ndim == 1 and rank:
            axis = how.axis % rank
            if values.size != stored.shape[axis] and how.stored.endswith("_quantized"):
                axis = next((i for i, size in enumerate(stored.shape) if size == values.size), axis)
            values = values.reshape([-1 if i == axis else 1 for i in range(rank)])
        values = values.reshape((1,) * (rank - values.ndim) + values.shape) if values.ndim < rank else values
        for i, (size, full) in enumerate(zip(values.shape, stored.shape, strict=True)):
            blocked = how.block and how.axis is not None and i == how.axis % rank and -(-full // how.block) == size
            if size not in (1, full) and not blocked:
                self._unfit(name, stored)
        return values

    def _unfit(self, name: str, stored: OnnxEntry) -> None:
        raise refuse_tensor(self, stored.name, message("onnx.scales", scales=quoted(name)))

    def stored(self, name: str) -> Iterator[memoryview]:
        """See `Container.stored`; of a quantised tensor, its whole numbers."""
        entry = self._entry(name)
        how = self._quantised.get(name)
        held = self._graph.tensors[how.stored] if how is not None else entry
        assert isinstance(held, OnnxEntry)
        if held.listed is not None:
            yield memoryview(_listed(held).astype("<f4").tobytes())
        else:
            piece = READ_BLOCK_BYTES
            yield from stored_pieces(self._source(held), held.begin, held.stored_bytes, piece)
        self._count()

    def release(self) -> None:
        """Give file descriptors back until the next read."""
        for file in (self._file, *self._outside.values()):
            file.release()

    def close(self) -> None:
        """Close the file and those beside it."""
        for file in (self._file, *self._outside.values()):
            file.close()


def _rows_of(factor: Float32, stored: OnnxEntry, how: Quantised, first: int, last: int) -> Float32:
    """A factor for rows first..last, blocks repeated."""
    blocked = how.block and how.axis is not None and stored.shape
    axis = how.axis % len(stored.shape) if blocked and how.axis is not None else -1
    if axis == 0 and factor.shape[0] > 1:
        picked: Float32 = factor[np.arange(first, last) // how.block]
        return picked
    part = factor[first:last] if factor.shape[0] > 1 else factor
    if axis > 0 and part.shape[axis] > 1:
        part = np.repeat(part, how.block, axis=axis)[(slice(None),) * axis + (slice(stored.shape[axis]),)]
    return part


def _listed(entry: OnnxEntry) -> Float32:
    """Values the file lists as whole numbers: halves as their bits, four-bit ones two to a number."""
    assert entry.listed is not None
    values = np.asarray(entry.listed, dtype=np.int64)
    if entry.dtype in ("F16", "BF16"):
        return decode(values.astype("<u2").view(np.uint8), DTYPES[entry.dtype])
    if entry.dtype in ("U4", "I4", "F4") and values.size != entry.parameters:
        return _nibbles(values.astype(np.uint8), entry.dtype)[: entry.parameters]
    if entry.dtype.startswith("F8"):
        return decode(values.astype(np.uint8), DTYPES[entry.dtype])
    return values.astype(np.float32)


def _nibbles(raw: NDArray[np.uint8], tag: str) -> Float32:
    """Two values from each byte, the low half first."""
    if tag == "F4":
        return decode(raw, DTYPES["F4"])
    codes = np.stack([raw & 15, raw >> 4], axis=1).reshape(-1).astype(np.int8)
    return np.asarray(np.where((tag == "I4") & (codes > 7), codes - 16, codes), dtype=np.float32)


def open_onnx(file: ByteSource, max_header: int | None) -> Container:
    """An ONNX file as its weights: quantised ones scaled, anonymous matrices named and turned to (out, in) where their
    place in the graph tells. Raises RefusedError for a damaged file."""
    graph = read_graph(file, max_header)
    found = recover(graph)
    container = OnnxContainer(file, graph, found.quantised)
    shapes = "".join(f"{e.name} {e.dtype} {e.shape}\n" for e in graph.tensors.values())
    container.header_digest = hashlib.sha256(shapes.encode("utf-8", "surrogatepass")).hexdigest()
    container.head_sizes = head_sizes(graph, found, container.whole)
    looks = _looks(container, found)
    if found.quantised:
        container.odd.append(message("odd.quantised", count=len(found.quantised)))
    if found.names:
        container.odd.append(message("odd.anonymous", count=len(found.names)))
    return View(container, looks)


def _looks(container: OnnxContainer, found: Recovered) -> dict[str, Look]:
    looks: dict[str, Look] = {}
    hidden = 0
    for name, entry in container.tensors.items():
        if name in found.consumed and name not in found.quantised:
            continue
        constant = entry.dtype in ("I64", "I32", "BOOL", "U8") and entry.parameters <= _SMALL
        if (constant or entry.parameters <= 1) and ANONYMOUS.fullmatch(name):
            hidden += 1
            continue
        looks[found.names.get(name, name)] = Look(name, transposed=name in found.transposed)
    if hidden:
        container.odd.append(message("odd.hidden", count=hidden))
    assert len(looks) <= 2 * MAX_TENSORS
    return looks
