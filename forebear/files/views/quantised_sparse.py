"""compressed-tensors' sparse layouts: X.compressed holds the values kept, X.bitmask a bit for every place, X.shape the shape.

Source: compressed-tensors 0.12, compressors/sparse_compressors (sparse_24_bitmask, sparse_bitmask): bits lowest first along the
input; values in order of places, two of every four in the 2:4 layout; in the other, row_offsets says where a row begins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forebear.core.messages import message
from forebear.files.base import Container, Float32
from forebear.files.refusing import refuse_tensor
from forebear.files.views.quantised_blocks import fits
from forebear.files.views.quantised_find import Recognised, Rows, fills, small_values

_OFFSETS = {"I64": "<i8", "I32": "<i4"}
_VALUES = ("F32", "F16", "BF16", "F64", "F8_E4M3", "F8_E5M2", "I8")


@dataclass(frozen=True, slots=True)
class Bitmask:
    """One matrix. offsets: whether values of all rows lie in one run; scale: name of scales, one or one a row, or ""."""

    stem: str
    shape: tuple[int, int]
    offsets: bool
    scale: str
    whole: bool = False

    @property
    def dtype(self) -> str:
        """Shown as the tensor's type."""
        return "sparse bitmask" if self.offsets else "2:4 bitmask"

    def take(self, container: Container, rows: Rows) -> Float32:
        """Rows of the matrix. Shape (len(rows), in)."""
        bits = container.take(f"{self.stem}.bitmask", rows).astype(np.uint8).reshape(rows.size, -1)
        kept = np.unpackbits(bits, axis=1, bitorder="little")[:, : self.shape[1]].astype(bool)
        out = np.zeros((rows.size, self.shape[1]), dtype=np.float32)
        out[kept] = self._values(container, rows, kept.sum(axis=1))
        if self.scale:
            scale = container.read(self.scale).reshape(-1, 1)
            with np.errstate(all="ignore"):
                out *= scale if scale.size == 1 else scale[rows]
        return out

    def _values(self, container: Container, rows: Rows, counts: Rows) -> Float32:
        """Values of these rows in order of their places. Raises: RefusedError for a row with more or fewer values than marks."""
        name = f"{self.stem}.compressed"
        if not self.offsets:
            held = np.full(rows.size, self.shape[1] // 2)
            self._check(container, counts, held)
            return container.take(name, rows).reshape(-1)
        total = container.tensors[name].shape[0]
        begins = _offsets(container, f"{self.stem}.row_offsets")
        ends = [*begins[1:], total]
        inside = [0 <= begins[row] <= ends[row] <= total for row in rows]
        held = np.array([(ends[row] - begins[row]) if fits else 0 for row, fits in zip(rows, inside, strict=True)], dtype=np.intp)
        self._check(container, counts, held)
        runs = [container.rows(name, begins[row], ends[row]) for row, fits in zip(rows, inside, strict=True) if fits]
        return np.concatenate([np.zeros(0, np.float32), *runs])

    def _check(self, container: Container, counts: Rows, held: Rows) -> None:
        """Raises: RefusedError for the first row whose marks are not as many as its values."""
        if (wrong := np.flatnonzero(counts != held)).size:
            said = message("quant.marks", marked=int(counts[wrong[0]]), values=int(held[wrong[0]]))
            raise refuse_tensor(container, self.stem, said)


def _offsets(container: Container, name: str) -> list[int]:
    """Where rows begin, to the last unit: float32 holds none past 2^24."""
    stored = b"".join(map(bytes, container.stored(name)))
    return [int(begin) for begin in np.frombuffer(stored, dtype=_OFFSETS[container.tensors[name].dtype])]


def recognise_bitmask(found: Recognised, name: str, stem: str) -> None:
    """X.bitmask beside X.compressed."""
    values, bits = found.tensors.get(f"{stem}.compressed"), found.shape(name, 2)
    shape = small_values(found.container, f"{stem}.shape", 2)
    if values is None or bits is None or shape is None or found.dtype(name) != "U8" or values.dtype not in _VALUES:
        return
    if not fills(shape, shape[0] * shape[-1]) or bits != (shape[0], -(-shape[1] // 8)):
        raise found.refuse(stem, "mask", shape=tuple(shape), rows=bits[0], width=bits[1])
    begins = f"{stem}.row_offsets"
    offsets = len(values.shape) == 1 and found.shape(begins, 1) == (shape[0],) and found.dtype(begins) in _OFFSETS
    if not offsets and values.shape != (shape[0], shape[1] // 2):
        return
    target = stem if stem.endswith(".weight") else f"{stem}.weight"
    scale = f"{target}_scale" if f"{target}_scale" in found.tensors else ""
    if values.dtype in ("F8_E4M3", "F8_E5M2", "I8") and not scale:
        return
    if scale and not fits((shape[0], 1), found.tensors[scale].shape, (0, 0)):
        return
    parts = [f"{stem}.{part}" for part in ("compressed", "bitmask", "shape", "row_offsets")]
    found.add(target, Bitmask(stem, (shape[0], shape[1]), offsets, scale), *parts, scale)
