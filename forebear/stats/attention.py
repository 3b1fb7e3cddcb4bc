"""What attention heads do, beside what an aligner could bring an independent's heads to (METHODS §17, decision 0016).

A head is seen by products that no rewriting inside it changes: O·V, and Q·K (under rotary positions, plane by plane). What is
left to an aligner is the rotation of the residual stream and the order of the heads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import incomparable
from forebear.core.messages import message
from forebear.stats.alignment import assign
from forebear.stats.arrays import F32, F64, I64
from forebear.stats.attention_thresholds import DAMPING, LEAST_GAIN, MOST_DAMPING, MOST_STEPS
from forebear.stats.gauge import isometry

Mask = NDArray[np.bool_] | None
Factors = tuple[F32, F32, Mask]
"""Rows x and y of every head, (heads, size, d) each: the product xᵀ·y. A mask of (size, size) keeps planes apart."""


@dataclass(frozen=True)
class HeadProducts:
    """The two products of every head of one layer: what it writes (O·V) and how it scores (Q·K).

    written, scored: sums of products of rows; lengths: (heads,) Frobenius norm of each.
    """

    written: tuple[Factors, ...]
    scored: tuple[Factors, ...]
    lengths: tuple[F64, F64]

    @property
    def heads(self) -> int:
        """How many heads."""
        return len(self.lengths[0])

    @property
    def width(self) -> int:
        """Residual channels."""
        return int(self.written[0][0].shape[2])

    def take(self, index: NDArray[np.intp]) -> HeadProducts:
        """Some of the heads."""
        own, scores = (tuple((x[index], y[index], m) for x, y, m in one) for one in (self.written, self.scored))
        return HeadProducts(own, scores, (self.lengths[0][index], self.lengths[1][index]))

    def turned(self, rotation: F32) -> HeadProducts:
        """The same heads in other coordinates; a rotation into fewer channels shortens them. rotation: (d, other d)."""
        own, scores = (tuple((x @ rotation, y @ rotation, m) for x, y, m in one) for one in (self.written, self.scored))
        square = rotation.shape[0] == rotation.shape[1]
        return HeadProducts(own, scores, self.lengths if square else (_lengths(own), _lengths(scores)))

    def on_channels(self, index: NDArray[np.intp]) -> HeadProducts:
        """The same heads seen on some of the channels."""
        own, scores = (
            tuple((x[..., index], y[..., index], m) for x, y, m in one) for one in (self.written, self.scored)
        )
        return HeadProducts(own, scores, (_lengths(own), _lengths(scores)))


def head_products(q: F32, k: F32, v: F32, o: F32, *, rotary: bool) -> HeadProducts:
    """The products of one layer's heads over the bare residual stream; values that are not finite count as zero.

    Shapes:  (heads, size, d) each, keys and values of a group repeated for each of its heads; o: columns as rows.
    rotary:  whether positions turn planes (i, i + size / 2) of queries and keys.
    Raises:  IncomparableError for shapes that do not belong together, or an odd size under rotary positions.
    Source:  METHODS §9, §17.
    """
    if len({m.shape[::2] for m in (q, k, v, o)}) != 1 or q.shape != k.shape or v.shape != o.shape or q.ndim != 3:
        raise incomparable(message("arrays.head_rows", shapes=str([m.shape for m in (q, k, v, o)])))
    if rotary and q.shape[1] % 2:
        raise incomparable(message("arrays.odd_heads"))
    q, k, v, o = (_sound(m) for m in (q, k, v, o))
    written: tuple[Factors, ...] = ((o, v, None),)
    scored: tuple[Factors, ...] = ((q, k, None),)
    if rotary:
        half = q.shape[1] // 2
        planes = np.tile(np.eye(half, dtype=bool), (2, 2))
        quarter = np.concatenate([-k[:, half:], k[:, :half]], axis=1)
        scored = ((q, k, planes), (q, quarter, planes))
    return HeadProducts(written, scored, (_lengths(written), _lengths(scored)))


def _sound(rows: F32) -> F32:
    """Heads scaled by their largest entry, so that no product overflows."""
    clean = np.where(np.isfinite(rows), rows, np.float32(0)).astype(np.float32)
    largest = np.abs(clean).max(axis=(1, 2), keepdims=True, initial=0)
    out: F32 = np.divide(clean, largest, out=np.zeros_like(clean), where=largest > 0)
    return out


def _lengths(factors: Sequence[Factors]) -> F64:
    total = np.zeros(len(factors[0][0]))
    for x, y, mask in factors:
        inner = (x @ x.transpose(0, 2, 1)) * (y @ y.transpose(0, 2, 1))
        total += (inner if mask is None else inner * mask).sum(axis=(1, 2), dtype=np.float64)
    out: F64 = np.sqrt(np.maximum(total, 0))
    return out


def _flat(heads: F32) -> F32:
    return heads.reshape(-1, heads.shape[-1])


def _inner(a: Sequence[Factors], b: Sequence[Factors]) -> F64:
    """Inner products of every head of A with every head of B: <xᵀy, zᵀw> = sum((x zᵀ) * (y wᵀ)). (heads_a, heads_b)"""
    total = np.zeros((len(a[0][0]), len(b[0][0])))
    for (x, y, mask), (z, w, _) in zip(a, b, strict=True):
        shape = (len(x), x.shape[1], len(z), z.shape[1])
        one = (_flat(x) @ _flat(z).T).reshape(shape)
        other = (_flat(y) @ _flat(w).T).reshape(shape)
        product = one * other
        total += (product if mask is None else product * mask[None, :, None, :]).sum(axis=(1, 3), dtype=np.float64)
    return total


def likeness(a: HeadProducts, b: HeadProducts) -> F64:
    """Mean of both cosines of every head of A with every head of B; 0 for a product that is all zero. (heads_a, heads_b)

    Raises: IncomparableError where one side has rotary positions and the other has not, or heads differ in size.
    """
    if len(a.scored) != len(b.scored) or a.scored[0][0].shape[1:] != b.scored[0][0].shape[1:]:
        raise incomparable(message("arrays.kinds_of_heads"))
    total = np.zeros((a.heads, b.heads))
    for mine, theirs, long, other in zip(
        (a.written, a.scored), (b.written, b.scored), a.lengths, b.lengths, strict=True
    ):
        size = long[:, None] * other[None]
        total += np.divide(_inner(mine, theirs), size, out=np.zeros_like(size), where=size > 1e-30)
    return total / 2


def in_place(a: HeadProducts, b: HeadProducts) -> float:
    """s of the attention of one layer pair: the mean likeness of heads at equal places."""
    count = min(a.heads, b.heads)
    few = np.arange(count, dtype=np.intp)
    return float(np.diag(likeness(a.take(few), b.take(few))).mean())


def under(a: HeadProducts, b: HeadProducts, rotation: F32) -> float:
    """Mean likeness of the heads of A, turned, with their best partners in B, one to one where B has enough."""
    return _matched([(a, b)], rotation)[0].pooled


@dataclass(frozen=True)
class HeadAlignment:
    """by_layer: mean likeness of matched heads of every pair; pooled: their mean; rotation: (d_a, d_b)."""

    by_layer: tuple[float, ...]
    pooled: float
    rotation: F32


Parts = tuple[HeadProducts, HeadProducts]


def align_heads(pairs: Sequence[Parts], start: F32, steps: int = MOST_STEPS) -> HeadAlignment:
    """The best rotation of the residual stream and order of heads found from one start: what an aligner gains on attention.

    Each step takes the polar factor of the gradient at the present rotation, drawn back towards it as far as the mean
    likeness needs to rise; heads are assigned anew before each.
    Raises:  IncomparableError without pairs, or where heads have no common products.
    Source:  METHODS §17; majorisation of a sum of products over orthogonal matrices (Kiers 1990).
    """
    if not pairs:
        raise incomparable(message("arrays.no_pair"))
    best, partners = _matched(pairs, start)
    damping = 0.0
    for _ in range(steps):
        slope = sum(
            (_slope(a, b.take(p.astype(np.intp)), best.rotation) for (a, b), p in zip(pairs, partners, strict=True)),
            np.zeros(start.shape),
        )
        size = float(np.linalg.norm(slope))
        if size <= 0:
            break
        slope *= np.sqrt(min(start.shape)) / size
        gained = -1.0
        while damping <= MOST_DAMPING:
            tried, names = _matched(pairs, isometry(slope + damping * best.rotation))
            gained = tried.pooled - best.pooled
            if gained > 0:
                break
            damping = max(DAMPING, 2 * damping)
        if gained > 0:
            best, partners = tried, names
        if gained < LEAST_GAIN:
            break
        damping /= 2
    return best


def _matched(pairs: Sequence[Parts], rotation: F32) -> tuple[HeadAlignment, list[I64]]:
    values, partners = [], []
    for a, b in pairs:
        table = likeness(a.turned(rotation), b)
        partner = assign(table) if a.heads <= b.heads else table.argmax(axis=1)
        partners.append(partner)
        values.append(float(table[np.arange(a.heads), partner].mean()))
    return HeadAlignment(tuple(values), float(np.mean(values)), rotation), partners


def _slope(a: HeadProducts, b: HeadProducts, rotation: F32) -> F64:
    """How the mean likeness of heads at equal places changes with the rotation. (d_a, d_b)"""
    total = np.zeros(rotation.shape)
    for mine, theirs, long, other in zip(
        (a.written, a.scored), (b.written, b.scored), a.lengths, b.lengths, strict=True
    ):
        size = long * other
        weight = np.divide(0.5 / a.heads, size, out=np.zeros_like(size), where=size > 1e-30)[:, None, None]
        for (x, y, mask), (z, w, _) in zip(mine, theirs, strict=True):
            one = (x @ rotation) @ z.transpose(0, 2, 1) * weight
            other_one = (y @ rotation) @ w.transpose(0, 2, 1) * weight
            if mask is not None:
                one, other_one = one * mask, other_one * mask
            total += _flat(x).T @ _flat(other_one.astype(np.float32) @ z)
            total += _flat(y).T @ _flat(one.astype(np.float32) @ w)
    return total
