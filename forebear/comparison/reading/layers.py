"""Which layer of the subject answers to which layer of the candidate: a screen in raw coordinates (METHODS §10)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.reading.allowance import row_bytes
from forebear.comparison.reading.pair import Pair
from forebear.comparison.thresholds import LAYER_SCREEN_FLOOR, LAYER_SCREEN_SPREADS
from forebear.core.messages import message
from forebear.core.spacing import evenly
from forebear.models.checkpoint import Checkpoint
from forebear.stats.alignment import align_layers, monotone_maps_log10
from forebear.stats.arrays import finite_or_zero
from forebear.stats.median import median

SCREEN_PARTS = ("q", "k", "v", "o", "gate", "up", "down", "router")
MAX_SCREEN_ROWS = 16
MAX_SCREEN_FEATURES = 2048
SCREEN_SHARE = 8
"""At most one part in this many of the budget is spent on finding the layer map."""


@dataclass(frozen=True)
class LayerMap:
    """Layers paired in order, and the similarities the pairing was chosen from.

    pairs:      (subject layer, candidate layer), both increasing.
    similarity: (subject layers, candidate layers) mean cosine of sampled rows in place; zeros where nothing was read.
    threshold:  what a cell had to pass to be paired.
    found:      False when no cell passed and `pairs` is the plain order, fixed before looking.
    repeats:    subject layer without a partner -> candidate layer it resembles nevertheless.
    looks_log10: log10 of the layer pairs looked at, the factor METHODS §3 asks of a test that takes the best layer.
    maps_log10:  log10 of the ordered maps looked at, the factor for a test that pools over the chosen map.
    parts:      how many tensors of each layer went in.
    """

    pairs: tuple[tuple[int, int], ...]
    similarity: NDArray[np.float64]
    threshold: float
    found: bool
    repeats: dict[int, int]
    looks_log10: float
    maps_log10: float
    parts: int
    copies: dict[int, int] = field(default_factory=dict)
    """Candidate layer without a partner -> the subject's layer it resembles."""

    @property
    def largest(self) -> float | None:
        """The largest similarity, sign aside; None without layers."""
        return round(float(np.abs(self.similarity).max()), 4) if self.similarity.size else None


def find_layers(pair: Pair) -> LayerMap:
    """Pair the layers of both sides in order, gaps allowed, from rows of each matrix chosen in advance.

    The screen only proposes: tests on the chosen pairs carry the factor for all pairs looked at.
    Source: METHODS §3 (looks), §10.
    """
    left, right = pair.subject.layers, pair.candidate.layers
    if not left or not right:
        return LayerMap((), np.zeros((left, right)), 0.0, False, {}, 0.0, 0.0, 0)
    plan = _plan(pair)
    if not plan:
        pair.note(message("limit.plain_order"))
        return _plain(left, right, np.zeros((left, right)), 0.0, 0)
    a = _sketches(pair.subject, [(p[0], p[1], p[3], p[4]) for p in plan])
    b = _sketches(pair.candidate, [(p[0], p[2], p[3], p[4]) for p in plan])
    similarity = (a @ b.T) / sum(len(p[3]) for p in plan)
    threshold = _threshold(similarity, a.shape[1])
    aligned = align_layers(similarity, threshold)
    if not aligned.pairs:
        return _plain(left, right, similarity, threshold, len(plan))
    repeats = {
        layer: int(np.argmax(similarity[layer])) for layer in aligned.unmatched_a if similarity[layer].max() > threshold
    }
    copies = {
        layer: int(np.argmax(similarity[:, layer]))
        for layer in aligned.unmatched_b
        if similarity[:, layer].max() > threshold
    }
    looks, maps = float(np.log10(left * right)), monotone_maps_log10(left, right)
    return LayerMap(aligned.pairs, similarity, threshold, True, repeats, looks, maps, len(plan), copies)


def _plain(left: int, right: int, similarity: NDArray[np.float64], threshold: float, parts: int) -> LayerMap:
    pairs = tuple((i, i) for i in range(min(left, right)))
    return LayerMap(
        pairs, similarity, threshold, False, {}, float(np.log10(left * right)), monotone_maps_log10(left, right), parts
    )


def _threshold(similarity: NDArray[np.float64], entries: int) -> float:
    """Six robust spreads above the middle of all cells, and never below the floor.

    Most cells of a long stack are not pairs, so their median absolute deviation measures the noise of this very pair,
    whatever its effective dimension. A short stack (under three layers on a side) has no such middle: there the
    smallest cosine that the number of entries can tell from zero is used.
    """
    if min(similarity.shape) < 3:
        return max(LAYER_SCREEN_FLOOR, LAYER_SCREEN_SPREADS / float(np.sqrt(max(1, entries))))
    middle = median(similarity)
    spread = 1.4826 * median(np.abs(similarity - middle))
    return middle + max(LAYER_SCREEN_FLOOR, LAYER_SCREEN_SPREADS * spread)


Step = tuple[str, dict[int, str], dict[int, str], NDArray[np.intp], int]


def _plan(pair: Pair) -> list[Step]:
    """Tensors to sample: (part, subject tensor by layer, candidate tensor by layer, rows, features)."""
    chosen: list[Step] = []
    used: set[str] = set()
    for part in pair.plan.screen_parts(SCREEN_PARTS):
        left, right = _tensors(pair.subject, part), _tensors(pair.candidate, part)
        if not left or not right or set(left.values()) & used:
            continue
        shapes = [pair.subject.container.tensors[name].shape for name in left.values()]
        shapes += [pair.candidate.container.tensors[name].shape for name in right.values()]
        if any(len(shape) != 2 for shape in shapes):
            continue
        rows = min(shape[0] for shape in shapes)  # a dense layer beside layers of experts is wider than one of them
        features = min(MAX_SCREEN_FEATURES, *(shape[1] for shape in shapes))
        chosen.append((part, left, right, pair.plan.positions(rows, MAX_SCREEN_ROWS), features))
        used |= set(left.values())
    return _within_budget(pair, chosen)


def _within_budget(pair: Pair, plan: list[Step]) -> list[Step]:
    one_row = max(
        sum(row_bytes(pair.subject, t) for p in plan for t in p[1].values()),
        sum(row_bytes(pair.candidate, t) for p in plan for t in p[2].values()),
    )
    rows = pair.plan.affordable(pair, MAX_SCREEN_ROWS, one_row, SCREEN_SHARE)
    if rows < 1:
        return []
    return [(part, a, b, index[evenly(len(index), rows)], features) for part, a, b, index, features in plan]


def _tensors(checkpoint: Checkpoint, part: str) -> dict[int, str]:
    """Tensor of one part by layer; of a mixture layer, its first expert."""
    found: dict[int, str] = {}
    for layer in range(checkpoint.layers):
        piece = checkpoint.piece(part, layer) or checkpoint.piece(part, layer, 0)
        if piece is not None:
            found[layer] = piece.tensor
    return found


def _sketches(
    checkpoint: Checkpoint, plan: list[tuple[str, dict[int, str], NDArray[np.intp], int]]
) -> NDArray[np.float32]:
    """Rows of unit length from every planned tensor, one flat vector a layer: (layers, entries)."""
    width = sum(len(rows) * features for _, _, rows, features in plan)
    out = np.zeros((checkpoint.layers, width), dtype=np.float32)
    at = 0
    for _, tensors, rows, features in plan:
        size = len(rows) * features
        for layer, tensor in tensors.items():
            shape = checkpoint.container.tensors[tensor].shape
            if len(shape) != 2 or shape[1] < features or (len(rows) and shape[0] <= rows[-1]):
                continue  # a layer of another size than the first: nothing of it is like a row of the others
            block = checkpoint.container.take(tensor, rows)[:, :features]
            out[layer, at : at + size] = _unit(block).ravel()
        at += size
    return out


def _unit(block: NDArray[np.float32]) -> NDArray[np.float32]:
    clean = finite_or_zero(block)
    largest = np.abs(clean).max(axis=1, keepdims=True)
    scaled = np.divide(clean, largest, out=np.zeros_like(clean), where=largest > 0)
    norms = np.sqrt(np.einsum("ij,ij->i", scaled, scaled))[:, None]
    unit: NDArray[np.float32] = np.divide(scaled, norms, out=np.zeros_like(scaled), where=norms > 0)
    return unit
