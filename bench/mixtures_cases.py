"""Children of several parents with a known answer, drawn by a named seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.mixtures_models import Family, lightly
from bench.shapes import Floats
from forebear.core.seeds import generator
from forebear.recipes.rederive.formulas import slerp_factors, task_arithmetic

Model = dict[str, Floats]
LEAST_WEIGHT = 0.1


@dataclass(frozen=True)
class Case:
    """One child.

    kind:    what was done. after: "", "4 bits" or "light training". sources: candidates it comes from; truth: parameters.
    hidden:  candidates that are not given to the search.
    """

    name: str
    kind: str
    child: Model
    sources: tuple[str, ...]
    after: str = ""
    truth: Mapping[str, Any] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()


def slerp(t: float, first: Floats, second: Floats) -> Floats:
    """A point on the arc from the first tensor to the second, sizes between theirs by the same factors."""
    s0, s1 = slerp_factors(t, first, second)
    return (np.float32(s0) * first + np.float32(s1) * second).astype(np.float32)


def candidates(family: Family, other: Family) -> dict[str, Model]:
    """Base, siblings and, from another base, two independents."""
    named = {f"sibling-{place}": one for place, one in enumerate(family.siblings)}
    return {"base": family.base, **named, "independent-base": other.base, "independent-sibling": other.siblings[0]}


def weighted(models: list[Model], weights: np.ndarray[Any, Any]) -> Model:
    """A plain sum, in float32 as a converter takes it."""
    names = models[0]
    return {
        n: np.sum([np.float32(w) * m[n] for w, m in zip(weights, models, strict=True)], axis=0, dtype=np.float32)
        for n in names
    }


def four_bits(model: Model) -> Model:
    """Matrices inside the layers rounded to 4 bits in groups of 32 inputs (16 where 32 does not divide), and given back."""
    made = {}
    for name, values in model.items():
        group = next((size for size in (32, 16, 8) if values.ndim == 2 and values.shape[-1] % size == 0), 0)
        if not group or "embed" in name or "wte" in name or "wpe" in name or "lm_head" in name:
            made[name] = values
            continue
        cells = values.reshape(values.shape[0], -1, group)
        low, high = cells.min(axis=2, keepdims=True), cells.max(axis=2, keepdims=True)
        step = np.where(high > low, (high - low) / np.float32(15), np.float32(1)).astype(np.float32)
        made[name] = (np.rint((cells - low) / step) * step + low).astype(np.float32).reshape(values.shape)
    return made


def _after(model: Model, word: str, shape: str, family: Family, order: int) -> Model:
    if word == "4 bits":
        return four_bits(model)
    return lightly(model, shape, family.shape, order) if word == "light training" else model


def sums(shape: str, family: Family, seed: int, repeats: int) -> Iterator[Case]:
    """Weighted sums of two to five siblings (and of the base with them, every third), plain, rounded and lightly trained."""
    for count in (2, 3, 4, 5):
        for turn in range(repeats):
            rng = generator("bench/mixtures/sums", shape, seed, count, turn)
            chosen = sorted(rng.choice(len(family.siblings), count, replace=False).tolist())
            names = [f"sibling-{one}" for one in chosen]
            models = [family.siblings[one] for one in chosen]
            if turn % 3 == 2:
                names[0], models[0] = "base", family.base
            weights = LEAST_WEIGHT + (1 - count * LEAST_WEIGHT) * rng.dirichlet(np.ones(count))
            child = weighted(models, weights)
            for after in ("", "4 bits", *(("light training",) if turn == 0 else ())):
                made = _after(child, after, shape, family, 100 * count + turn)
                truth = {"weights": dict(zip(names, map(float, weights), strict=True))}
                yield Case(f"sum-{count}-{turn}-{after or 'plain'}", "sum", made, tuple(names), after, truth)


def singles(shape: str, family: Family, other: Family, seed: int) -> Iterator[Case]:
    """Models that are no merge: one source, lightly trained or rounded; siblings with and without their base; nothing at all."""
    for number in range(3):
        name = f"sibling-{number}"
        for after in ("4 bits", "light training"):
            made = _after(family.siblings[number], after, shape, family, 900 + number)
            yield Case(f"one-{number}-{after}", "one", made, (name,), after)
        yield Case(f"sibling-alone-{number}", "sibling", family.siblings[number], ("base",), hidden=(name,))
        yield Case(f"sibling-orphan-{number}", "orphan", family.siblings[number], (), hidden=(name, "base"))
    base = _after(family.base, "light training", shape, family, 990)
    yield Case("base-light", "one", base, ("base",), "light training")
    yield Case("base-light-without-base", "orphan", base, (), "light training", hidden=("base",))
    for number in range(2, len(other.siblings)):
        yield Case(f"none-{number}", "none", other.siblings[number], (), hidden=("independent-base", "independent-sibling"))


def other_merges(shape: str, family: Family, seed: int, repeats: int) -> Iterator[Case]:
    """SLERP, TIES and DARE of two siblings about their base."""
    for turn in range(repeats):
        rng = generator("bench/mixtures/other", shape, seed, turn)
        a, b = (int(one) for one in rng.choice(len(family.siblings), 2, replace=False))
        names, first, second = (f"sibling-{a}", f"sibling-{b}"), family.siblings[a], family.siblings[b]
        t = float(rng.uniform(0.15, 0.85))
        arc = {n: slerp(t, first[n], second[n]) for n in first}
        for after in ("", "4 bits"):
            truth = {"method": "slerp", "t": {names[0]: 1 - t, names[1]: t}}
            yield Case(f"slerp-{turn}-{after or 'plain'}", "slerp", _after(arc, after, shape, family, 0), names, after, truth)
        densities, weights = rng.uniform(0.3, 0.8, 2), rng.uniform(0.3, 0.7, 2)
        ties = {
            n: task_arithmetic(
                family.base[n], [first[n], second[n]], list(weights), densities=list(densities), consensus=True, normalize=True
            )
            for n in first
        }
        told = {"densities": dict(zip(names, map(float, densities), strict=True))}
        shares = dict(zip(names, map(float, weights / weights.sum()), strict=True))
        yield Case(f"ties-{turn}", "ties", ties, names, "", {"method": "ties", **told, "weights": shares})
        dare = dict(family.base)
        for n in dare:
            change = sum(
                w * (m[n] - family.base[n]) * (rng.random(m[n].shape) < d) / d
                for w, d, m in zip(weights, densities, (first, second), strict=True)
            )
            dare[n] = (family.base[n] + change).astype(np.float32)
        whole = dict(zip(names, map(float, weights), strict=True))
        yield Case(f"dare-{turn}", "dare", dare, names, "", {"method": "dare", **told, "weights": whole})


def stacks(shape: str, family: Family, seed: int, repeats: int) -> Iterator[Case]:
    """Every layer from a layer of one of three siblings, the rest from the first; experts moved where there are any."""
    depth = family.shape.layers
    for turn in range(repeats):
        rng = generator("bench/mixtures/stacks", shape, seed, turn)
        chosen = [int(one) for one in rng.choice(len(family.siblings), 3, replace=False)]
        rows = [(chosen[int(rng.integers(3))], int(rng.integers(depth))) for _ in range(depth)]
        if len({one for one, _ in rows}) == 1 and [layer for _, layer in rows] == list(range(depth)):
            continue
        child = dict(family.siblings[chosen[0]])
        for layer, (sibling, source) in enumerate(rows):
            for name in child:
                if f".{layer}." in name and (".layers." in name or ".h." in name or name.startswith("h.")):
                    child[name] = family.siblings[sibling][name.replace(f".{layer}.", f".{source}.", 1)].copy()
        truth = {"map": [[f"sibling-{sibling}", source] for sibling, source in rows]}
        for after in ("", "4 bits"):
            made = _after(child, after, shape, family, 0)
            names = tuple(dict.fromkeys(f"sibling-{sibling}" for sibling, _ in rows))
            yield Case(f"stack-{turn}-{after or 'plain'}", "stack", made, names, after, truth)
