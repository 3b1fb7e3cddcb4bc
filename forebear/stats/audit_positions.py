"""Audit of positions (METHODS §2): tables that start as sinusoids order the channels, ALiBi orders the heads."""

from __future__ import annotations

from math import log10, sqrt

import numpy as np

from forebear.core.errors import incomparable
from forebear.core.messages import message
from forebear.core.spacing import evenly
from forebear.stats import thresholds
from forebear.stats.arrays import F64, I64, Floats, as_float64, unit_rows
from forebear.stats.audit import AuditFinding
from forebear.stats.normal import normal_z
from forebear.stats.ranks import centred_ranks

_FREQUENCIES = 64
_ROWS = 512
_SHARE, _SHARE_ROWS = 0.25, 16.0
"""Share of a column's variance one frequency must hold; noise over P rows reaches about 2 ln(64) / P = 8.3 / P."""


def sinusoid_positions(table: Floats, *, positions: I64 | None = None, looks: float = 1) -> AuditFinding:
    """Does the frequency of each channel's wave follow the channel's index? Then channels are not exchangeable.

    Shapes:    (P, d): rows are positions, columns channels. positions: (P,) which positions these rows are; default 0..P-1.
    Every column's strongest frequency among 64 geometric ones, whatever its phase, is ranked against two layouts: sine and
    cosine interleaved (index // 2), or in two halves (index mod d/2). Learnt tables hold waves too, but in random order.
    Columns in which no frequency stands out are left out (slow waves drown in training); that choice sees no index.
    Null:      under exchangeability rho sqrt(n - 1) is normal, n columns kept; two layouts and two signs are looked at.
    Raises:    IncomparableError unless two-dimensional with one position per row.
    Source:    METHODS §2, §8.
    """
    place = np.arange(len(table), dtype=np.int64) if positions is None else positions
    if table.ndim != 2 or len(place) != len(table):
        raise incomparable(message("arrays.position_table", a=str(table.shape), b=str(place.shape)))
    d = table.shape[1]
    level = normal_z(thresholds.AUDIT_LOG10_P - log10(4 * max(looks, 1)))
    frequency, share = _strongest(table, place)
    kept = np.flatnonzero(share >= max(_SHARE, _SHARE_ROWS / max(len(table), 1)))
    ranks = centred_ranks(frequency[kept])
    if ranks is None:
        return AuditFinding("sinusoidal positions", 0.0, 0.0, 1.0, False, message("audit.no_waves"))
    best = 0.0
    for layout in (kept // 2, kept % max(1, (d + 1) // 2)):
        other = centred_ranks(layout.astype(np.float64))
        if other is not None:
            best = max(best, abs(float(ranks @ other)))
    limit = level / sqrt(len(kept) - 1)
    key = "audit.waves" if best > limit else "audit.waves_not"
    words = message(key, count=len(kept), rho=best, level=limit)
    return AuditFinding("sinusoidal positions", best, 0.0, limit, best > limit, words)


def _strongest(table: Floats, place: I64) -> tuple[F64, F64]:
    """Index of every column's strongest frequency (0 the fastest), phase left free, and its share of the variance."""
    if not table.size:
        return np.zeros(0), np.zeros(0)
    rows = evenly(len(table), _ROWS).astype(np.int64)
    values = np.nan_to_num(as_float64(table[rows]), nan=0.0, posinf=0.0, neginf=0.0)
    unit = as_float64(unit_rows((values - values.mean(axis=0)).T)[0])  # (d, P)
    times = place[rows].astype(np.float64)
    span = max(float(times.max() - times.min()), 1.0)
    speeds = np.geomspace(1.0, max(1e-4, 1.0 / span), _FREQUENCIES)  # radians a position; slower ones look like lines
    power = np.zeros((len(unit), _FREQUENCIES))
    waves = [np.sin(times[:, None] * speeds), np.cos(times[:, None] * speeds)]
    for wave in waves:
        centred = wave - wave.mean(axis=0)
        size = np.linalg.norm(centred, axis=0)
        power += (unit @ (centred / np.where(size > 0, size, 1.0))) ** 2
    return as_float64(power.argmax(axis=1)), power.max(axis=1)
