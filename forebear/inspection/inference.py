"""Parts of tensors whose names tell nothing, from shapes, repetition and norms, where that leaves no doubt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from forebear.core.messages import Message, message
from forebear.files.base import Float32

Shape = tuple[int, ...]
MIN_LAYERS = 2
MOST_VECTORS = 2000
"""Vectors whose values are looked at."""
GAIN_LENGTH = (0.2, 5.0)
"""Root mean square of what may be gains: they start at one. Biases start at zero and keep both signs."""
ONE_SIGN = 0.99
"""Share of entries above zero from which a vector counts as gains."""
BOTH_SIGNS = 0.25
"""Least share of either sign in a bias."""


def infer_parts(
    shapes: Mapping[str, Sequence[int]], read: Callable[[str], Float32] | None = None
) -> tuple[dict[str, str], list[Message]]:
    """Tensor name → part, for tensors that only one reading fits, and messages that say how it was inferred.

    read: gives a vector's values; without it vectors of the width keep both their readings, "norm or bias".

    The width is the size that most matrices share; layers are the matrices that close an MLP. Named: the embedding (with its
    equally shaped head as "embedding or head"), what opens the MLP ("gate or up", "up") and what closes it ("down"), square
    attention matrices ("q or o", with "k or v" where keys are narrower); by their norms gains ("norm": all of one sign, about
    one long) and biases ("bias": of both signs). What two readings fit keeps both names.
    Nothing is inferred without at least MIN_LAYERS repetitions.
    """
    plain = {name: tuple(shape) for name, shape in shapes.items()}
    matrices: Counter[Shape] = Counter(shape for shape in plain.values() if len(shape) == 2)
    width = _width(matrices)
    layers = _layers(matrices, width)
    if not width or layers < MIN_LAYERS:
        return {}, [message("limit.inferred_none")]
    by_shape = _readings(matrices, width, layers)
    found = {name: by_shape[shape] for name, shape in plain.items() if shape in by_shape}
    vectors = [name for name, shape in plain.items() if shape == (width,)]
    found |= {name: _vector(read(name) if read and at < MOST_VECTORS else None) for at, name in enumerate(vectors)}
    key = "limit.inferred_norms" if read and vectors else "limit.inferred"
    return found, [message(key, width=width, layers=layers, count=len(found), of=len(plain))]


def _vector(values: Float32 | None) -> str:
    """Gains start at one and stay on its side of zero; biases start at zero and go both ways."""
    if values is None or not values.size or not np.isfinite(values).all():
        return "norm or bias"
    positive, length = float(np.mean(values > 0)), float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))
    if positive >= ONE_SIGN and GAIN_LENGTH[0] <= length <= GAIN_LENGTH[1]:
        return "norm"
    return "bias" if BOTH_SIGNS <= positive <= 1 - BOTH_SIGNS and length < 1 else "norm or bias"


def _width(matrices: Counter[Shape]) -> int:
    """The size that stands in most matrices, if it stands in at least two thirds of them; 0 otherwise."""
    sizes: Counter[int] = Counter()
    for shape, count in matrices.items():
        for size in set(shape):
            sizes[size] += count
    total = matrices.total()
    best = [size for size, count in sizes.most_common() if 3 * count >= 2 * total]
    return best[0] if len(best) == 1 else 0


def _layers(matrices: Counter[Shape], width: int) -> int:
    """How many matrices close an MLP: shapes (width, f) beside one or two (f, width) each; 0 unless all such pairs agree."""
    found = {
        count
        for (rows, columns), count in matrices.items()
        if rows == width != columns and matrices.get((columns, rows), 0) in (count, 2 * count)
    }
    return found.pop() if len(found) == 1 else 0


def _readings(matrices: Counter[Shape], width: int, layers: int) -> dict[Shape, str]:
    found: dict[Shape, str] = {}
    tallest = max(
        (rows for rows, columns in matrices if columns == width and (columns, rows) not in matrices), default=0
    )
    for shape, count in matrices.items():
        a_layer = count // layers if count % layers == 0 else 0
        if shape == (tallest, width) and tallest > width and count <= 2 and count < layers:
            found[shape] = "embedding" if count == 1 else "embedding or head"
        elif shape == (width, width) and a_layer in (2, 4):
            found[shape] = "q or o" if a_layer == 2 else "q, k, v or o"
        elif shape[0] < width == shape[1] and a_layer == 2:
            found[shape] = "k or v"
        elif width in shape and max(shape) > width:
            found[shape] = _mlp(shape, width, matrices, layers)
    return {shape: part for shape, part in found.items() if part}


def _mlp(shape: Shape, width: int, matrices: Counter[Shape], layers: int) -> str:
    """Opening and closing matrices of an MLP are each other's transposes: one closes, one or two open."""
    here, there = matrices[shape] // layers, matrices[shape[::-1]] // layers
    if shape[1] == width and there == 1:
        return {1: "up", 2: "gate or up"}.get(here, "")
    return "down" if shape[0] == width and here == 1 and there in (1, 2) else ""
