"""Which claimed steps the weights bear out, which they contradict, which cannot be seen."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from forebear.core.bounded import parse_json
from forebear.core.errors import refusal
from forebear.core.messages import Message, message
from forebear.models.checkpoint import Checkpoint
from forebear.recipes.exchange.expected import expected_weights
from forebear.recipes.exchange.mergekit import read_mergekit
from forebear.recipes.found import Found
from forebear.recipes.merge_plan import MergePlan
from forebear.recipes.mixtures.gram import grams
from forebear.recipes.mixtures.stacks import origins
from forebear.recipes.mixtures.thresholds import FLOOR, NEAR_WHOLE, REPLAYED
from forebear.recipes.mixtures.weights import Fit, fit
from forebear.recipes.placed import EXACT, places
from forebear.recipes.rederive.casts import bfloat16, float16
from forebear.recipes.rederive.merges import FORMULAS, Recomputed, recomputed

Outcome = Literal["borne-out", "contradicted", "unseen"]
TAGS = {"float32": "F32", "bfloat16": "BF16", "float16": "F16"}
MOST_STEPS = 1000
_WORD = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")


@dataclass(frozen=True)
class Checked:
    """One claim and what the weights say of it. grade: of what was found, None where nothing was."""

    claim: Message
    outcome: Outcome
    why: Message
    grade: str | None = None

    def document(self) -> dict[str, Any]:
        """The claim as a document holds it."""
        return {
            "claim": self.claim.document(), "outcome": self.outcome, "why": self.why.document(), "grade": self.grade,
        }  # fmt: skip


def checked(
    text: bytes, subject: Checkpoint, models: Mapping[str, Checkpoint], found: Sequence[Found] = (), where: str = "recipe"
) -> list[Checked]:
    """The claims of a mergekit configuration (YAML) or a forebear recipe (JSON), one by one.

    models: by the names of the configuration, or their last parts; those it names and that are missing make their claims unseen.
    found:  operations found between subject and candidate, for the steps of a recipe.
    Raises: RefusedError for text that is neither.
    """
    if text.lstrip()[:1] == b"{":
        return check_steps(_steps(parse_json(text, where=where), where), found)
    plan, unseen = read_mergekit(text, where)
    given = {name: one for name in plan.models if (one := _given(name, models)) is not None}
    return [
        *check_merge(subject, plan, given),
        *(Checked(message("exchange.claim_key", key=key), "unseen", message("exchange.not_in_weights")) for key in unseen),
    ]


def _given(name: str, models: Mapping[str, Checkpoint]) -> Checkpoint | None:
    """A model by its name, or by the last part of it: a configuration says organisation/name where a folder is called name."""
    return models.get(name) or models.get(name.rstrip("/").rsplit("/", 1)[-1])


def _steps(data: Any, where: str) -> list[Mapping[str, Any]]:
    steps = data.get("steps") if isinstance(data, Mapping) and str(data.get("schema", "")).startswith("forebear/recipe/") else None
    if not isinstance(steps, Sequence) or isinstance(steps, str) or len(steps) > MOST_STEPS:
        raise refusal(message("recipe_refused.no_steps"), where=where)
    for step in steps:
        if not isinstance(step, Mapping) or not _WORD.fullmatch(str(step.get("op", ""))):
            raise refusal(message("recipe_refused.step_name"), where=where)
    return list(steps)


def check_steps(steps: Sequence[Mapping[str, Any]], found: Sequence[Found]) -> list[Checked]:
    """Claimed steps against found operations of the same name that touch the same layers."""
    told = []
    for step in steps:
        claim = message("exchange.claim_step", op=str(step["op"]))
        same = [one for one in found if one.op == step["op"] and _meets(step.get("where"), one.where)]
        if not same:
            told.append(Checked(claim, "unseen", message("exchange.not_found")))
            continue
        best = min(same, key=lambda one: len(_differing(step.get("parameters"), one)))
        differing = _differing(step.get("parameters"), best)
        if differing and best.grade in ("re-derived", "replayed"):
            why = message("exchange.differs", name=differing[0], found=str(best.parameters[differing[0]])[:80])
            told.append(Checked(claim, "contradicted", why, best.grade))
        else:
            outcome: Outcome = "borne-out" if best.grade != "hint" and not differing else "unseen"
            told.append(Checked(claim, outcome, message("exchange.found", grade=best.grade), best.grade))
    return told


def _meets(claimed: Any, where: Mapping[str, Any]) -> bool:
    """Whether layers meet; a claim or find without layers meets any."""
    mine = claimed.get("layers") if isinstance(claimed, Mapping) else None
    theirs = where.get("layers")
    if not isinstance(mine, Sequence) or isinstance(mine, str) or not mine or not theirs:
        return True
    return any(layer in theirs for layer in mine)


def _differing(claimed: Any, found: Found) -> list[str]:
    """Names of parameters that both give and that differ: numbers by more than their interval and 2 %."""
    if not isinstance(claimed, Mapping):
        return []
    known = {name: value for name, value in found.parameters.items() if value is not None}
    return [name for name, value in claimed.items() if name in known and _apart(value, known[name])]


def _apart(claimed: Any, found: Any) -> bool:
    if isinstance(found, Mapping) and {"value", "low", "high"} <= set(found):
        value = claimed.get("value") if isinstance(claimed, Mapping) else claimed
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            return True
        ends = [float(found[end] if found[end] is not None else found["value"]) for end in ("low", "high")]
        return not ends[0] - 0.02 <= value <= ends[1] + 0.02
    if isinstance(found, Mapping) and isinstance(claimed, Mapping):
        return any(name not in claimed or _apart(claimed[name], value) for name, value in found.items())
    if isinstance(found, float) and isinstance(claimed, (int, float)) and not isinstance(claimed, bool):
        return abs(found - claimed) > 0.02 * max(1.0, abs(found))
    if isinstance(found, (list, tuple)) and isinstance(claimed, (list, tuple)):
        return len(found) != len(claimed) or any(map(_apart, claimed, found))
    return bool(found != claimed)


def check_merge(subject: Checkpoint, plan: MergePlan, models: Mapping[str, Checkpoint]) -> list[Checked]:
    """The claims of a merge: its method, every weight or layer, the number type it was saved in.

    Contradicted only where the weights show another mixture or layer instead; a fit that leaves much shows nothing.
    """
    method = message("exchange.claim_method", method=plan.method)
    missing = [name for name in plan.models if name not in models]
    if missing:
        return [Checked(method, "unseen", message("exchange.not_given", model=missing[0], count=len(missing)))]
    if plan.method not in FORMULAS:
        return [Checked(method, "unseen", message("exchange.no_formula", method=plan.method))]
    places_ = recomputed(subject, plan, models)
    told = [_method(method, places_, subject, plan, models)]
    exact = told[0].grade == "re-derived"
    told += _layers(subject, plan, models, exact) if plan.method == "passthrough" else _weights(subject, plan, models, exact)
    if plan.out_dtype or plan.dtype:
        told.append(_dtype(subject, plan.out_dtype or plan.dtype))
    return told


def _method(
    claim: Message, found: Sequence[Recomputed], subject: Checkpoint, plan: MergePlan, models: Mapping[str, Checkpoint]
) -> Checked:
    values = sum(one.place.size for one in found)
    equal = sum(one.place.size * one.share for one in found if one.share is not None)
    drawn = any(one.why == "random" for one in found)
    if values and equal == values:
        if drawn:
            return Checked(claim, "borne-out", message("exchange.some_mask", places=len(found)), "replayed")
        return Checked(claim, "borne-out", message("exchange.exact", places=len(found)), "re-derived")
    left = _left(found, subject, plan, models)
    if left is not None and left <= NEAR_WHOLE / max(2, len(plan.models)):
        return Checked(claim, "borne-out", message("exchange.near", share=left), "replayed" if left <= REPLAYED else "partly")
    return Checked(claim, "unseen", message("exchange.poor", share=1.0 if left is None else min(1.0, left)))


def _left(found: Sequence[Recomputed], subject: Checkpoint, plan: MergePlan, models: Mapping[str, Checkpoint]) -> float | None:
    """Squared distance to the recomputed merge over that to the nearest model; matrices, rounding of the subject's grid off."""
    made = grams(subject, [models[name] for name in plan.models])
    far = {one.place.tensor: one.distance for one in found if one.distance is not None and one.place.kind == "matrix"}
    some = [one for one in made if one.place.tensor in far]
    if not some:
        return None
    nearest = fit(some, list(range(len(plan.models)))).distance ** 2 * sum(float(one.table[-1, -1]) for one in some)
    noise = min(nearest, sum(one.noise for one in some))
    left = sum((far[one.place.tensor] or 0.0) ** 2 * float(one.table[-1, -1]) for one in some)
    return max(0.0, left - noise) / (nearest - noise) if nearest > noise else None


def _weights(subject: Checkpoint, plan: MergePlan, models: Mapping[str, Checkpoint], exact: bool) -> list[Checked]:
    """Every stated weight that is one number, against least squares over the named models."""
    stated = expected_weights(plan)
    if stated is None:
        return []
    names = [name for name in plan.models if name in stated]
    made = grams(subject, [models[name] for name in names])
    measured = fit(made, list(range(len(names)))) if made else None
    return [_weight(name, stated[name], place, measured, exact, len(names)) for place, name in enumerate(names)]


def _weight(name: str, weight: float, place: int, measured: Fit | None, exact: bool, count: int) -> Checked:
    claim = message("exchange.claim_weight", model=name, weight=weight)
    if exact:
        return Checked(claim, "borne-out", message("exchange.as_recomputed"), "re-derived")
    if measured is None or measured.unexplained > NEAR_WHOLE / max(2, count):
        return Checked(claim, "unseen", message("exchange.poor", share=1.0 if measured is None else measured.unexplained))
    low, high = measured.interval(place)
    value = float(measured.weights[place])
    low, high = (low, high) if low == low else (value, value)
    why = message("exchange.measured", weight=value, low=low, high=high)
    if low - 0.02 <= weight <= high + 0.02:
        return Checked(claim, "borne-out", why, "replayed" if measured.unexplained <= REPLAYED else "partly")
    return Checked(claim, "contradicted" if not low - FLOOR <= weight <= high + FLOOR else "unseen", why, "partly")


def _layers(subject: Checkpoint, plan: MergePlan, models: Mapping[str, Checkpoint], exact: bool) -> list[Checked]:
    """Every layer of a stack against the layer it is nearest to."""
    names = list(plan.models)
    known = {one.unit: one for one in origins(subject, [models[name] for name in names])}
    told, layer = [], 0
    for part in plan.slices:
        source = part.sources[0]
        first, last = source.layers or (0, models[source.model].layers)
        for theirs in range(first, last):
            claim = message("exchange.claim_layer", layer=layer, model=source.model, source=theirs)
            one = known.get(("layer", layer))
            layer += 1
            if exact:
                told.append(Checked(claim, "borne-out", message("exchange.as_recomputed"), "re-derived"))
            elif one is None or one.candidate is None or one.source is None:
                told.append(Checked(claim, "unseen", message("exchange.no_layer")))
            else:
                why = message("exchange.nearest_layer", model=names[one.candidate], source=one.source[1])
                same = (names[one.candidate], one.source[1]) == (source.model, theirs)
                told.append(Checked(claim, "borne-out" if same else "contradicted", why, "replayed" if one.exact else "partly"))
    return told


def _dtype(subject: Checkpoint, dtype: str) -> Checked:
    """Whether every value lies on the grid of the stated type: looked up in what is stored, else in the values."""
    claim = message("exchange.claim_dtype", dtype=dtype)
    stored = {place.dtype for place in places(subject).values()}
    if stored == {TAGS[dtype]}:
        return Checked(claim, "borne-out", message("exchange.stored_so"))
    if dtype != "float32" and stored <= EXACT:
        rounding = bfloat16 if dtype == "bfloat16" else float16
        container = subject.container
        names = {place.tensor for place in places(subject).values() if place.size}
        if all((rounding(values) == values).all() for values in map(container.read, names)):
            return Checked(claim, "borne-out", message("exchange.on_its_grid"))
    return Checked(claim, "unseen", message("exchange.stored_otherwise", names=sorted(stored)[:4]))
