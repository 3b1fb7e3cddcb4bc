"""Weights of a mixture by least squares, with intervals by leaving places out, and what stays unknown.

Source: METHODS §12 (merged from several parents); the interval is the delete-one jackknife over places (Efron and Stein 1981).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.recipes.mixtures.gram import Gram, total

Floats = NDArray[np.float64]
REACH = 2.58
"""Standard errors to each side: 99 % of a normal error."""


MOST_NOISE = 0.05
"""Share of the squared distance to the nearest candidate that rounding to a narrow type may make: above it none is taken off, since
candidates that stand in the type draw the weights to themselves."""


@dataclass(frozen=True)
class Fit:
    """Weights of the candidates, in the order given.

    weights, errors: (k,); an error is one standard error over places; nan where one place alone was there.
    residual: root of the mean square left, as a share of the subject's.
    unknown:  share of the subject's square that the weighted sum leaves, rounding of the subject's own grid taken off.
    unexplained: the same over the squared distance to the nearest single candidate: 1 where a mixture adds nothing to it.
    nearest:  place of the candidate nearest to the subject; distance: root mean square distance to it, share of the subject's.
    """

    weights: Floats
    errors: Floats
    residual: float
    unknown: float
    unexplained: float
    nearest: int
    distance: float

    def interval(self, place: int) -> tuple[float, float]:
        """Low and high end of a weight's interval."""
        reach = REACH * float(self.errors[place])
        return float(self.weights[place]) - reach, float(self.weights[place]) + reach

    def document(self, ids: Sequence[str]) -> dict[str, Any]:
        """Weights with intervals, residual and unknown share as a document holds them."""
        parents = []
        for place, name in enumerate(ids):
            low, high = self.interval(place)
            ends = {"low": low, "high": high} if np.isfinite(low) else {"low": None, "high": None}
            parents.append({"id": name, "weight": float(self.weights[place]), **ends})
        return {"parents": parents, "residual": self.residual, "unknown": self.unknown}


def solve(table: Floats, chosen: Sequence[int]) -> tuple[Floats, float]:
    """Weights of the chosen candidates (first of `chosen` may be any) and the squared residual.

    table: (k + 2, k + 2), see `Gram`; chosen: places of candidates 0..k-1.
    Returns: (len(chosen),), and the residual in the table's unit.
    """
    inner = _between(table, chosen)
    right = _towards(table, chosen)
    scale = np.sqrt(np.maximum(np.diag(inner), 1e-300))
    found = np.linalg.lstsq(inner / np.outer(scale, scale), right / scale, rcond=1e-13)[0] / scale
    left = max(0.0, _distance(table, chosen[0]) - float(2 * found @ right - found @ inner @ found))
    weights = found.copy()  # in differences from the first chosen: near parents would lose theirs to rounding otherwise
    weights[0] += 1.0 - float(found[1:].sum())
    return weights, left


def _vector(size: int, candidate: int) -> Floats:
    """A candidate less the first one, in the columns of a table."""
    out = np.zeros(size)
    if candidate:
        out[1 + candidate] = 1.0
    return out


def _basis(size: int, chosen: Sequence[int]) -> Floats:
    """First chosen candidate, then the others less it, in the columns of a table."""
    first = _vector(size, chosen[0])
    whole = first.copy()
    whole[1] += 1.0
    return np.stack([whole, *(_vector(size, one) - first for one in chosen[1:])])


def _aim(size: int, candidate: int) -> Floats:
    """The subject less a candidate, in the columns of a table."""
    out = -_vector(size, candidate)
    out[0] += 1.0
    return out


def _between(table: Floats, chosen: Sequence[int]) -> Floats:
    basis = _basis(len(table), chosen)
    return np.asarray(basis @ table @ basis.T)


def _towards(table: Floats, chosen: Sequence[int]) -> Floats:
    return np.asarray(_basis(len(table), chosen) @ table @ _aim(len(table), chosen[0]))


def _distance(table: Floats, candidate: int) -> float:
    aim = _aim(len(table), candidate)
    return float(aim @ table @ aim)


def distances(table: Floats) -> Floats:
    """Squared distance of the subject to every candidate, (k,)."""
    return np.array([max(0.0, _distance(table, one)) for one in range(len(table) - 2)])


def fit(found: Sequence[Gram], chosen: Sequence[int]) -> Fit:
    """Weights of some candidates over some places; candidates not chosen have weight 0 and no error."""
    size = len(found[0].table)
    whole = total(found, size)
    weights, left = solve(whole, chosen)
    far = distances(whole)[list(chosen)]
    nearest = int(np.argmin(far))
    noise, narrow = (sum(getattr(one, name) for one in found) for name in ("noise", "narrow"))
    noise = min(noise + (narrow if narrow < MOST_NOISE * float(far[nearest]) else 0.0), float(far[nearest]))
    square = float(whole[-1, -1])
    spare = float(far[nearest]) - noise
    plain = max(0.0, left - noise)
    unexplained = min(1.0, plain / spare) if spare > 1e-12 * square else 1.0
    all_weights, errors = np.zeros(size - 2), np.zeros(size - 2)
    all_weights[list(chosen)] = weights
    errors[list(chosen)] = _errors(found, whole, chosen, weights)
    return Fit(
        all_weights, errors, float(np.sqrt(left / square)), min(1.0, plain / square), unexplained, chosen[nearest],
        float(np.sqrt(far[nearest] / square)),
    )  # fmt: skip


def left_of(made: Fit, found: Sequence[Gram], chosen: Sequence[int], *, vary: bool) -> list[tuple[str, int | None, float]]:
    """What a weighted sum leaves, by part and layer: root of its mean square, share of the subject's there.

    vary: every part of a layer has weights of its own, those of least squares; otherwise the weights of `made` hold everywhere.
    """
    size = len(found[0].table)
    aim = np.zeros(size)
    aim[0], aim[1] = 1.0, 1.0 - float(made.weights.sum())
    aim[2:-1] -= made.weights[1:]
    groups: dict[tuple[str, int | None], list[Gram]] = {}
    for one in found:
        groups.setdefault((one.place.part, one.place.layer), []).append(one)
    rows = []
    for (part, layer), some in groups.items():
        table = total(some, size)
        square = solve(table, chosen)[1] if vary else float(aim @ table @ aim)
        rows.append((part, layer, float(np.sqrt(max(0.0, square) / float(table[-1, -1])))))
    return rows


def _errors(found: Sequence[Gram], whole: Floats, chosen: Sequence[int], weights: Floats) -> Floats:
    """Standard errors: the weights without each place in turn."""
    if len(found) < 2:
        return np.full(len(chosen), np.nan)
    without = np.stack([solve(whole - one.table, chosen)[0] for one in found])
    spread = (len(found) - 1) / len(found) * ((without - without.mean(axis=0)) ** 2).sum(axis=0)
    return np.asarray(np.sqrt(spread))


def by(found: Sequence[Gram], chosen: Sequence[int], key: Callable[[Gram], Any]) -> dict[Any, Fit]:
    """The weights of every group of places that share a key; a group whose key is None is left out."""
    groups: dict[Any, list[Gram]] = {}
    for one in found:
        groups.setdefault(key(one), []).append(one)
    return {name: fit(groups[name], chosen) for name in sorted((k for k in groups if k is not None), key=str)}
