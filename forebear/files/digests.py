"""Digests of a tensor's values: equal after any lossless cast, different otherwise (METHODS §11, identical)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forebear.core.limits import READ_BLOCK_BYTES
from forebear.files.base import Container, Float32, TensorEntry
from forebear.files.dtypes import DTYPES, decode
from forebear.files.grid import GridProbe, ValueGrid

if TYPE_CHECKING:
    from hashlib import _Hash

_BLOCK_VALUES = READ_BLOCK_BYTES // 4
_WIDE = frozenset({"I32", "U32", "I64", "U64", "F64"})
"""Types whose values may not fit float32; each is hashed in every form that still holds all of them."""


class ValueDigest(NamedTuple):
    """What one pass over a tensor tells.

    digest:     SHA-256 over shape and values, the same for every number type that holds them exactly; minus zero
                counts as zero and every not-a-number as one.
    constant:   all values are equal (or there are none): such a tensor tells nothing of descent.
    not_finite: how many values are infinite or not a number.
    stored:     SHA-256 of the stored bytes, "" unless asked for.
    grid:       the narrowest type that holds every value (`ValueGrid.word`), None unless asked for; grid_fits: in full.
    """

    digest: str
    constant: bool
    not_finite: int = 0
    stored: str = ""
    grid: str | None = None
    grid_fits: ValueGrid | None = None


def value_digest(container: Container, name: str, *, stored: bool = False, grid: bool = False) -> ValueDigest:
    """Read a tensor once, a block at a time; memory is a few times READ_BLOCK_BYTES whatever its size.

    stored: also digest the bytes as they stand in the file; grid: also find the narrowest type (METHODS §16).
    Raises: RefusedError when the file changed or cannot be read.
    """
    entry = container.tensors[name]
    raw = hashlib.sha256() if stored else None
    pass_ = _Pass(entry, grid)
    for values in _blocks(container, entry, raw):
        pass_.add(values)
    return pass_.result(raw.hexdigest() if raw is not None else "")


def is_constant(container: Container, name: str) -> bool:
    """Whether all values of a tensor are equal; stops reading at the first block that says no. No values: True."""
    entry = container.tensors[name]
    pass_ = _Pass(entry, False)
    for values in _blocks(container, entry, None):
        pass_.compare(_canonical(values))
        if not pass_.constant:
            return False
    return True


def value_grid(container: Container, name: str) -> ValueGrid:
    """The number types that hold every value of a tensor, in a pass of its own. Source: METHODS §16."""
    grid = value_digest(container, name, grid=True).grid_fits
    assert grid is not None
    return grid


def _blocks(container: Container, entry: TensorEntry, raw: _Hash | None) -> Iterator[NDArray[Any]]:
    """The values in order, flat, at most _BLOCK_VALUES at once, in a type that holds them exactly; complex as pairs."""
    dtype = DTYPES.get(entry.dtype)
    if dtype is None:  # a block type: its container alone knows the values
        if raw is not None:
            for part in container.stored(entry.name):
                raw.update(part)
        yield from _rows(container, entry)
        return
    piece = max(1, _BLOCK_VALUES // dtype.group) * dtype.group_bytes
    for part in container.stored(entry.name):
        if raw is not None:
            raw.update(part)
        stored = np.frombuffer(part, dtype=np.uint8)
        for begin in range(0, stored.size, piece):
            some = stored[begin : begin + piece]
            if dtype.tag == "C64":
                yield some.view("<f4")
            elif dtype.tag in _WIDE:
                yield some.view(dtype.numpy)
            else:
                yield decode(some, dtype)


def _rows(container: Container, entry: TensorEntry) -> Iterator[NDArray[Any]]:
    count = entry.shape[0] if entry.shape else 1
    step = max(1, _BLOCK_VALUES * max(1, count) // max(1, entry.parameters))
    for start in range(0, count if entry.parameters else 0, step):
        yield container.rows(entry.name, start, min(count, start + step)).reshape(-1)


class _Pass:
    """One walk over a tensor's values."""

    def __init__(self, entry: TensorEntry, grid: bool) -> None:
        self.entry = entry
        self.constant = True
        self.not_finite = 0
        self._first: bytes | None = None
        self._complex = entry.dtype == "C64"
        forms = ("<f4", "<f8", "<i8", "<u8") if entry.dtype in _WIDE else ("<f4",)
        self._hashes = {form: hashlib.sha256() for form in forms}
        wants_grid = grid and not self._complex
        rows = entry.shape[0] if len(entry.shape) > 1 else 0
        self._probe = GridProbe(entry.parameters // rows if rows else 0) if wants_grid else None

    def add(self, values: NDArray[Any]) -> None:
        """The next block of values, shape (n,)."""
        clean = _canonical(values)
        self.compare(clean)
        if clean.dtype.kind == "f":
            self.not_finite += clean.size - int(np.count_nonzero(np.isfinite(clean)))
        for form in list(self._hashes):
            cast = clean if clean.dtype == form else _exactly(clean, form)
            if cast is None:
                del self._hashes[form]
                continue
            self._hashes[form].update(np.ascontiguousarray(cast).view(np.uint8).data)
            if form == "<f4" and self._probe is not None:
                self._probe.add(cast)

    def compare(self, clean: NDArray[Any]) -> None:
        """Keep `constant` true while every value so far is the same."""
        if not self.constant or not clean.size:
            return
        words = clean.view("<u8" if self._complex else f"<u{clean.itemsize}")
        if self._first is None:
            self._first = words[:1].tobytes()
        self.constant = bool((words == np.frombuffer(self._first, dtype=words.dtype)[0]).all())

    def result(self, stored: str) -> ValueDigest:
        """The digests; the first form that held every value names them."""
        form = next(iter(self._hashes))
        kind = "complex" if self._complex else "number"
        head = f"forebear/value/1 {kind} {form} {self.entry.shape}\n".encode()
        digest = hashlib.sha256(head + self._hashes[form].digest()).hexdigest()
        grid = self._probe.result(wide=form != "<f4") if self._probe is not None else None
        return ValueDigest(digest, self.constant, self.not_finite, stored, grid.word if grid else None, grid)


def _canonical(values: NDArray[Any]) -> NDArray[Any]:
    """Minus zero becomes zero, every not-a-number the same one; whole numbers stay. Shape (n,)."""
    if values.dtype.kind != "f" or not values.size:
        return values
    with np.errstate(invalid="ignore"):
        clean: NDArray[Any] = values + values.dtype.type(0)
    if np.isnan(clean.min()):
        clean[np.isnan(clean)] = np.nan
    return clean


def _exactly(values: NDArray[Any], form: str) -> NDArray[Any] | None:
    """The values in another type when every one survives, else None."""
    target = np.dtype(form)
    with np.errstate(over="ignore", invalid="ignore"):
        if target.kind == "f":
            cast = values.astype(target)
            if values.dtype.kind == "f":
                return cast if bool(((cast == values) | np.isnan(values)).all()) else None
            limits = np.iinfo(values.dtype)
            # float(max) rounds up to a power of two that the whole-number type no longer holds
            inside = (cast >= target.type(limits.min)) & (cast < target.type(float(limits.max) + 1.0))
            back = np.where(inside, cast, target.type(0)).astype(values.dtype)
            return cast if bool((inside & (back == values)).all()) else None
        if values.dtype.kind == "f":
            return None
        limits = np.iinfo(target)
        if values.size and (int(values.min()) < limits.min or int(values.max()) > limits.max):
            return None
        return values.astype(target)


__all__ = ["Float32", "ValueDigest", "is_constant", "value_digest", "value_grid"]
