"""What rounding to a narrow type leaves of a change: the steps of the type, errors of their size, whether no more is left (decision
0143)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forebear.core.seeds import generator
from forebear.recipes.detectors.readings import Both
from forebear.recipes.narrow import cast, narrow_type, steps_of
from forebear.stats.arrays import F32

EDGE, REST = 1.3, 1.5
"""Singular value of a change, as a multiple of the largest of rounding errors alone, from which it is no rounding; square of what
is left without those, over that of the errors, up to which rounding explains it."""
LEFT = 0.6
"""What is left over the steps of the type, both as root mean squares, up to which rounding of both sides explains it: 0.41."""


def type_of(pieces: Sequence[Both]) -> str:
    """The narrow type that every value of the subject's stands in; "" without one."""
    return narrow_type([b.mine for b in pieces])


def rounding_of(b: Both, dtype: str) -> F32:
    """Errors as rounding a piece leaves them, of the candidate's values as well where these were rounded; same shape.

    Each is independent and uniform within half a step: the assumption under which a change is held against rounding.
    """
    rng = generator("recipe/rounding", f"{b.name}/{b.part}/{b.expert}")
    errors = (rng.random(b.mine.shape, dtype=np.float32) - 0.5) * steps_of(b.mine, dtype)
    if np.array_equal(b.theirs, cast(b.theirs, dtype)):
        errors += (rng.random(b.mine.shape, dtype=np.float32) - 0.5) * steps_of(b.theirs, dtype)
    return errors


def rank_over_rounding(b: Both, dtype: str, gap: float) -> int:
    """Singular values of a change that rounding does not give; 0 where the next is not smaller by `gap`, or where more is left
    beside them than rounding leaves."""
    errors = rounding_of(b, dtype)
    floor, values = EDGE * singular(errors)[0], singular(b.mine - b.theirs)
    rank = int((values > floor).sum())
    if not 0 < rank < len(values) or values[rank - 1] <= gap * values[rank]:
        return 0
    rest = float((values[rank:].astype(np.float64) ** 2).sum())
    return rank if rest <= REST * float((errors.astype(np.float64) ** 2).sum()) else 0


def singular(matrix: F32) -> np.ndarray:
    """Singular values, largest first, by the smaller Gram matrix: right to the square root of float64's rounding."""
    wide = matrix.astype(np.float64)
    gram = wide @ wide.T if len(wide) <= wide.shape[1] else wide.T @ wide
    return np.asarray(np.sqrt(np.maximum(0.0, np.linalg.eigvalsh(gram)[::-1])))


def within_rounding(pieces: Sequence[Both]) -> bool:
    """Whether all that is left is what rounding to a narrow type leaves."""
    moved = [b for b in pieces if not b.same]
    dtype = type_of(moved)
    if not dtype:
        return not moved
    return all(
        float(np.linalg.norm(b.mine - b.theirs)) <= LEFT * float(np.linalg.norm(steps_of(b.mine, dtype))) for b in moved
    )
