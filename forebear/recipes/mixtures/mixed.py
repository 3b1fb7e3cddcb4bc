"""What the subject is made of: one candidate, a mixture, layers or experts from several; weights, residual, unknown share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from forebear.core.messages import Message, message
from forebear.models.checkpoint import Checkpoint
from forebear.recipes.found import Found, Grade
from forebear.recipes.mixtures.arcs import arc
from forebear.recipes.mixtures.parents import ParentSet, parents
from forebear.recipes.mixtures.sparse import Sparse, sparse
from forebear.recipes.mixtures.stacks import Origin, origins
from forebear.recipes.mixtures.thresholds import NAMED, NEAR_WHOLE, REPLAYED
from forebear.recipes.mixtures.weights import Fit, by, left_of
from forebear.recipes.placed import where_of


@dataclass(frozen=True)
class Mixed:
    """The answer about several candidates.

    found:    operations that were found; () where the subject is no mixture of the candidates.
    parents:  [{id, weight, low, high}] of the set of parents; of a layer stack the share of layers from each. low and high None for
              that, and where one place alone was weighed.
    residual: root mean square left, as a share of the subject's; unknown: share of the subject's square that stays, rounding of
              its own grid taken off; both None where nothing was weighed.
    by_layer, by_part: the same three for every layer and part.
    said:     what was left out, what is promised.
    """

    found: tuple[Found, ...] = ()
    parents: tuple[dict[str, Any], ...] = ()
    residual: float | None = None
    unknown: float | None = None
    by_layer: dict[str, Any] = field(default_factory=dict)
    by_part: dict[str, Any] = field(default_factory=dict)
    said: tuple[Message, ...] = ()
    left: tuple[tuple[str, int | None, float], ...] = ()
    """(part, layer, what the sum leaves of it): of a linear or spherical merge, see `left_of`."""

    def document(self) -> dict[str, Any]:
        """The answer as a `forebear/recipe/1` document holds it."""
        return {
            "steps": [one.document() for one in self.found], "parents": list(self.parents), "residual": self.residual,
            "unknown": self.unknown, "by_layer": self.by_layer, "by_part": self.by_part,
            "said": [one.document() for one in self.said],
        }  # fmt: skip


def mixed(
    subject: Checkpoint, candidates: Sequence[Checkpoint], ids: Sequence[str] | None = None, level: float = 0.05
) -> Mixed:
    """Weights of the candidates in the subject, overall, by layer and by part, and the operation that they show.

    ids:   names for the candidates; their numbers else. level: see `parents`.
    Claims: a mixture only where two candidates or more are needed and leave at most a quarter of 1/k of the distance to the nearest
            of the k; a stack or transplant only where every unit of the subject is near one unit of a candidate and no other.
            An independent never has a weight: it lies in place nowhere.
    Raises: RefusedError when a file cannot be read.
    Source: METHODS §12, §20.
    """
    names = list(ids) if ids is not None else [str(place) for place in range(len(candidates))]
    stacked = _stacked(origins(subject, candidates), names)
    chosen = parents(subject, candidates, level)
    shares = _shares(stacked)
    if chosen.fit is None:
        return Mixed(found=tuple(stacked), parents=shares, said=chosen.said)
    kept = list(chosen.related)
    inner = [kept.index(place) for place in chosen.places]
    made = chosen.fit
    found = stacked or _merged(subject, candidates, chosen, kept, inner, names)
    said = chosen.said if found or len(inner) < 2 else (*chosen.said, message("mixture.no_merge"))
    layers = by(chosen.found, inner, lambda one: one.place.layer)
    parts = by(chosen.found, inner, lambda one: one.place.part)
    return Mixed(
        tuple(found), shares or tuple(_parents(made, inner, kept, names)), made.residual, made.unknown,
        {str(layer): _fit(one, inner, kept, names) for layer, one in layers.items()},
        {str(part): _fit(one, inner, kept, names) for part, one in parts.items()},
        said, _left(chosen, inner, found),
    )  # fmt: skip


def _left(chosen: ParentSet, inner: Sequence[int], found: Sequence[Found]) -> tuple[tuple[str, int | None, float], ...]:
    """What the merge that was found leaves by part and layer; () of what is no sum."""
    merge = next((one for one in found if one.op == "merged" and one.parameters["method"] in ("linear", "slerp")), None)
    if merge is None or chosen.fit is None:
        return ()
    vary = merge.parameters["method"] == "slerp" or bool(merge.parameters.get("weights_vary"))
    return tuple(left_of(chosen.fit, chosen.found, inner, vary=vary))


def _shares(stacked: Sequence[Found]) -> tuple[dict[str, Any], ...]:
    """Of a stack, the share of layers that come from each candidate; they need not lie in place for that."""
    rows = [row for one in stacked if one.op == "layers-stacked" for row in one.parameters["map"]]
    counts = Counter(str(row["from"]) for row in rows)
    return tuple({"id": name, "weight": count / len(rows), "low": None, "high": None} for name, count in counts.items())


def _parents(made: Fit, inner: Sequence[int], kept: Sequence[int], names: Sequence[str]) -> list[dict[str, Any]]:
    listed = made.document([names[kept[one]] for one in range(len(kept))])["parents"]
    return [listed[one] for one in inner]


def _fit(made: Fit, inner: Sequence[int], kept: Sequence[int], names: Sequence[str]) -> dict[str, Any]:
    return {"parents": _parents(made, inner, kept, names), "residual": made.residual, "unknown": made.unknown}


def _merged(
    subject: Checkpoint, candidates: Sequence[Checkpoint], chosen: ParentSet, kept: Sequence[int], inner: Sequence[int],
    names: Sequence[str],
) -> list[Found]:  # fmt: skip
    """The merge that the weights show; nothing for a mixture of one or a fit that leaves too much."""
    made = chosen.fit
    if made is None or len(inner) < 2:
        return []
    where = where_of(one.place for one in chosen.found)
    pattern = sparse(subject, candidates, chosen.places, kept)
    if pattern is not None:  # a pattern about another model than the base, or of a part of the parents, is no merge of these
        return [_sparse(pattern, where, names)] if pattern.explained >= NAMED else []
    by_place = _by_place(chosen, inner)
    least = min(made.unexplained, by_place)
    if least > NEAR_WHOLE / len(inner):
        return []
    weights = {parent["id"]: {"value": parent["weight"], "low": parent["low"], "high": parent["high"]}
               for parent in _parents(made, inner, kept, names)}  # fmt: skip
    parameters: dict[str, Any] = {"method": "linear", "weights": weights}
    said = []
    if len(inner) == 2:
        curve = arc(chosen.found, (inner[0], inner[1]))
        if curve.kind == "arc":
            parameters |= {"method": "slerp", "t": curve.t, "from": names[kept[inner[0]]], "to": names[kept[inner[1]]]}
        elif not curve.kind:
            said.append(message("mixture.arc_or_line"))
    if made.unexplained > NEAR_WHOLE / len(inner):
        parameters["weights_vary"] = True
    said.append(message("mixture.same_as_task"))
    grade: Grade = "replayed" if least <= REPLAYED else "partly"
    return [Found("merged", where, parameters, 1.0 - least, grade, tuple(said))]


def _by_place(chosen: ParentSet, inner: Sequence[int]) -> float:
    """Unknown share where every layer has weights of its own: for gradients and filters of a merge."""
    made = chosen.fit
    assert made is not None
    groups = by(chosen.found, inner, lambda one: (one.place.layer, one.place.part))
    left = sum(one.unexplained * one.distance**2 for one in groups.values())
    whole = sum(one.distance**2 for one in groups.values())
    return left / whole if whole else 1.0


def _sparse(pattern: Sparse, where: Any, names: Sequence[str]) -> Found:
    parameters = {
        "method": pattern.method, "base": names[pattern.base],
        "weights": {names[one]: weight for one, weight in zip(pattern.parents, pattern.weights, strict=True)},
        "densities": {names[one]: density for one, density in zip(pattern.parents, pattern.densities, strict=True)},
        "untouched": pattern.untouched,
    }  # fmt: skip
    said = (message("mixture.weights_shrunk"), *((message("mixture.ties_weights"),) if pattern.method == "ties" else ()))
    grade: Grade = "replayed" if pattern.explained >= 1 - REPLAYED else "partly"
    return Found("merged", where, parameters, pattern.explained, grade, said)


def _stacked(found: Sequence[Origin], names: Sequence[str]) -> list[Found]:
    """Layers from several candidates, or in another order; experts from another candidate than the rest."""
    layers = [one for one in found if one.unit[0] == "layer"]
    experts = [one for one in found if one.unit[0] == "expert"]
    told: list[Found] = []
    if layers and all(one.candidate is not None for one in layers):
        plain = all(one.source == one.unit for one in layers) and len({one.candidate for one in layers}) == 1
        depth = len(layers)
        if not plain:
            rows = [{"layer": one.unit[1], "from": names[one.candidate or 0], "source": (one.source or one.unit)[1]}
                    for one in sorted(layers, key=lambda one: one.unit[1])]  # fmt: skip
            exact = all(one.exact for one in layers)
            told.append(Found(
                "layers-stacked", {"layers": list(range(depth))}, {"method": "passthrough", "map": rows}, None,
                "replayed" if exact else "partly", () if exact else (message("mixture.stack_near"),),
            ))  # fmt: skip
    known = [one for one in experts if one.candidate is not None]
    if known and len(known) == len(experts):
        usual = Counter(one.candidate for one in known).most_common(1)[0][0]
        moved = [one for one in known if one.candidate != usual or one.source != one.unit]
        if moved:
            rows = [{"layer": one.unit[1], "expert": one.unit[2], "from": names[one.candidate or 0],
                     "source": (one.source or one.unit)[2]} for one in moved]  # fmt: skip
            where = {"layers": sorted({row["layer"] for row in rows}), "experts": sorted({row["expert"] for row in rows})}
            exact = all(one.exact for one in moved)
            told.append(Found(
                "experts-transplanted", where, {"map": rows}, None, "replayed" if exact else "partly",
                () if exact else (message("mixture.stack_near"),),
            ))  # fmt: skip
    return told

