"""Shared training or a shared start after gauge fixing: norm gains start constant, and leave their mark in folded matrices.

A gain that was folded, replaced or rotated away still scales the channels of every matrix that read through it. So in the
coordinates of a side whose gains were never touched, the columns of the other side's matrices are large where the gain was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from forebear.core.errors import incomparable
from forebear.core.messages import message
from forebear.stats.arrays import F32, F64, Floats, as_float64, unit_rows
from forebear.stats.gauge_thresholds import ALIGNED_GAINS, ALIGNED_GAINS_Z, CROSSED_SPREAD
from forebear.stats.ranks import spearman

_UNREACHED = 1e-3
"""Channels of which the rotation reaches less than this share are left out."""


def column_energy(matrices: Sequence[F32], reach: Floats) -> F64:
    """Mean square of every channel over rows of length one, as a share of what the rotation reaches of that channel.

    Shapes:  matrices (n, d) each; reach (d,): squared length of the rotation's rows or columns there -> (d,), NaN where the
             rotation does not reach.
    """
    total = np.zeros(len(reach))
    for rows in matrices:
        unit, _ = unit_rows(rows)
        total += np.einsum("ij,ij->j", unit, unit, dtype=np.float64) / max(1, len(unit))
    known = reach > _UNREACHED
    out: F64 = np.where(known, total / np.where(known, reach, 1.0), np.nan)
    return out


def shared_spread(a: F32, b: F32) -> float:
    """Cosine of the two second-moment matrices, their isotropic parts removed: 0 for matrices spread independently.

    Shapes:  (n, d), (m, d): rows of unlike matrices (gate and up), in the same coordinates, so that no start is in common.
    Raises:  IncomparableError if widths differ.
    """
    if a.shape[1] != b.shape[1]:
        raise incomparable(message("arrays.spread", a=a.shape[1], b=b.shape[1]))
    (x, _), (y, _) = unit_rows(a), unit_rows(b)
    d = a.shape[1]
    inner = _squared(x, y) - len(x) * len(y) / d
    own = (_squared(x, x) - len(x) ** 2 / d) * (_squared(y, y) - len(y) ** 2 / d)
    return float(inner / sqrt(own)) if own > 0 else 0.0


def _squared(x: F32, y: F32) -> float:
    product = x @ y.T
    return float(np.einsum("ij,ij->", product, product, dtype=np.float64))


@dataclass(frozen=True)
class AlignedGains:
    """Rank agreement of one side's own gains with the other side's columns.

    rho: mean over norms, None where every gain is constant; z: of that mean against chance; norms: how many.
    crossed: mean likeness of the spreads of unlike matrices, None for plain MLPs.
    trained: whether training was shared by either figure. What neither shows stays open: gains may have been replaced.
    """

    rho: float | None
    z: float
    norms: int
    crossed: float | None
    trained: bool


def aligned_gains(norms: Sequence[tuple[Floats, Floats]], crossed: Sequence[float]) -> AlignedGains:
    """norms: (gain as stored on one side, column energy of the other side in its coordinates), (d,) each.

    Source: METHODS §1 (what started constant agrees only for descendants), §7 (ranks, never raw cosines).
    """
    found: list[tuple[float, int]] = []
    for gain, energy in norms:
        sound = np.isfinite(gain) & np.isfinite(energy)
        if int(sound.sum()) < 3 or np.ptp(as_float64(gain)[sound]) == 0:
            continue
        rho = spearman(np.abs(as_float64(gain)[sound]), as_float64(energy)[sound])
        if rho is not None:
            found.append((rho, int(sound.sum())))
    mean = float(np.mean([r for r, _ in found])) if found else None
    # sum of independent rhos, each with variance 1 / (n - 1) under chance
    z = sum(r for r, _ in found) / sqrt(sum(1 / (n - 1) for _, n in found)) if found else 0.0
    spread = float(np.mean(crossed)) if crossed else None
    trained = (mean is not None and mean >= ALIGNED_GAINS and z >= ALIGNED_GAINS_Z) or (
        spread is not None and spread >= CROSSED_SPREAD
    )
    return AlignedGains(mean, z, len(found), spread, trained)
