"""A rotation found without any embedding: moments that turn with the residual stream, then matching by turns (METHODS §9).

A neuron's norms and the angles between its own rows change under no rotation, shuffle, sign or scale. So sums of rows weighted by
functions of these numbers need no matching and turn with the stream: they are anchors, and their polar factor is a start that
holds where matching by signatures alone fails (toys, further training with four times the base's compute).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import incomparable
from forebear.core.messages import message
from forebear.core.spacing import evenly
from forebear.core.threads import side_by_side
from forebear.stats.arrays import F32, F64, I64, Floats, as_float64, unit_rows
from forebear.stats.gauge import isometry, polar

CLIP = 3.0
"""Spreads beyond which a feature says no more: a few odd neurons must not own a moment."""
FEATURE_WEIGHT = 0.05
FADING = 0.7
"""Weight of features beside cosines in the first round, and what is left of it and of the moments in each round after."""
SETTLED = 0.995
MOST_ASKED = 2048
ROWS = 256
"""Neurons matched at a time: few enough for the cache, and for threads to share them out."""


@dataclass(frozen=True)
class Bundle:
    """Neurons of one MLP with what no rewriting changes.

    views:    rows of unit length, (n, d) each: gate, up, down (gated, signs of up and down chosen so that up leans to gate), or
              up, down. flips: whether the signs of the views after the first are free.
    features: (n, k) rotation- and scale-free numbers, standardised over the layer.
    """

    views: tuple[F32, ...]
    features: F32
    flips: bool

    def take(self, index: NDArray[np.intp]) -> Bundle:
        """Some of the neurons."""
        return Bundle(tuple(v[index] for v in self.views), self.features[index], self.flips)


def bundle(rows: Sequence[Floats]) -> Bundle:
    """Folded rows of one MLP, (gate, up, down) or (up, down), each (n, d), as a bundle.

    Features: log‖g‖, log‖u‖‖d‖ and the three cosines of a gated neuron; log‖u‖, log‖d‖ and their cosine of a plain one.
    Raises:   IncomparableError for another number of matrices.
    Source:   METHODS §9.
    """
    if len(rows) not in (2, 3):
        raise incomparable(message("arrays.mlp_count", count=len(rows)))
    views = [unit_rows(r)[0] for r in rows]
    sizes = [np.log(np.maximum(np.linalg.norm(as_float64(r), axis=1), 1e-30)) for r in rows]
    if len(rows) == 2:
        return Bundle((views[0], views[1]), _standard([sizes[0], sizes[1], _cosines(views[0], views[1])]), False)
    lean = _cosines(views[0], views[1])
    sign = np.where(lean < 0, -1.0, 1.0).astype(np.float32)
    views[1], views[2] = views[1] * sign[:, None], views[2] * sign[:, None]
    features = [sizes[0], sizes[1] + sizes[2], np.abs(lean), _cosines(views[0], views[2]), _cosines(views[1], views[2])]
    return Bundle((views[0], views[1], views[2]), _standard(features), True)


def _cosines(a: F32, b: F32) -> F64:
    out: F64 = np.einsum("ij,ij->i", a, b, dtype=np.float64)
    return out


def _standard(columns: Sequence[F64]) -> F32:
    raw = np.stack(columns, axis=1)
    spread = raw.std(axis=0)
    centred = (raw - np.median(raw, axis=0)) / np.where(spread > 0, spread, 1.0)
    out: F32 = np.clip(centred, -CLIP, CLIP).astype(np.float32)
    return out


def moments(layer: Bundle) -> F32:
    """Sums of rows weighted by one, every feature and every product of two: they turn with the stream, whatever the order.

    Shapes: -> (views × weights, d), unit rows; 63 for gated MLPs, 20 for plain ones.
    """
    f = layer.features
    k = f.shape[1]
    products = [f[:, i] * f[:, j] for i in range(k) for j in range(i, k)]
    weights = np.stack([np.ones(len(f), np.float32), *f.T, *products])  # (weights, n)
    return unit_rows(np.concatenate([weights @ view for view in layer.views]))[0]


def layer_kinship(a: Sequence[F32], b: Sequence[F32]) -> F64:
    """How alike layers are without any rotation: cosines of the angles between their moments, means of all layers removed.

    Shapes: moments of every layer of either side -> (layers of A, layers of B).
    """
    grams = [np.stack([(m @ m.T)[np.triu_indices(len(m), 1)] for m in side]) for side in (a, b)]
    middle = [g - g.mean(axis=0) if len(g) > 1 else g for g in grams]
    (x, _), (y, _) = (unit_rows(g) for g in middle)
    return as_float64(x @ y.T)


@dataclass(frozen=True)
class BlindFit:
    """A rotation from neurons alone. matrix: (d_a, d_b). rounds: matchings made. kept: share of neurons matched both ways.

    given_up: whether it was left before it settled.
    """

    matrix: F32
    rounds: int
    kept: float
    given_up: bool = False


def fit_rotation(
    layers: Sequence[tuple[Bundle, Bundle]],
    rounds: int = 30,
    start: F32 | None = None,
    worth: Callable[[int, F32], bool] | None = None,
) -> BlindFit:
    """Moments give a start, mutual matching by all views gives rows, rows give the next rotation, until matches stay.

    layers: the same layer of both sides. start: begin there instead of the moments. worth: whether to go on, given the rounds
    done and the rotation they made.
    It fits whatever it is given (independents agree on up to 13 of 176 neurons of the layers it was fitted on): test it on layers
    that played no part.
    Raises: IncomparableError without layers, or when they differ in kind.
    Source: METHODS §9 (no embedding).
    """
    if not layers or any(a.flips != b.flips or len(a.views) != len(b.views) for a, b in layers):
        raise incomparable(message("arrays.layer_kinds"))
    anchors = [np.concatenate([moments(pair[k]) for pair in layers]) for k in (0, 1)]
    asked = [(a.take(evenly(len(a.features), MOST_ASKED).astype(np.intp)), b) for a, b in layers]
    rotation = polar(anchors[0], anchors[1]) if start is None else start
    before: list[I64] | None = None
    kept, done = 0.0, 0
    for done in range(1, rounds + 1):
        fade = FADING ** (done - 1)
        matches = [_match(a, b, rotation, FEATURE_WEIGHT * fade) for a, b in asked]
        kept = float(np.mean(np.concatenate(matches) >= 0))
        same = before is not None and np.mean(np.concatenate(matches) == np.concatenate(before)) > SETTLED
        rotation = _next_rotation(asked, matches, rotation, anchors, fade)
        if same:
            break
        if worth is not None and not worth(done, rotation):
            return BlindFit(rotation, done, kept, given_up=True)
        before = matches
    return BlindFit(rotation, done, kept)


def _next_rotation(
    layers: Sequence[tuple[Bundle, Bundle]], matches: Sequence[I64], rotation: F32, anchors: Sequence[F32], fade: float
) -> F32:
    """The polar factor of matched rows of all layers and of the moments, whose products count by `fade`."""
    parts = list(zip(layers, matches, strict=True))
    count = len(anchors[0]) + sum(len(a.views) * int(np.count_nonzero(match >= 0)) for (a, _), match in parts)
    weighed = [np.float32(np.sqrt(fade)) * side for side in anchors]
    if count < min(rotation.shape):  # few rows: their factor is cheaper than that of a product as wide as the model
        rows = [_matched_rows(a, b, match, rotation) for (a, b), match in parts]
        return polar(*(np.concatenate([weighed[k], *(r[k] for r in rows)]) for k in (0, 1)))

    def crossed(part: tuple[tuple[Bundle, Bundle], I64]) -> F64:
        (a, b), match = part
        x, y = _matched_rows(a, b, match, rotation)
        product: F64 = as_float64(x).T @ as_float64(y)
        return product

    total = as_float64(weighed[0]).T @ as_float64(weighed[1])
    for product in side_by_side(crossed, parts):
        total += product
    return isometry(total)


def _match(a: Bundle, b: Bundle, rotation: F32, weight: float) -> I64:
    """(n,) partner in B by all views and features together, -1 where it does not name the neuron back."""

    weigh = np.float32(weight if weight > 1e-4 else 0)
    there, own = (2 * weigh * b.features).T, weigh * np.einsum("ij,ij->i", b.features, b.features)

    def part(rows: slice) -> tuple[I64, I64, F32]:
        """Best partner of these neurons of A; and of every neuron of B the best of these, with its score."""
        score = (a.views[0][rows] @ rotation) @ b.views[0].T
        for x, y in zip(a.views[1:], b.views[1:], strict=True):
            cosines = (x[rows] @ rotation) @ y.T
            score += np.abs(cosines, out=cosines) if a.flips else cosines
        if weigh:  # less the squared distance of features
            mine = a.features[rows]
            score += mine @ there
            score -= own
            score -= (weigh * np.einsum("ij,ij->i", mine, mine))[:, None]
        near = score.argmax(axis=0)
        return score.argmax(axis=1), near + rows.start, score[near, np.arange(len(near))]

    best: list[I64] = []
    back, top = np.zeros(len(b.features), dtype=np.int64), np.full(len(b.features), -np.inf, dtype=np.float32)
    for mine, near, score in side_by_side(part, [slice(i, i + ROWS) for i in range(0, len(a.features), ROWS)]):
        best.append(mine)
        back, top = np.where(score > top, near, back), np.maximum(score, top)
    partner = np.concatenate(best)
    out: I64 = np.where(back[partner] == np.arange(len(partner)), partner, -1)
    return out


def _matched_rows(a: Bundle, b: Bundle, match: I64, rotation: F32) -> tuple[F32, F32]:
    """Rows of matched neurons, all views one after the other, signs of B's chosen to agree."""
    kept = match >= 0
    left, right = [], []
    for place, (x, y) in enumerate(zip(a.views, b.views, strict=True)):
        mine, theirs = x[kept], y[match[kept]]
        if place and a.flips:
            signs = np.sign(np.einsum("ij,ij->i", mine @ rotation, theirs))
            theirs = theirs * signs[:, None]
        left.append(mine)
        right.append(theirs)
    return np.concatenate(left), np.concatenate(right)
