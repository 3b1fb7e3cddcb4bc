"""What detectors are handed: the subject, the candidate as it stands after the steps found so far, and what corresponds."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.recipes.detectors.side import LAYER_PARTS, Side, row_cosines
from forebear.recipes.found import Found
from forebear.stats.alignment import align_layers
from forebear.stats.arrays import F32

SAME_LAYER = 0.35
"""Cosine from which a layer of the subject is taken for one of the candidate; a layer drawn anew stays below (decision 0034)."""
MORE = 0.002
"""What likeness in one more part counts, so that of a layer and its copy that writes nothing the first is taken."""
SAME_ROW = 0.5
"""Median cosine of rows in place from which they are taken for kept."""

BLOCK = 1 << 16
"""Values of each layer that are multiplied at once."""
Sketch = tuple[F32, F32]
"""Rows of a part in a layer, and their Gram matrix without its diagonal."""

FITTED: Mapping[str, tuple[str, ...]] = {
    "value-permutation": ("v", "o"), "value-mixing": ("v", "o"), "head-rotation": ("q", "k"), "query-key-mixing": ("q", "k"),
    "neuron-scaling": ("up", "down"), "bias-exchange": (),
}  # fmt: skip
"""Move -> parts whose values are known only as well as the maps were fitted to them."""

EXPERTS_MADE = frozenset(("dense-to-moe", "experts-added", "experts-collapsed"))
"""Steps with noise of their own on the matrices of experts."""


@dataclass(frozen=True)
class Proposal:
    """An operation that a detector names, with the arguments that replay needs and a document has no room for.

    found: see Found; its grade is set by replay.
    exact: arguments of the forward step beside `found.parameters`: permutations, ids, arrays.
    replays: whether a forward step can be run for it.
    """

    found: Found
    exact: Mapping[str, Any] = field(default_factory=dict)
    replays: bool = True


class Sight:
    """Subject and state of one moment. What corresponds is worked out when first asked.

    other: the state made with another seed: where the two differ, a step drew values, and nothing is known of them.
    replayed: whether the state is the candidate after some step.
    fitted: parts of the subject that were put back by maps fitted to their values; None where nothing was put back.
    told: operations named before.
    spelt: the candidate's row of the token of each of the subject's rows, by the tokenizers; -1: none, -2: not known; None without.
    stored: the narrower type that all matrices of a subject were held in before it was put back; "" where there is none.
    drawn: the state's tensors as ones where a step drew values and these are the subject's own now, else zeros; None before.
    """

    def __init__(self, subject: Side, state: Side, other: Side | None = None, replayed: bool = False) -> None:
        self.subject, self.state, self.other, self.replayed = subject, state, other or state, replayed
        self.drawn: Side | None = None
        self.fitted: frozenset[str] | None = None
        self.told: frozenset[str] = frozenset()
        self.spelt: NDArray[np.intp] | None = None
        self.stored = ""

    @property
    def made_experts(self) -> bool:
        """Whether a step that made experts, which has noise of its own, was named."""
        return bool(self.told & EXPERTS_MADE)

    @cached_property
    def layer_similarity(self) -> F32:
        """(layers of the subject, layers of the state): the best of the parts, in place or by their Gram matrices; of layers that
        are alike in that, those that are alike in more parts."""
        a, b = self.subject, self.state
        best, total = (np.zeros((a.layers, b.layers), dtype=np.float32) for _ in range(2))
        for part in LAYER_PARTS:
            left = [self._sketches(a, part, layer) for layer in range(a.layers)]
            right = [self._sketches(b, part, layer) for layer in range(b.layers)]
            alike = _all_alike(left, right)
            best, total = np.maximum(best, alike), total + alike
        return np.asarray(best + MORE * total)

    def _sketches(self, side: Side, part: str, layer: int) -> Sketch | None:
        rows = side.matrix(part, layer, side.places(layer)[0] if part in ("gate", "up", "down") else None)
        if rows is None or not len(rows):
            return None
        centred = rows - rows.mean(axis=0)
        gram = (centred.T @ centred).astype(np.float32)
        np.fill_diagonal(gram, 0.0)
        return rows, gram

    @cached_property
    def layers(self) -> tuple[tuple[int, int], ...]:
        """(subject layer, state layer) in order, one to one."""
        if self.subject.layers == self.state.layers:
            plain = np.diag(self.layer_similarity)
            if (plain > SAME_LAYER).all():
                return tuple((i, i) for i in range(self.subject.layers))
        return align_layers(self.layer_similarity, SAME_LAYER).pairs

    @cached_property
    def known_channels(self) -> np.ndarray:
        """Channels whose values no step drew, (width,)."""
        mine, other = self.state.matrix("embedding"), self.other.matrix("embedding")
        if mine is None or other is None or mine is other or mine.shape != other.shape:
            return np.ones(self.state.width, dtype=bool)
        same = mine == other
        filled = mine.any(axis=0) | other.any(axis=0)
        rows = same[:, filled].mean(axis=1) if filled.any() else np.ones(len(same))
        old = rows > rows.max() / 2  # rows that were drawn say nothing of channels
        known = np.asarray(same[old].mean(axis=0) > 0.5 if old.any() else filled)
        return known if known.any() else np.ones(self.state.width, dtype=bool)

    def known_part(self, rows: F32) -> F32:
        """The columns of a matrix whose values no step drew, where it has the state's channels."""
        known = self.known_channels
        return rows if rows.shape[1] != len(known) or known.all() else np.ascontiguousarray(rows[:, known])

    def rows_in_place(self, part: str = "embedding") -> F32 | None:
        """Cosines of the rows of a table that both have in place, (n,); None without the table on both sides."""
        a, b = self.subject.matrix(part), self.state.matrix(part)
        if a is None or b is None or a.shape[1] != b.shape[1]:
            return None
        count = min(len(a), len(b))
        return row_cosines(a[:count], b[:count])

    def both(
        self, part: str, pair: tuple[int, int] | None = None, expert: int | None = None, role: str = ""
    ) -> tuple[F32, F32] | None:
        """The matrices of a part on both sides (of a pair of layers); None unless both have one."""
        one, other = pair if pair is not None else (None, None)
        a = self.subject.matrix(part, one, expert, role)
        b = self.state.matrix(part, other, expert, role)
        return None if a is None or b is None else (a, b)

    def mlp_pairs(self) -> list[tuple[int, int, int | None]]:
        """(subject layer, state layer, expert) of MLPs that both have in their places."""
        found: list[tuple[int, int, int | None]] = []
        for i, j in self.layers:
            mine, theirs = self.subject.places(i), self.state.places(j)
            found += [(i, j, expert) for expert in mine if expert in theirs]
        return found


def _all_alike(left: Sequence[Sketch | None], right: Sequence[Sketch | None]) -> F32:
    """The cosine in place or that of the Gram matrices, whichever is larger, of every layer with every other; 0 without rows on
    both sides on as many channels. Shape: (len(left), len(right))."""
    found = np.zeros((len(left), len(right)), dtype=np.float32)
    shapes = [{one[0].shape for one in side if one is not None} for side in (left, right)]
    for a, b in itertools.product(*shapes):
        if a[1] != b[1]:
            continue
        rows, columns = (
            [at for at, one in enumerate(side) if one is not None and one[0].shape == shape]
            for side, shape in ((left, a), (right, b))
        )
        count = min(a[0], b[0])
        mine = [one for at in rows for one in (left[at],) if one is not None]
        theirs = [one for at in columns for one in (right[at],) if one is not None]
        alike = _cosines([one[0][:count] for one in mine], [one[0][:count] for one in theirs])
        if count > 1:
            alike = np.maximum(alike, _cosines([one[1] for one in mine], [one[1] for one in theirs]))
        found[np.ix_(rows, columns)] = alike
    return found


def _cosines(mine: Sequence[F32], theirs: Sequence[F32]) -> F32:
    """Cosines of arrays of one shape, seen as vectors, in products of blocks; 0 where one is all zero. Shape: (mine, theirs)."""
    products = np.zeros((len(mine), len(theirs)))
    sizes = [np.zeros(len(side)) for side in (mine, theirs)]
    flat = [[one.reshape(-1) for one in side] for side in (mine, theirs)]
    for start in range(0, flat[0][0].size, BLOCK):
        blocks = [np.stack([one[start : start + BLOCK] for one in side]) for side in flat]
        products += blocks[0] @ blocks[1].T
        for size, block in zip(sizes, blocks, strict=True):
            size += np.einsum("ij,ij->i", block, block)
    scale = np.sqrt(np.outer(*sizes))
    return np.asarray(np.divide(products, scale, out=np.zeros_like(products), where=scale > 0), dtype=np.float32)
