"""Attention heads in aligned coordinates (METHODS §9, §10): products that no rewriting of a head changes.

A head reads by V and writes by O: any mixing of its value dimensions leaves O·V as it was. Its scores come from queries and keys:
under rotary positions only turns within a plane of dimensions commute, so Qᵀ·K and Qᵀ·J·K of every plane stay as they were (J a
quarter turn: the scores at any distance are sums of the two); without rotary positions Qᵀ·K of the whole head does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forebear.core.errors import incomparable
from forebear.core.messages import message
from forebear.stats.alignment import assign
from forebear.stats.arrays import F32, F64, I64, Floats


def product_likeness(first_a: F32, second_a: F32, first_b: F32, second_b: F32) -> F64:
    """Cosines of the products first_hᵀ·second_h of every head of A with those of every head of B, without forming them.

    Shapes:  (H_a, k_a, d), (H_a, k_a, d), (H_b, k_b, d), (H_b, k_b, d) -> (H_a, H_b). 0 for a head that is all zero.
    Raises:  IncomparableError if widths differ.
    Source:  METHODS §9; <XᵀY, ZᵀW> = sum((X Zᵀ) * (Y Wᵀ)).
    """
    if len({m.shape[-1] for m in (first_a, second_a, first_b, second_b)}) != 1:
        raise incomparable(message("arrays.head_coordinates"))
    inner = _crossed(first_a, second_a, first_b, second_b)
    return _cosines(inner, _own(first_a, second_a), _own(first_b, second_b))


def rotary_likeness(q_a: F32, k_a: F32, q_b: F32, k_b: F32) -> F64:
    """The same for queries and keys under rotary positions: plane by plane, pairs (i, i + k/2), both products of each plane.

    Shapes:  (H_a, k, d) twice, (H_b, k, d) twice -> (H_a, H_b).
    Raises:  IncomparableError where heads differ in size or have an odd one.
    """
    size = q_a.shape[1]
    if size % 2 or any(m.shape[1] != size for m in (k_a, q_b, k_b)):
        raise incomparable(message("arrays.rotary_size"))
    half = size // 2
    inner = np.zeros((len(q_a), len(q_b)))
    own = np.zeros(len(q_a)), np.zeros(len(q_b))
    for plane in range(half):
        both = [plane, plane + half]
        qa, ka, qb, kb = (m[:, both] for m in (q_a, k_a, q_b, k_b))
        for left, right in ((ka, kb), (_quarter(ka), _quarter(kb))):
            inner += _crossed(qa, left, qb, right)
            own[0][:] += _own(qa, left)
            own[1][:] += _own(qb, right)
    return _cosines(inner, *own)


def _quarter(rows: F32) -> F32:
    out: F32 = np.stack([-rows[:, 1], rows[:, 0]], axis=1)
    return out


def _crossed(x: F32, y: F32, z: F32, w: F32) -> F64:
    shape = (len(x), x.shape[1], len(z), z.shape[1])
    one = (_flat(x) @ _flat(z).T).reshape(shape)
    other = (_flat(y) @ _flat(w).T).reshape(shape)
    out: F64 = np.einsum("ikjl,ikjl->ij", one, other, dtype=np.float64)
    return out


def _own(x: F32, y: F32) -> F64:
    out: F64 = np.einsum("hij,hij->h", x @ x.transpose(0, 2, 1), y @ y.transpose(0, 2, 1), dtype=np.float64)
    return out


def _flat(heads: F32) -> F32:
    return heads.reshape(-1, heads.shape[-1])


def _cosines(inner: F64, own_a: F64, own_b: F64) -> F64:
    sizes = np.sqrt(np.maximum(own_a, 0))[:, None] * np.sqrt(np.maximum(own_b, 0))[None]
    out: F64 = np.divide(inner, sizes, out=np.zeros_like(inner), where=sizes > 1e-30)
    return out


@dataclass(frozen=True)
class HeadMatch:
    """Heads of A told their partners in B.

    partners: (H_a,) by both products together, within matched groups where groups are of one size; -1 for none.
    agreed:   heads whose two products each name that same partner, and are named back. groups: (G_a,) partner groups, or None.
    written, scored: cosine with the partner of what a head writes (O·V), and of its scores (Q·K).
    """

    partners: I64
    agreed: int
    groups: I64 | None
    written: F64
    scored: F64


def match_heads(written: F64, scored: F64, each: tuple[int, int]) -> HeadMatch:
    """Partners of heads from two separate products.

    Shapes:  (H_a, H_b) each; each: query heads per KV group on either side.
    Source:  METHODS §10 (KV groups regrouped; query heads within groups).
    """
    both = written + scored
    groups = _group_map(both, each[0]) if each[0] == each[1] else None
    partners = _within(both, groups, each[0]) if groups is not None else _assigned(both)
    named = [_mutual(m) for m in (written, scored)]
    agreed = int(np.count_nonzero((named[0] == named[1]) & (named[0] >= 0) & (named[0] == partners)))
    kept = partners >= 0
    line = np.arange(len(partners))[kept]
    return HeadMatch(partners, agreed, groups, written[line, partners[kept]], scored[line, partners[kept]])


def _mutual(score: Floats) -> I64:
    best, back = score.argmax(axis=1), score.argmax(axis=0)
    out: I64 = np.where(back[best] == np.arange(len(best)), best, -1)
    return out


def _assigned(score: F64) -> I64:
    """One-to-one partners of rows, -1 for rows left over."""
    if score.shape[0] <= score.shape[1]:
        return assign(score)
    out = np.full(score.shape[0], -1, dtype=np.int64)
    out[assign(np.ascontiguousarray(score.T))] = np.arange(score.shape[1])
    return out


def _group_map(score: F64, each: int) -> I64:
    """Partner group of every KV group, by the best assignment of the query heads inside."""
    a, b = score.shape[0] // each, score.shape[1] // each
    blocks = score.reshape(a, each, b, each).transpose(0, 2, 1, 3)
    table = np.array([[_best_total(blocks[i, j]) for j in range(b)] for i in range(a)])
    return _assigned(table)


def _best_total(block: F64) -> float:
    return float(block[np.arange(len(block)), assign(np.ascontiguousarray(block))].sum())


def _within(score: F64, groups: I64, each: int) -> I64:
    out = np.full(score.shape[0], -1, dtype=np.int64)
    for group, other in enumerate(groups.tolist()):
        if other >= 0:
            rows, columns = slice(group * each, (group + 1) * each), slice(other * each, (other + 1) * each)
            out[rows] = other * each + assign(np.ascontiguousarray(score[rows, columns]))
    return out
