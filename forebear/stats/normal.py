"""The normal tail and its quantile, in log10, beyond what a float probability can hold."""

from __future__ import annotations

from math import erfc, exp, log, log10, pi, sqrt

from forebear.stats.arrays import LN10


def normal_z(log10_level: float) -> float:
    """The z that a normal variable passes with this chance, one-sided: 6.00 at -9, 0 at 0 and above.

    Below 1e-300 the asymptotic tail is solved instead, as the level is no longer a float.
    """
    if log10_level >= 0:
        return 0.0
    target = -log10_level * LN10
    z: float = sqrt(2 * target)
    if log10_level > -300:
        for _ in range(60):  # Newton's steps on the log of the tail, which is concave: they never run away
            tail = 0.5 * erfc(z / sqrt(2))
            step = (log(tail) + target) * tail * sqrt(2 * pi) * exp(z * z / 2)
            z += step
            if abs(step) < 1e-13 * max(1.0, abs(z)):
                break
        return z
    for _ in range(50):
        z = sqrt(2 * (target - log(z * sqrt(2 * pi))))
    return z


def normal_log10_p(z: float) -> float:
    """log10 of the upper normal tail, by its asymptotic series beyond z = 30 where the float underflows."""
    if z < 30:
        return log10(0.5 * erfc(z / sqrt(2)))
    return (-z * z / 2 - log(z * sqrt(2 * pi)) + log(1 - 1 / (z * z))) / LN10
