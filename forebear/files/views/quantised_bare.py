"""Small floats that no scale goes with and that are too large for weights: codes whose scale lies elsewhere, or was lost.

A float of eight bits is scaled so that the largest values of a tensor, a row or a block reach its range (448 or 57,344, 240 with
FNUZ), so codes of Gaussian weights have a root mean square of 40 and more; weights that were only rounded keep their own, below 2.
"""

from __future__ import annotations

import math

import numpy as np

from forebear.files.base import Container, Float32, TensorEntry
from forebear.files.dtypes import SMALL_FLOATS
from forebear.files.views.quantised_find import Recognised

LEAST_OF_CODES = 8.0
"""Root mean square from which a small float is a code (decision 0111)."""
LOOKED_AT = 4
"""Matrices, spread over the file, of which every one has to be so large."""
SAMPLED = 4096
"""Values of each that are read, whole rows from the first on."""
UNSCALED = ", unscaled"
"""Put behind the type of such a tensor."""


def drop_too_large(found: Recognised) -> None:
    """Give up decoders of small floats whose values are too large for weights: their scales divide, or belong to something else.

    Every matrix that is looked at has to be so large, as for codes without a scale (decision 0127).
    """
    scaled = [
        name for name, decoder in found.decoders.items()
        if len(decoder.shape) > 1 and 0 not in decoder.shape and not decoder.whole
        and found.dtype(found.parts[name][0]) in SMALL_FLOATS
    ]  # fmt: skip
    picked = scaled[:: max(1, len(scaled) // LOOKED_AT)][:LOOKED_AT]
    if not picked or min(_decoded_size(found, name) for name in picked) < LEAST_OF_CODES:
        return
    for name in scaled:
        found.note("values_blank.scales", name)
        del found.decoders[name], found.parts[name]


def bare_codes(found: Recognised) -> dict[str, TensorEntry]:
    """The matrices of small floats that no decoder claimed, under a type that says so; none where one is of a weight's size."""
    claimed = {part for parts in found.parts.values() for part in parts}
    left = [
        entry
        for name, entry in found.tensors.items()
        if entry.dtype in SMALL_FLOATS and len(entry.shape) > 1 and entry.parameters and name not in claimed
    ]
    picked = left[:: max(1, len(left) // LOOKED_AT)][:LOOKED_AT]
    if not picked or min(_size(found.container, entry) for entry in picked) < LEAST_OF_CODES:
        return {}
    return {e.name: TensorEntry(e.name, e.dtype + UNSCALED, e.shape, e.stored_bytes) for e in left}


def _decoded_size(found: Recognised, name: str) -> float:
    decoder = found.decoders[name]
    rows = _rows(decoder.shape)
    return _root_mean_square(decoder.take(found.container, np.arange(rows, dtype=np.intp)))


def _size(container: Container, entry: TensorEntry) -> float:
    return _root_mean_square(container.rows(entry.name, 0, _rows(entry.shape)))


def _rows(shape: tuple[int, ...]) -> int:
    """How many of the first rows are looked at."""
    return min(shape[0], max(1, SAMPLED // max(1, math.prod(shape[1:]))))


def _root_mean_square(block: Float32) -> float:
    """Root mean square of the values that are numbers; 0 where there is none."""
    values = block.astype(np.float64).reshape(-1)
    kept = values[np.isfinite(values)]
    return float(np.sqrt(np.mean(kept**2))) if kept.size else 0.0
