"""One pass over one tensor: its digest, and for every matrix in it the bucket sums and moments of its values.

Blocks are cut by shape alone, so that order, shards and container change no bit of what is found; memory is a few blocks.
"""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.files.base import Container, Float32, TensorEntry
from forebear.files.digests import value_digest
from forebear.files.dtypes import DTYPES, decode
from forebear.library.cleaning import centred, unit_rest
from forebear.library.hashing import SCREEN, SKETCH, WIDTH, Float64, both_grids
from forebear.models.architecture.pieces import Piece

BLOCK_VALUES = 2**19
"""Values of a block: 2 MB as float32, which a core's cache holds."""
SAMPLE = 2**14
"""Values of a block that the fourth moment, the largest value and the entropy are taken from."""
CHANNEL_FIRST = frozenset(("o", "down", "cross_o", "shared_down"))
"""Parts that write the residual stream: in canonical form their rows are channels; of all others the columns are."""
PART_SEEDS = {"q": 1, "k": 2, "v": 3, "o": 4, "gate": 5, "up": 6, "down": 7}
"""The parts of a screen; other parts share the seed 0."""
_WIDE = frozenset(("F64", "I64", "U64", "I32", "U32", "C64"))
COLUMNS = 32
"""Columns of what a block is multiplied by: WIDTH, one of ones, and noughts up to whole registers: quicker, and no bit changes."""
LEAST_BITS = 128.0
"""Entropy of a tensor, in bits, below which its digest tells nothing: a few coarse values that strangers may share by chance."""


@dataclass(frozen=True)
class Matrix:
    """What one matrix of a tensor adds to a print.

    sketch: (SKETCH, SKETCH) bucket sums of the matrix as it is; screen: (SCREEN, SCREEN) after cleaning, of unit norm, None
    where nothing is left. square: sum of squares; mean, fourth (kurtosis of a sample), largest: moments.
    """

    piece: Piece
    sketch: Float64
    screen: Float64 | None
    square: float
    mean: float
    fourth: float
    largest: float


@dataclass(frozen=True)
class Passed:
    """What one tensor gave. trivial: constant, whole numbers that are no weights, or too few bits to tell strangers apart."""

    name: str
    digest: str
    trivial: bool
    not_finite: int
    matrices: tuple[Matrix, ...]
    values: Float32
    """The tensor itself where it is a vector, (n,); empty otherwise."""


def pass_over(container: Container, name: str, pieces: Sequence[Piece]) -> Passed:
    """Read a tensor once. pieces: what its definition says lies in it; matrices among them are summed.

    Raises: RefusedError when the file changed or cannot be read.
    Source: METHODS §14, §18.
    """
    entry = container.tensors[name]
    shape = entry.shape
    columns = shape[-1] if len(shape) > 1 else 1
    rows = entry.parameters // columns if columns else 0
    sums = [_Sums(piece, shape) for piece in pieces if _is_matrix(piece, shape)]
    digest = _Digest(entry)
    first: Float32 | None = None
    odd, at = 0, 0
    kept: list[Float32] = []
    for block in _blocks(container, entry, digest, max(1, BLOCK_VALUES // max(1, columns)) * max(1, columns)):
        if first is None:
            first = block[:SAMPLE].copy()
        if len(shape) < 2:
            kept.append(block.copy())
        if sums:
            table = block.reshape(-1, columns)
            wrong, square = _repair(table)
            odd += wrong
            for one in sums:
                one.add(table, at, square)
            at += len(table)
    assert not sums or at == rows
    bits = _bits(first if first is not None else np.zeros(0, np.float32), entry.parameters)
    kind = {piece.kind for piece in pieces}
    codes = not pieces and entry.dtype in ("BOOL", "I8", "U8", "I16", "U16", "I32", "U32", "I64", "U64")
    trivial = bits < LEAST_BITS or kind == {"constant"} or codes
    values = np.concatenate(kept) if kept else np.zeros(0, np.float32)
    return Passed(name, digest.result(container), trivial, odd, tuple(one.result() for one in sums), values)


def _is_matrix(piece: Piece, shape: tuple[int, ...]) -> bool:
    stacked = len(shape) == 3 and piece.spans[0].count == 1
    return piece.kind == "matrix" and (len(shape) == 2 or stacked) and piece.parameters > 0


def _repair(block: Float32) -> tuple[int, float]:
    """Put zero where a value is not finite, in place; how many there were, and the sum of squares then."""
    flat = block.reshape(-1)
    square = float(np.dot(flat, flat))
    if math.isfinite(square):
        return 0, square
    wrong = ~np.isfinite(flat)
    flat[wrong] = 0
    return int(wrong.sum()), float(np.dot(flat, flat))


def _bits(sample: Float32, count: int) -> float:
    """Entropy of a sample's values in bits a value, times how many values the tensor has."""
    if sample.size < 2:
        return 0.0
    _, times = np.unique(sample, return_counts=True)
    share = times / sample.size
    return float(-(share * np.log2(share)).sum()) * count


def _blocks(container: Container, entry: TensorEntry, digest: _Digest, size: int) -> Iterator[Float32]:
    """All values in order, `size` at a time (the last block shorter), in one buffer that is used again. Shape (n,)."""
    buffer = np.zeros(min(size, max(1, entry.parameters)), dtype=np.float32)
    upper = buffer.view(np.uint16)[sys.byteorder == "little" :: 2]  # of bfloat16 these halves alone are ever written
    filled = 0
    for words, kind in _stream(container, entry):
        digest.update(words, kind)
        start = 0
        while start < words.size:
            count = min(words.size - start, buffer.size - filled)
            target = upper if kind == "bf16" else buffer
            target[filled : filled + count] = words[start : start + count]
            filled, start = filled + count, start + count
            if filled == buffer.size:
                yield buffer
                filled = 0
    if filled:
        yield buffer[:filled]


def _stream(container: Container, entry: TensorEntry) -> Iterator[tuple[NDArray[np.generic], str]]:
    """Stored values in order: the 16 bits of bfloat16, everything else as float32."""
    dtype = DTYPES.get(entry.dtype)
    if dtype is None or entry.dtype == "C64":
        first = entry.shape[0] if entry.shape else 1
        step = max(1, BLOCK_VALUES * max(1, first) // max(1, entry.parameters))
        for start in range(0, first if entry.parameters and entry.dtype != "C64" else 0, step):
            yield container.rows(entry.name, start, min(first, start + step)).reshape(-1), "f32"
        return
    piece = max(1, BLOCK_VALUES // dtype.group) * dtype.group_bytes
    for part in container.stored(entry.name):
        stored = np.frombuffer(part, dtype=np.uint8)
        for begin in range(0, stored.size, piece):
            some = stored[begin : begin + piece]
            yield (some.view("<u2"), "bf16") if entry.dtype == "BF16" else (decode(some, dtype), "f32")


class _Digest:
    """SHA-256 of the values in the narrower of bfloat16 and float32 that holds them all.

    So a bfloat16 file costs two bytes a value to digest, and a lossless cast of it to float32 has the same digest. Minus zero
    counts as zero and every not-a-number as one. Types wider than float32 take `forebear.files.digests`.
    """

    def __init__(self, entry: TensorEntry) -> None:
        self._entry = entry
        self._narrow = hashlib.sha256() if entry.dtype not in _WIDE else None
        self._full = hashlib.sha256() if entry.dtype not in _WIDE and entry.dtype != "BF16" else None

    def update(self, words: NDArray[np.generic], kind: str) -> None:
        """The next values, shape (n,)."""
        if self._entry.dtype in _WIDE:
            return
        if kind == "bf16":
            assert self._narrow is not None
            self._narrow.update(_plain(words, 0x8000, 0x7F80, 0x7FC0).data)
            return
        bits: NDArray[np.uint32] = _plain(words.view(np.uint32), 0x80000000, 0x7F800000, 0x7FC00000)
        if self._narrow is not None:
            if (bits & np.uint32(0xFFFF)).any():
                self._narrow = None
            else:
                self._narrow.update((bits >> np.uint32(16)).astype(np.uint16).data)
        assert self._full is not None
        self._full.update(bits.data)

    def result(self, container: Container) -> str:
        """The digest in hexadecimal."""
        if self._entry.dtype in _WIDE:
            return value_digest(container, self._entry.name).digest
        form, found = ("bf16", self._narrow) if self._narrow is not None else ("f32", self._full)
        assert found is not None
        head = f"forebear/print-value/1 {form} {self._entry.shape}\n".encode()
        return hashlib.sha256(head + found.digest()).hexdigest()


def _plain(bits: NDArray[Any], minus_zero: int, infinity: int, nan: int) -> NDArray[Any]:
    """Words of floats with one zero and one not-a-number, contiguous; the same array where nothing has to change."""
    kind = bits.dtype.type
    signed = bits.view(np.int16 if bits.itemsize == 2 else np.int32)  # minus zero is its least, not-a-numbers are beyond infinities
    if _small(bits, minus_zero >> 1) and signed.min(initial=0) > -minus_zero:
        return np.ascontiguousarray(bits)
    if not bits.size or (signed.min() > -minus_zero and signed.max() <= infinity and bits.max() <= minus_zero + infinity):
        return np.ascontiguousarray(bits)
    zeros = bits == kind(minus_zero)
    odd = (bits & kind(minus_zero - 1)) > kind(infinity)
    clean = bits.copy()
    clean[zeros] = 0
    clean[odd] = nan
    return clean


def _small(bits: NDArray[Any], top: int) -> bool:
    """Whether no word has the top bit of its exponent: every value is below 2, so none is infinite or no number. One quick pass."""
    if not bits.flags.c_contiguous or bits.nbytes % 8:
        return False
    every = top | top << 16 | top << 32 | top << 48 if bits.itemsize == 2 else top | top << 32
    return not int(np.bitwise_or.reduce(bits.view(np.uint64))) & every


class _Sums:
    """Bucket sums of one matrix that lies somewhere in a tensor, in canonical form whatever way round it is stored."""

    def __init__(self, piece: Piece, shape: tuple[int, ...]) -> None:
        spans = piece.spans[-2:]
        start = piece.spans[0].start * shape[1] if len(shape) == 3 else 0
        self._piece = piece
        self._rows = spans[0].positions() + start
        self._run = spans[0].contiguous
        whole = spans[1].contiguous
        self._columns = slice(spans[1].start, spans[1].start + spans[1].count) if whole else spans[1].positions()
        self._turned = _turned(piece)
        part = PART_SEEDS.get(piece.part, 0)
        sides = ("column", "row") if self._turned else ("row", "column")
        self._left = both_grids(sides[0], spans[0].count, part)
        grids = both_grids(sides[1], spans[1].count, part)
        self._right = np.zeros((spans[1].count, COLUMNS), np.float32)
        self._right[:, :WIDTH], self._right[:, WIDTH] = grids, 1
        self._sums = np.zeros((WIDTH, WIDTH + 1))
        self._below = np.zeros(WIDTH)
        self._square = self._total = self._fourth = self._second = self._largest = 0.0
        self._sampled = 0

    def add(self, table: Float32, at: int, square: float) -> None:
        """The next rows of the tensor, from row `at` on, and the sum of their squares. Shapes: table (k, columns of the tensor)."""
        low, high = np.searchsorted(self._rows, (at, at + len(table)))
        if low == high:
            return
        rows = self._rows[low:high] - at
        some = table[rows[0] : rows[-1] + 1] if self._run else table[rows]
        some = some[:, self._columns]
        product = (some @ self._right)[:, : WIDTH + 1]  # (k, WIDTH + 1)
        self._sums += (self._left[low:high].T @ product).astype(np.float64)
        self._below += product[:, :WIDTH].sum(axis=0, dtype=np.float64)
        self._total += float(product[:, WIDTH].sum(dtype=np.float64))
        flat = np.ascontiguousarray(some).reshape(-1)
        self._square += square if flat.size == table.size else float(np.dot(flat, flat))
        sample = flat[:SAMPLE] ** 2
        self._second += float(sample.sum(dtype=np.float64))
        self._fourth += float(np.dot(sample, sample))
        self._largest = max(self._largest, float(sample.max(initial=0.0)))
        self._sampled += sample.size

    def result(self) -> Matrix:
        """The sums in canonical form."""
        piece, size = self._piece, (self._left.shape[0], self._right.shape[0])
        clean = None
        if piece.part in PART_SEEDS:
            here = slice(SKETCH, WIDTH)
            ones = self._left[:, here].sum(axis=0, dtype=np.float64), self._right[:, here].sum(axis=0, dtype=np.float64)
            middle = centred(
                self._sums[here, here], self._sums[here, WIDTH], self._below[here], self._total, ones, size
            )
            size = size[::-1] if self._turned else size
            clean = unit_rest(middle.T if self._turned else middle, size, PART_SEEDS[piece.part], self._square)
        sketch = self._sums[:SKETCH, :SKETCH]
        count = max(1, piece.parameters)
        fourth = self._fourth * self._sampled / self._second**2 if self._second else 0.0
        return Matrix(
            piece, sketch.T.copy() if self._turned else sketch.copy(), clean, self._square, self._total / count, fourth,
            math.sqrt(self._largest),
        )  # fmt: skip


def _turned(piece: Piece) -> bool:
    """Whether a matrix is stored with its inputs first (Conv1D), so that rows and columns change places."""
    rows, columns = ("channel" in atoms for atoms in piece.atoms[-2:])
    if rows == columns:
        return False
    return columns if piece.part in CHANNEL_FIRST else rows


__all__ = ["BLOCK_VALUES", "PART_SEEDS", "SCREEN", "Matrix", "Passed", "pass_over"]
