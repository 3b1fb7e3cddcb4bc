"""How rows began that a table did not have: zero, mean, copied, mean of pieces, sampled, drawn (METHODS §12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forebear.recipes.detectors.side import unit
from forebear.stats.arrays import F32

MOST_ROWS = 128
"""New rows looked at."""
FIRST, MOST_SOLVED, MOST_PIECES = 6, 32, 4
"""New rows of which pieces are looked for before it is known whether any has, whether most have; pieces of a row."""
USUAL = 0.02
"""Spread of an initialiser's draws where a configuration states none: what nearly every family means by that."""
SAME = 1e-4
"""Spread of new rows, as a share of their values, below which they are one row."""
QUIET = 0.5
"""Size of new rows, as a share of an initialiser's draws, below which they began as nothing and had noise added (decision 0064)."""
EXACT = (1e-4, 0.02)
"""Size of what is left, as a share of a row, below which a combination of old rows is taken for the row's beginning: of
values in float32, then of values stored narrower. Rare tokens' rows are alike, so the strict one is tried first."""

BY_WEAR, MOST_WORN = 2.0, 0.15
"""What is left of a row that was combined from old ones, in units of what kept rows have moved since; wear from which rows are near
to no combination, so that rows spread as old ones are may be combined ones (decision 0095)."""
AS_DRAWN = 2.0
"""Spread of rows over an initialiser's draws, or under it, up to which they are called drawn: others were trained, or turned."""
ONE_COPY, CLEAR = 0.5, 0.1
"""Cosine of worn rows, their own mean taken off, to an old one, and what they are nearer to it than to the next, from which they
are its copies."""
ONE_ROW, DECAYED = 0.3, 1e-5
"""Spread of new rows around their mean, over that of old rows, below which they were one; 1 - cosine of a row that only decayed."""


@dataclass(frozen=True)
class Begun:
    """name: a way of forebear.recipes.steps.vocabulary.ROWS, None where it is not told. said: figures; exact: what replay
    is given."""

    name: str | None
    said: Mapping[str, Any] = field(default_factory=dict)
    exact: Mapping[str, Any] = field(default_factory=dict)


def begun(new: F32, old: F32, config: Mapping[str, Any], worn: float = 0.0) -> Begun:
    """The way most of the new rows began.

    Shapes: new (n, d), old (m, d): rows of one space. worn: how far kept rows have moved since, as a share. Rows that moved far
            are near to no combination any more: then they are asked about by what they differ by among themselves.
    """
    if not new.any():
        return Begun("zeros")
    mean = old.mean(axis=0, dtype=np.float64)
    if np.linalg.norm(new - mean) < EXACT[1] * np.linalg.norm(new):
        return Begun("global-mean")
    if worn >= MOST_WORN:
        return of_worn(new, old, config)
    if len(new) > 1 and float(np.ptp(new, axis=0).max()) < SAME * float(np.abs(new).max()) and _along(new[0], mean) > 0.9:
        return Begun("global-mean")  # one row for all, where the rotation was not met exactly
    if len(new) > 1 and worn > EXACT[1] / 4 and _one_row(new, old, mean):
        return Begun("global-mean")
    looked = _some(new, MOST_ROWS)
    nears = (*EXACT, *([BY_WEAR * worn] if EXACT[1] / 4 < worn else []))
    if (combined := _combined(looked, new, old, nears)) is not None:
        return combined
    if float(np.sqrt((looked.astype(np.float64) ** 2).mean())) < QUIET * _drawn_size(config, old):
        return Begun("zeros")  # what noise on all values leaves of nothing
    if _only_decayed(looked, old):
        return Begun("copied", {}, {"rows": "drawn"})
    name = _spread(looked.astype(np.float64), old, config)
    size = float(looked.std()) / max(1e-30, _drawn_size(config, old))
    if name != "drawn" or 1 / AS_DRAWN < size < AS_DRAWN:
        return Begun(name)
    return _unknown("mean-of-pieces", "sampled", "copied", "drawn")  # of another size, which a factor on all of them leaves as well


def of_worn(new: F32, old: F32, config: Mapping[str, Any]) -> Begun:
    """The same of rows that were trained since by no text of their own, which moves all of them alike or, beside a head of its own,
    makes them shorter by one factor: what they differ by among themselves is left (decision 0113)."""
    mean, looked = old.mean(axis=0, dtype=np.float64), _some(new, MOST_ROWS)
    spread, usual = (float((m - m.mean(axis=0)).std()) for m in (new, old))
    if len(new) > 1 and spread < EXACT[1] * usual:
        return Begun("global-mean") if _along(new[0], mean) > 1 - DECAYED else _unknown("zeros", "global-mean")
    if _only_decayed(looked, old):
        return Begun("copied", {}, {"rows": "drawn"})
    if (factor := _shorter(_some(looked, 2 * FIRST), old)) is not None:
        combined = _combined(looked / factor, new / factor, old, EXACT)
        if combined is not None:
            return combined
    if spread < ONE_ROW * usual:
        drawn = len(new) > 1 and 1 / AS_DRAWN < spread / initial(config) < AS_DRAWN
        return Begun("drawn") if drawn else _unknown("drawn", "zeros", "global-mean")
    a, b = unit(looked - looked.mean(axis=0)), unit(old - mean.astype(np.float32))
    first, second = np.partition(a @ b.T, -2, axis=1)[:, :-3:-1].T
    if len(new) > 1 and float(np.median(first)) > ONE_COPY and float(np.median(first - second)) > CLEAR:
        return Begun("copied", {}, {"rows": "drawn"})
    return _unknown("mean-of-pieces", "sampled", "copied", *(["drawn"] if usual < AS_DRAWN * initial(config) else []))


def _unknown(*fits: str) -> Begun:
    """No way is told; fits: those that leave such rows."""
    return Begun(None, {"rows_one_of": list(fits)}, {"rows": "drawn"})


def _some(rows: F32, most: int) -> F32:
    """At most so many rows, spread evenly."""
    return rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(np.intp)]


def _shorter(looked: F32, old: F32) -> float | None:
    """The one factor by which rows are shorter than an old one, or than the mean of two; None where too few are along one."""
    squares, found = np.einsum("ij,ij->i", old, old, dtype=np.float64), []
    for row in looked.astype(np.float64):
        along = old @ row.astype(old.dtype)
        first = np.argsort(-along / np.maximum(1e-12, np.sqrt(squares)))[:MOST_SOLVED]
        size = (squares[first, None] + squares + 2 * (old[first] @ old.T)) / 4
        near = (along[first, None] + along) / 2 / np.maximum(1e-12, np.sqrt(np.maximum(0, size)) * np.linalg.norm(row))
        at = np.unravel_index(int(near.argmax()), near.shape)
        if near[at] > 1 - DECAYED:
            found.append(float(np.linalg.norm(row) / np.sqrt(size[at])))
    same = [one for one in found if abs(one / float(np.median(found)) - 1) < 1e-3]
    return float(np.median(same)) if len(same) > 1 else None


def _combined(looked: F32, new: F32, old: F32, nears: Sequence[float]) -> Begun | None:
    """Rows made of old ones; None where most are near to no combination."""
    few = _some(looked, MOST_SOLVED)
    for near in nears:
        if not any(_all_pieces(few[:: max(1, len(few) // FIRST)], old, near)):
            continue
        pieces = _all_pieces(few, old, near)
        solved = [p for p in pieces if p is not None]
        if len(solved) < 0.5 * len(few):
            continue
        single = all(len(p) == 1 for p in solved)
        all_pieces = pieces if len(few) == len(new) else _all_pieces(new, old, near)
        # an untied head has copies of its own: replay draws rows then, so that nothing is said of their values
        exact = {"rows": "drawn"} if single else {"pieces": [p or [] for p in all_pieces], "rows": "mean-of-pieces"}
        said: dict[str, Any] = {} if single else {"pieces": round(float(np.mean([len(p) for p in solved])), 2)}
        if not single and None in all_pieces:
            said["unsolved"] = all_pieces.count(None)
        return Begun("copied" if single else "mean-of-pieces", said, exact)
    return None


def _one_row(new: F32, old: F32, mean: Any) -> bool:
    """Whether rows are the mean of the old ones but for something small."""
    own = new.mean(axis=0, dtype=np.float64)
    around = float(np.sqrt(((new - own) ** 2).mean()))
    return around < ONE_ROW * float(np.sqrt(((old - mean) ** 2).mean())) and _along(own.astype(np.float32), mean) > 0.9


def _only_decayed(new: F32, old: F32) -> bool:
    """Whether most rows are old ones but for one factor each: tokens that no text of a further training had only decay."""
    a, b = (m / np.maximum(1e-30, np.linalg.norm(m, axis=1, keepdims=True)) for m in (new.astype(np.float64), old))
    return float(np.mean((a @ b.T).max(axis=1) > 1 - DECAYED)) > 0.5


def _along(row: F32, mean: Any) -> float:
    return float(row @ mean) / max(1e-30, float(np.linalg.norm(row)) * float(np.linalg.norm(mean)))


def initial(config: Mapping[str, Any]) -> float:
    """The spread of an initialiser's draws, as the configuration says or families mean."""
    stated = config.get("initializer_range")
    return float(stated) if isinstance(stated, (int, float)) and stated > 0 else USUAL


def _drawn_size(config: Mapping[str, Any], old: F32) -> float:
    """The spread of an initialiser's draws; of old rows where they are smaller."""
    return min(float(old.std()), initial(config))


def _all_pieces(new: F32, old: F32, near: float) -> list[list[int] | None]:
    """The pieces of every new row; near: what may be left, as a share of the row. The mean of the old rows is taken off both."""
    mean = old.mean(axis=0, dtype=np.float64)
    centred, sizes = old - mean.astype(np.float32), near * np.linalg.norm(new, axis=1)
    squares = np.einsum("ij,ij->i", centred, centred, dtype=np.float64)
    rows = zip(new.astype(np.float64), sizes, strict=True)
    return [_pieces(row - mean, centred, squares, float(size)) for row, size in rows]


def _pieces(row: Any, old: F32, squares: Any, near: float) -> list[int] | None:
    """Old rows whose mean is this row up to `near`, found one by one, the nearest direction first; None where none fit.

    squares: squared lengths of the old rows."""
    if not near:
        return None
    lengths = np.maximum(1e-12, np.sqrt(squares))
    for first in np.argsort(-(old @ row.astype(old.dtype)) / lengths)[:48]:
        chosen, total = [int(first)], old[first].astype(np.float64)
        for _ in range(MOST_PIECES):
            if np.linalg.norm(row - total / len(chosen)) < near:
                return chosen
            if len(chosen) == MOST_PIECES:
                break
            wanted = row * (len(chosen) + 1) - total
            along = old @ wanted.astype(old.dtype)
            last = int(np.argmin(squares - 2 * along))
            if np.linalg.norm(old[last] - wanted) < near * (len(chosen) + 1):
                return [*chosen, last]
            chosen.append(int(np.argmax(along / lengths)))
            total = total + old[chosen[-1]]
    return None


def _spread(new: Any, old: F32, config: Mapping[str, Any]) -> str:
    """Whether rows are more likely under the old rows' mean and covariance, or as an initialiser draws them."""
    mean = old.mean(axis=0, dtype=np.float64)
    centred = old - mean
    covariance = centred.T @ centred / len(old)
    covariance += np.eye(len(mean)) * 1e-4 * np.trace(covariance) / len(mean)
    _, logdet = np.linalg.slogdet(covariance)
    inverse = np.linalg.inv(covariance)
    gap = new - mean
    sampled = -0.5 * (np.einsum("ij,jk,ik->i", gap, inverse, gap).mean() + logdet)
    variance = float((new**2).mean())
    drawn = -0.5 * (new.shape[1] * (1 + np.log(max(1e-30, variance))))
    return "sampled" if sampled > drawn else "drawn"
