"""Parts of tensors whose names tell nothing, from shapes and repetition alone, where that leaves no doubt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

Shape = tuple[int, ...]
MIN_LAYERS = 2


def infer_parts(shapes: Mapping[str, Sequence[int]]) -> tuple[dict[str, str], list[str]]:
    """Tensor name → part, for tensors that only one reading fits, and sentences that say how it was inferred.

    The width is the size that most matrices share; layers are how often the commonest shapes repeat. Named: the embedding (with its
    equally shaped head as "embedding or head"), what opens the MLP ("gate or up", "up") and what closes it ("down"), square
    attention matrices ("q or o", with "k or v" where keys are narrower), gains ("norm"). What two readings fit keeps both names.
    Nothing is inferred without at least MIN_LAYERS repetitions.
    """
    plain = {name: tuple(shape) for name, shape in shapes.items()}
    matrices: Counter[Shape] = Counter(shape for shape in plain.values() if len(shape) == 2)
    width = _width(matrices)
    layers = _layers(matrices, width)
    if not width or layers < MIN_LAYERS:
        return {}, ["no part could be inferred from shapes: nothing repeats layer by layer around one width"]
    by_shape = _readings(matrices, width, layers)
    found = {name: by_shape[shape] for name, shape in plain.items() if shape in by_shape}
    found |= {name: "norm" for name, shape in plain.items() if shape == (width,)}
    said = (
        f"names tell nothing: width {width}, {layers} layers and {len(found)} of {len(plain)} parts are inferred from shapes that "
        "repeat; no axis may be tested on that"
    )
    return found, [said]


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
    """How often the shapes of a layer repeat: the least count among shapes with the width that occur more than twice."""
    counts = [count for shape, count in matrices.items() if width in shape and count >= MIN_LAYERS]
    return min((c for c in counts if all(other % c == 0 for other in counts)), default=0)


def _readings(matrices: Counter[Shape], width: int, layers: int) -> dict[Shape, str]:
    found: dict[Shape, str] = {}
    for shape, count in matrices.items():
        other = shape[0] if shape[1] == width else (shape[1] if shape[0] == width else 0)
        if not other:
            continue
        a_layer = count // layers if count % layers == 0 else 0
        if count <= 2 and not a_layer and other > 4 * width:
            found[shape] = "embedding" if count == 1 else "embedding or head"
        elif shape == (width, width) and a_layer == 2:
            found[shape] = "q or o"
        elif shape == (width, width) and a_layer == 4:
            found[shape] = "q, k, v or o"
        elif other < width and shape[1] == width and a_layer == 2:
            found[shape] = "k or v"
        elif other > width and a_layer in (1, 2):
            found[shape] = _mlp(shape, width, matrices, layers)
    return {shape: part for shape, part in found.items() if part}


def _mlp(shape: Shape, width: int, matrices: Counter[Shape], layers: int) -> str:
    """Opening and closing matrices of an MLP are each other's transposes: one closes, one or two open."""
    here, there = matrices[shape] // layers, matrices[shape[::-1]] // layers
    if shape[1] == width and there == 1:
        return {1: "up", 2: "gate or up"}.get(here, "")
    return "down" if shape[0] == width and here == 1 and there in (1, 2) else ""
