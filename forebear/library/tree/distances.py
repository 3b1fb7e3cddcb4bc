"""How far two models of one family are apart, in directions that training on like text does not share.

A difference of two models has a few strong directions, which any training on like text gives, and many weak ones, which each run
has for itself. Energy in weak directions adds up along a line of descent, so that the way between two models is the sum of its
steps; energy in all directions makes models trained on like text look like parent and child.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.library.layers import layer_map
from forebear.library.prints import Print
from forebear.library.tree.thresholds import FLOOR, MOST_MATRICES, SIDE, WEAK
from forebear.models.checkpoint import Checkpoint
from forebear.recipes.placed import Place, places, read

Key = tuple[Any, ...]
Floats = NDArray[np.float64]
MOST_EXPERTS = 2
"""Experts of a layer that are read."""


@dataclass(frozen=True)
class Way:
    """The way between two models. weak, whole: mean energy of their difference, shares of the matrices' own, over the matrices
    that both have; length: `weak` with the matrices that one lacks counted as wholly different. shared: matrices that both have."""

    weak: float
    whole: float
    length: float
    shared: int


@dataclass(frozen=True)
class Sample:
    """What is read of a model: the first SIDE rows and columns of matrices inside layers, by place; their energies."""

    blocks: Mapping[Key, NDArray[np.float32]]
    layers: Mapping[int, int] = field(default_factory=dict)


def sample_of(checkpoint: Checkpoint) -> Sample:
    """The sample of a model. Reads at most SIDE rows of MOST_MATRICES matrices. Raises: RefusedError when it cannot be read."""
    found = {key: place for key, place in places(checkpoint).items() if _counts(place)}
    chosen = sorted(found, key=repr)
    layers = sorted({found[key].layer for key in chosen}, key=lambda layer: layer or 0)
    most = max(1, MOST_MATRICES * len(layers) // max(1, len(chosen)))
    kept = (
        {layers[i] for i in np.unique(np.linspace(0, len(layers) - 1, min(most, len(layers))).astype(int))}
        if layers
        else set()
    )
    blocks = {}
    for key in chosen:
        if found[key].layer in kept:
            values = read(checkpoint, found[key], np.arange(min(SIDE, found[key].shape[0])))[:, :SIDE]
            blocks[key] = np.where(np.isfinite(values), values, np.float32(0))
    return Sample(blocks)


def _counts(place: Place) -> bool:
    inside = (
        place.layer is not None and place.part != "router" and (place.expert is None or place.expert < MOST_EXPERTS)
    )
    return inside and place.kind == "matrix" and len(place.shape) == 2 and min(place.shape) > 8


def print_sample(one: Print) -> Sample:
    """The sketches of a print as a sample: each of the size of its matrix. What they lack is rounding to float16."""
    tables = one.arrays["sketches"].astype(np.float32).reshape(-1, 16, 16)
    norms = one.arrays["norms"].astype(np.float32).reshape(-1)
    rows = (
        (part, layer, tables[at] * norms[at]) for at, (part, layer) in enumerate(one.matrices()) if layer is not None
    )
    return Sample({("", part, "", "", layer, None): values for part, layer, values in rows})


def same_layers(a: Print, b: Print) -> dict[int, int]:
    """Which layer of b each layer of a is, as their sketches show it, in one order."""
    found: dict[int, int] = {}
    last = -1
    for row in layer_map(a, b):
        if row["candidate"] > last:
            found[int(row["subject"])] = last = int(row["candidate"])
    return found


def way(a: Sample, b: Sample, layers: Mapping[int, int]) -> Way:
    """The way between two samples. layers: of a -> of b. Matrices are compared over the rows and columns that both have."""
    partner = {key: _moved(key, layers[key[4]]) for key in a.blocks if key[4] in layers}
    both = [(a.blocks[key], b.blocks[other]) for key, other in partner.items() if other in b.blocks]
    lone = [a.blocks[key] for key in a.blocks if partner.get(key) not in b.blocks]
    lone += [b.blocks[key] for key in set(b.blocks) - set(partner.values())]
    if not both:
        return Way(1.0, 1.0, 1.0, 0)
    weak, whole = np.array([_energies(one, other) for one, other in both]).T
    alone = np.array(
        [max(FLOOR, tail_of(one) / max(float((one.astype(np.float64) ** 2).sum()), 1e-300)) for one in lone]
    )
    logs = np.log(weak)
    return Way(
        float(np.exp(logs.mean())), float(np.exp(np.log(whole).mean())),
        float(np.exp(np.concatenate([logs, np.log(alone)]).mean())), len(both),
    )  # fmt: skip


def _moved(key: Key, layer: int) -> Key:
    return (*key[:4], layer, *key[5:])


def _energies(one: NDArray[np.float32], other: NDArray[np.float32]) -> tuple[float, float]:
    """Energy of the difference in its weak directions and in all, share of the two matrices' own."""
    rows, columns = min(len(one), len(other)), min(one.shape[1], other.shape[1])
    one, other = one[:rows, :columns].astype(np.float64), other[:rows, :columns].astype(np.float64)
    size = float(np.sqrt((one**2).sum() * (other**2).sum()))
    if size <= 0:
        return FLOOR, FLOOR
    difference = one - other
    return max(FLOOR, tail_of(difference) / size), max(FLOOR, float((difference**2).sum()) / size)


def coarser(a: Sample, b: Sample) -> bool:
    """Whether values of a lie on a coarser grid than those of b: half as many differ in most matrices, or 16 bits hold them."""
    both = [
        (a.blocks[key], b.blocks[key])
        for key in a.blocks
        if key in b.blocks and a.blocks[key].shape == b.blocks[key].shape
    ]
    fewer = sum(len(np.unique(one)) * 2 <= len(np.unique(other)) for one, other in both)
    narrow = [[bool((values.astype(np.float16) == values).all()) for values in pair] for pair in both]
    cut = [
        [not (np.ascontiguousarray(values).view(np.uint32) & np.uint32(0xFFFF)).any() for values in pair]
        for pair in both
    ]
    held = any(sum(one and not other for one, other in rows) * 2 > len(both) for rows in (narrow, cut))
    return bool(both) and (fewer * 2 > len(both) or held)


def tail_of(values: NDArray[Any]) -> float:
    """Energy of a matrix in its weakest directions."""
    sizes = np.linalg.svd(values.astype(np.float64), compute_uv=False)
    return float((sizes[min(len(sizes) - 1, int(WEAK * len(sizes))) :] ** 2).sum())


__all__ = ["Key", "Sample", "Way", "coarser", "print_sample", "same_layers", "sample_of", "tail_of", "way"]
