"""Norm gains folded away or replaced, the residual stream scaled: what the matrices around take back (METHODS §9)."""

from __future__ import annotations

import numpy as np

from forebear.recipes.detectors.sight import Proposal, Sight
from forebear.recipes.found import Found
from forebear.stats.arrays import F32

LEAST = 0.02
"""Relative change of gains, its 90th percentile, below which they count as not replaced (decision 0034)."""
READERS = {"attention": ("q", "k", "v"), "mlp": ("gate", "up")}


def find(sight: Sight) -> list[Proposal]:
    """A scaled residual stream first, then gains."""
    return [*_scaled(sight), *_gains(sight)]


def _scaled(sight: Sight) -> list[Proposal]:
    both = sight.both("embedding")
    if both is None or both[0].shape[1] != both[1].shape[1]:
        return []
    count = min(len(both[0]), len(both[1]))
    a, b = (sight.known_part(m[:count]).astype(np.float64) for m in both)
    sizes = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    kept = np.einsum("ij,ij->i", a, b) > 0.7 * np.maximum(sizes, 1e-30)
    if not kept.any():
        return []
    factor = float(np.median(np.linalg.norm(a[kept], axis=1) / np.linalg.norm(b[kept], axis=1)))
    if abs(np.log(max(1e-30, factor))) < 0.03:
        return []
    scaled = Found("residual-scale", {"parts": ["embedding", "o", "down"]}, {"factor": round(factor, 6)})
    stated = _stated(sight)
    if stated is not None and abs(stated / factor - 1) < 0.03:
        return [Proposal(scaled)]
    rest = np.linalg.norm(a[kept] / factor - b[kept], axis=1) / np.linalg.norm(b[kept], axis=1)
    if float(np.median(rest)) > abs(np.log(factor)):
        return []  # rows moved further than the factor moves them: training alone makes them longer
    writers = [_factor(sight, part) for part in ("o", "down")]
    known = [w for w in writers if w]
    readers = [r for part in ("q", "up") for r in (_factor(sight, part),) if r]
    if not known or not readers or factor <= 0 or abs(np.log(factor)) < 0.03:
        return []
    same = all(abs(w / factor - 1) < 0.1 and abs(np.log(w)) > abs(np.log(factor)) / 2 for w in known)
    return (
        [Proposal(scaled)]
        if same and all(abs(np.log(r)) < abs(np.log(factor)) / 2 for r in readers)
        else []
    )


def _stated(sight: Sight) -> float | None:
    """The factor by which the norms' epsilon followed; None where a side states none."""
    names = ("rms_norm_eps", "layer_norm_epsilon", "norm_epsilon", "layer_norm_eps")
    mine, theirs = (next((side.config[n] for n in names if side.config.get(n)), None) for side in (sight.subject, sight.state))
    if not isinstance(mine, (int, float)) or not isinstance(theirs, (int, float)) or mine <= 0 or theirs <= 0:
        return None
    return float(np.sqrt(mine / theirs))


def _factor(sight: Sight, part: str) -> float | None:
    """The factor between the sizes of a part on both sides, by least squares over layers that have one shape."""
    top = bottom = 0.0
    for pair in sight.layers:
        found = sight.both(part, pair)
        if found is not None and found[0].shape == found[1].shape:
            a, b = (m.astype(np.float64) for m in found)
            top, bottom = top + float((a * b).sum()), bottom + float((b * b).sum())
    return top / bottom if bottom and top > 0 else None


def _gains(sight: Sight) -> list[Proposal]:
    """Gains that changed where the columns of the readers changed by the inverse."""
    pairs = [(role, mine, theirs, pair) for pair in sight.layers for role in READERS
             for mine, theirs in [_both(sight, role, pair)] if mine is not None and theirs is not None]  # fmt: skip
    if not pairs or any(mine.shape != theirs.shape for _, mine, theirs, _ in pairs):
        return []
    apart = [np.abs(m - t) / np.maximum(1e-6, np.abs(t)) for _, m, t, _ in pairs]
    change = float(np.quantile(np.concatenate(apart), 0.9))
    if change < LEAST:
        return []
    taken = [
        kept
        for role, mine, theirs, pair in pairs
        for kept in (_taken_back(sight, role, mine, theirs, pair),)
        if kept is not None
    ]
    if not taken or float(np.median(taken)) < 0.5:
        return []
    flat = all(float(np.ptp(mine)) < 1e-6 for _, mine, _, _ in pairs)
    where = {"layers": [pair[0] for _, _, _, pair in pairs[::2]], "parts": ["norm"]}
    if flat:
        return [Proposal(Found("gain-folding", where))]
    flips = float(np.mean(np.concatenate([mine * theirs < 0 for _, mine, theirs, _ in pairs])))
    ratios = np.concatenate([np.log(np.maximum(1e-6, np.abs(m / np.where(t == 0, 1, t)))) for _, m, t, _ in pairs])
    said = {"spread": round(float(np.std(ratios) * np.sqrt(3)), 3), "flip": flips > 0.1}
    gains = {(pair[1], role): mine for role, mine, _, pair in pairs}
    exact = {"gains": gains, "final": sight.subject.vector("gain", "norm", role="final")}
    return [Proposal(Found("gain-replacement", where, said), exact)]


def _both(sight: Sight, role: str, pair: tuple[int, int]) -> tuple[F32 | None, F32 | None]:
    return (
        sight.subject.vector("gain", "norm", pair[0], role=role),
        sight.state.vector("gain", "norm", pair[1], role=role),
    )


def _taken_back(sight: Sight, role: str, mine: F32, theirs: F32, pair: tuple[int, int]) -> float | None:
    """Correlation between the change of a gain and the inverse change of its readers' columns, in logarithms."""
    columns, sizes = [], []
    for part in READERS[role]:
        expert = sight.subject.places(pair[0])[0] if role == "mlp" else None
        other = sight.state.places(pair[1])[0] if role == "mlp" else None
        a, b = sight.subject.matrix(part, pair[0], expert), sight.state.matrix(part, pair[1], other)
        if a is not None and b is not None and a.shape[1] == b.shape[1] == mine.size:
            sizes.append(np.linalg.norm(b, axis=0))
            columns.append(np.log(np.maximum(1e-12, sizes[-1]) / np.maximum(1e-12, np.linalg.norm(a, axis=0))))
    if not columns:
        return None
    filled = np.min([size > 1e-6 * size.max() for size in sizes], axis=0).astype(bool)  # empty columns took nothing back
    filled &= sight.known_channels  # of columns that a step drew nothing is known
    if not filled.any():
        return None
    ratio = np.log(np.maximum(1e-6, np.abs(mine)) / np.maximum(1e-6, np.abs(theirs)))[filled]
    inverse = np.mean(columns, axis=0)[filled]
    inverse = inverse - inverse.mean()
    ratio = ratio - ratio.mean()
    size = float(np.linalg.norm(inverse) * np.linalg.norm(ratio))
    return float(inverse @ ratio) / size if size else None
