"""A stated merge recomputed from the models that it names and compared with the subject, place by place.

Source: mergekit at a6e4028: which layers a slice takes, which parameter holds where, the type of the arithmetic. The last bits
of a converter may differ in SLERP, whose factors come out of library sines: neighbours of the factors are tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from forebear.core.errors import refusal
from forebear.core.messages import message
from forebear.files.base import Float32
from forebear.models.checkpoint import Checkpoint
from forebear.recipes.merge_plan import MergePlan, Slice, parameter
from forebear.recipes.placed import Key, Place, is_constant, places, read
from forebear.recipes.rederive.formulas import (
    ROUNDINGS,
    Rounding,
    kept_by_chance,
    linear,
    slerp_factors,
    task_arithmetic,
)
from forebear.recipes.rederive.way import same

MOST_VALUES = 2**27
"""Largest matrix recomputed, values: the formulas need whole matrices, some twice."""
NEIGHBOURS = 3
"""Float32 neighbours of a SLERP factor that are tried, to each side."""
FORMULAS = ("linear", "slerp", "task_arithmetic", "ties", "dare_ties", "dare_linear", "passthrough")
DTYPES = {"F32": "float32", "BF16": "bfloat16", "F16": "float16"}


@dataclass(frozen=True)
class Recomputed:
    """One place of the subject under the stated merge.

    share: of its values that are equal bit for bit; None where it could not be recomputed, `why` says in one word why: "missing",
    "shape", "large", "random" (a mask drawn by chance: every value fits some mask or does not, `share` says how many do).
    distance: root mean square of subject less recomputed, as a share of the subject's.
    """

    place: Place
    share: float | None
    why: str = ""
    distance: float | None = None


def recomputed(subject: Checkpoint, plan: MergePlan, models: Mapping[str, Checkpoint]) -> list[Recomputed]:
    """Every place of the subject that is not constant, recomputed under a plan. models: by the names of the plan.

    Memory: one matrix of every model, a few times. Raises: RefusedError for a method that nobody here recomputes, or a model that
    is not among the given.
    """
    if plan.method not in FORMULAS:
        formulas = message("recipe_refused.known", known=", ".join(FORMULAS))
        raise refusal(message("recipe_refused.method", method=plan.method), todo=formulas)
    missing = [name for name in plan.models if name not in models]
    if missing:
        raise refusal(message("recipe_refused.not_given", count=len(missing)), where=missing[0])
    known = {name: places(models[name]) for name in plan.models}
    return [one for key, place in places(subject).items() if (one := _one(subject, plan, models, known, key, place)) is not None]


def _one(
    subject: Checkpoint, plan: MergePlan, models: Mapping[str, Checkpoint], known: Mapping[str, Mapping[Key, Place]], key: Key,
    place: Place,
) -> Recomputed | None:  # fmt: skip
    if place.size > MOST_VALUES:
        return Recomputed(place, None, "large")
    here = read(subject, place)
    if is_constant(here):
        return None
    found = _sources(plan, known, key, place)
    if found is None:
        return Recomputed(place, None, "missing")
    part, t, sources = found
    if any(one.shape != place.shape for one in sources.values()):
        return Recomputed(place, None, "shape")
    rounding = ROUNDINGS[plan.dtype or DTYPES.get(next(iter(sources.values())).dtype, "float32")]
    tensors = {name: rounding(read(models[name], one)) for name, one in sources.items()}
    name = next(iter(sources.values())).tensor
    last = ROUNDINGS[plan.out_dtype or plan.dtype or DTYPES.get(place.dtype, "float32")]
    best: Recomputed | None = None
    for got, why in _options(here, plan, part, t, name, tensors, rounding):
        fits = same(here, last(got)) if why != "random" else got.astype(bool)
        share = float(np.mean(fits))
        far = None if why == "random" else _distance(here, got)
        if best is None or best.share is None or share > best.share:
            best = Recomputed(place, share, why, far)
        if share == 1.0:
            break
    return best


def _distance(here: Float32, got: Float32) -> float:
    square = float(np.sum(here.astype(np.float64) ** 2))
    return float(np.sqrt(np.sum((here.astype(np.float64) - got) ** 2) / square)) if square else 0.0


def _sources(
    plan: MergePlan, known: Mapping[str, Mapping[Key, Place]], key: Key, place: Place
) -> tuple[Slice, float, dict[str, Place]] | None:
    """The slice a place belongs to, how far down it lies there (0 to 1), and the place in every model of it."""
    part, offset, t = plan.slices[0] if place.part != "head" and place.kind != "gain" else plan.slices[-1], 0, 0.0
    if place.layer is not None and key[0] != "name":
        begin = 0
        for part in plan.slices:
            length = _length(part, known)
            if place.layer < begin + length:
                offset = place.layer - begin
                t = offset / (length - 1) if length > 1 else 1.0
                break
            begin += length
        else:
            return None
    found: dict[str, Place] = {}
    named = [(source.model, source.layers) for source in part.sources]
    base = part.base or plan.base
    if base and base not in [name for name, _ in named]:
        named.append((base, part.sources[0].layers))
    for name, layers in named:
        wanted = key
        if place.layer is not None and key[0] != "name":
            wanted = (*key[:4], (layers[0] if layers else 0) + offset, key[5])
        other = known[name].get(wanted)
        if other is None:
            return None
        found[name] = other
    return part, t, found


def _length(part: Slice, known: Mapping[str, Mapping[Key, Place]]) -> int:
    """Layers of a slice: stated, or all of the first model's."""
    first = part.sources[0]
    if first.layers is not None:
        return max(0, first.layers[1] - first.layers[0])
    return 1 + max((place.layer for place in known[first.model].values() if place.layer is not None), default=-1)


def _options(
    here: Float32, plan: MergePlan, part: Slice, t: float, name: str, tensors: Mapping[str, Float32], rounding: Rounding
) -> Iterator[tuple[Float32, str]]:
    """What the method gives, each rounding a converter may have taken; with a word where it is no single answer."""
    def told(key: str, default: object = None, model: str = "") -> object:
        return parameter(plan, part, key, name, t, model=model, default=default)

    models = [source.model for source in part.sources]
    base = part.base or plan.base
    if plan.method == "passthrough":
        scale = told("scale", None, models[0])
        yield (tensors[models[0]] if scale is None else rounding(tensors[models[0]] * np.float32(_number(scale)))), ""
    elif plan.method == "linear":
        weights = [_number(told("weight", None, model)) for model in models]
        yield linear([tensors[model] for model in models], weights, bool(told("normalize", True)), rounding), ""
    elif plan.method == "slerp":
        other = next((model for model in tensors if model != base), base)
        yield from ((rounding(got), "") for got in _arcs(here, _number(told("t")), tensors[base], tensors[other]))
    else:
        others = [model for model in models if model != base]
        weights = [_number(told("weight", None, model)) for model in others]
        densities = [_number(told("density", 1.0, model)) for model in others]
        if plan.method.startswith("dare") and min(densities) < 1:
            fits = kept_by_chance(here, tensors[base], [tensors[one] for one in others], weights, densities, rounding)
            yield fits.astype(np.float32), "random"
            return
        ties = plan.method == "ties"
        yield task_arithmetic(
            tensors[base], [tensors[one] for one in others], weights, densities=densities if ties else None,
            consensus=plan.method.endswith("ties"), normalize=bool(told("normalize", ties)),
            factor=_number(told("lambda", 1.0)), rescale=bool(told("rescale", False)), rounding=rounding,
        ), ""  # fmt: skip


def _number(value: object) -> float:
    """A parameter as a number. Raises: RefusedError for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise refusal(message("recipe_refused.no_number"))
    return float(value)


def _arcs(here: Float32, t: float, first: Float32, second: Float32) -> Iterator[Float32]:
    """Points of the arc with every neighbour of the two factors, those that fit a sample best first."""
    s0, s1 = (np.float32(one) for one in slerp_factors(t, first, second))
    flat = [one.reshape(-1)[:: max(1, one.size // 4096)] for one in (here, first, second)]
    near = [_neighbours(one) for one in (s0, s1)]
    scored = [(float(np.mean(flat[0] == a * flat[1] + b * flat[2])), a, b) for a, b in product(*near)]
    for _, a, b in sorted(scored, key=lambda one: -one[0])[:2]:
        yield (a * first + b * second).astype(np.float32)


def _neighbours(value: np.float32) -> list[np.float32]:
    found = [value]
    up = down = value
    for _ in range(NEIGHBOURS):
        up, down = np.nextafter(up, np.float32(np.inf)), np.nextafter(down, np.float32(-np.inf))
        found += [up, down]
    return found
