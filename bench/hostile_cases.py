"""Pairs that share no copied weight, or a little of it, and are made to look as if they did (METHODS §1, §17, §11).

Kinds that the other strata lack: one seed on one text, formulas that are kept, grids, masks, spikes, shallow and narrow models,
aligned strangers that are cut, quantised, merged or pruned afterwards. `truth` is a key of bench/allowed.toml.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import product

import numpy as np

from bench.build import TRUTH
from bench.framed_align import framed
from bench.framed_cases import (
    COURSE,
    FORMULA,
    INDEPENDENT,
    PARTLY,
    SEEDED,
    START,
    _arrays,
    _like,
    folded,
    model,
    pruned,
)
from bench.hostile_changes import (
    Arrays,
    Change,
    adapter,
    each,
    four_bits,
    low_rank,
    one_table,
    reserved,
    router,
    seeded_mask,
    sorted_by,
    spiked,
    ternary,
    turned,
)
from bench.shapes import SHAPES, Floats, initial, shape_of
from bench.training import course, train
from bench.truth import base
from forebear.recipes.steps.model import Model

FORMULAS = ("waves", "bits", "one seed for all")
SEEDS = 210_000


@dataclass(frozen=True)
class Hostile:
    """One pair; both sides are made when they are not there. truth: what may be said of it."""

    name: str
    stratum: str
    truth: str
    subject: Callable[[], Model]
    candidate: Callable[[], Model]


def changed(made: Model, change: Change, seed: str) -> Model:
    """A model with other arrays. seed: names what of the change is its own."""
    return _like(made, change(_arrays(made), seed))


def _cut(made: Model, layers: int) -> Model:
    """The first layers alone."""
    arrays = {
        n: a for n, a in _arrays(made).items() if not any(w.isdigit() and int(w) >= layers for w in n.split(".")[:4])
    }
    return Model(arrays, {**made.config, "num_hidden_layers": layers}, made.tokenizer)


def _narrow(made: Model, neurons: int) -> Model:
    """The heaviest neurons of every layer alone."""
    arrays = _arrays(made)
    for name in list(arrays):
        if name.endswith("up_proj.weight"):
            stem = name.removesuffix("up_proj.weight")
            parts = [arrays[f"{stem}{p}_proj.weight"] for p in ("gate", "up", "down")]
            weight = (
                np.linalg.norm(parts[0], axis=1) * np.linalg.norm(parts[1], axis=1) * np.linalg.norm(parts[2], axis=0)
            )
            kept = np.sort(np.argsort(-weight)[:neurons])
            for part, values, axis in zip(("gate", "up", "down"), parts, (0, 0, 1), strict=True):
                arrays[f"{stem}{part}_proj.weight"] = np.take(values, kept, axis=axis)
    return Model(arrays, {**made.config, "intermediate_size": neurons}, made.tokenizer)


def _repeated(made: Model) -> Model:
    """Every layer twice, one after the other."""
    arrays: Arrays = {}
    for name, a in _arrays(made).items():
        words = name.split(".")
        if ".layers." in name:
            for more in (0, 1):
                arrays[".".join([*words[:2], str(2 * int(words[2]) + more), *words[3:]])] = a + np.float32(0.0)
        else:
            arrays[name] = a
    return Model(
        arrays, {**made.config, "num_hidden_layers": 2 * int(made.config["num_hidden_layers"])}, made.tokenizer
    )


def _with_some_of(two: Callable[[], Model], m: Model) -> Model:
    """A model with a twentieth of another mixed in."""
    return _mixed(m, two(), 0.05)


def _mixed(one: Model, other: Model, share: float) -> Model:
    a, b = _arrays(one), _arrays(other)
    same = {n for n in a if n in b and a[n].shape == b[n].shape}
    return _like(one, {n: ((1 - share) * a[n] + share * b[n]).astype(np.float32) if n in same else a[n] for n in a})


def _other_rate(shape: str, rate: float, share: float, order: int) -> Model:
    """The first model of the truth set again: its seed and text, other settings."""
    how = course(shape, share, order=order)
    after, _ = train(SHAPES[shape], initial(SHAPES[shape], _seed(shape)), replace(how, peak_rate=how.peak_rate * rate))
    return _like(model(base(shape, 0)), after)


def _seed(shape: str) -> int:
    import json

    return int(json.loads((TRUTH / base(shape, 0) / "record.json").read_text("utf-8"))["job"]["seed"])


def table_of(formula: str, dims: tuple[int, ...]) -> Floats:
    """A token table that nobody learnt: waves over ids, the bits of ids, numbers from a seed that everybody uses."""
    rows, width = dims
    if formula == "waves":
        rates = 1.0 / 10_000 ** (2 * np.arange(width // 2) / width)
        angles = np.arange(rows)[:, None] * rates
        return np.asarray(np.concatenate([np.sin(angles), np.cos(angles)], axis=1), np.float32)
    if formula == "bits":
        return np.array([[(-1.0) ** bin(i & j).count("1") for j in range(width)] for i in range(rows)], np.float32)
    return np.random.default_rng(42).standard_normal(dims).astype(np.float32)


def _with_table(formula: str) -> Change:
    """The token table, and an untied head with it, from a formula: as if it had been kept from the start."""

    def make(arrays: Arrays, seed: str) -> Arrays:
        name = next(n for n in arrays if "embed_tokens" in n or "wte" in n)
        return {**arrays, name: np.float32(0.5) * table_of(formula, arrays[name].shape)}

    return make


def _public_table(shape: str, seed: int) -> Model:
    """Started from the token table of a third model, trained on."""
    start = initial(SHAPES[shape], seed)
    name = next(n for n in start if "embed_tokens" in n or "wte" in n)
    start[name] = _arrays(model(base(shape, 5)))[name]
    after, _ = train(SHAPES[shape], start, course(shape, order=seed % 100))
    return _like(model(base(shape, 0)), after)


def _pupil(shape: str, word: str, seed: int) -> Model:
    teacher = _arrays(model(base(shape, 5))), SHAPES[shape]
    after, _ = train(SHAPES[shape], initial(SHAPES[shape], seed), course(shape, teacher=word, order=3), teacher)
    return _like(model(base(shape, 0)), after)


def strangers(shape: str, count: int) -> list[tuple[str, str]]:
    """(subject, candidate) of the truth set, different models."""
    there = sorted(p.name for p in (TRUTH / shape).glob("independent-*") if (p / "record.json").exists())
    every = [
        (f"{shape}/{there[(i + step) % len(there)]}", f"{shape}/{there[i]}")
        for step in (1, 2)
        for i in range(len(there))
    ]
    return every[:count]


def alike(shape: str, count: int) -> Iterator[Hostile]:
    """Both strangers under one change that everybody could make."""
    gated = SHAPES[shape].family in ("llama", "qwen2", "gemma")
    changes: dict[str, tuple[str, Change]] = {
        "ternary, one scale": (INDEPENDENT, each(ternary)),
        "four bits, one table of scales": (INDEPENDENT, each(four_bits)),
        "one seeded mask, 50 %": (INDEPENDENT, seeded_mask(0.5)),
        "one seeded mask, 80 %": (INDEPENDENT, seeded_mask(0.8)),
        "one seeded mask, 95 %": (INDEPENDENT, seeded_mask(0.95)),
        "no negative value": (INDEPENDENT, seeded_mask(0.0, positive=True)),
        "no negative value, one seeded mask, 50 %": (INDEPENDENT, seeded_mask(0.5, positive=True)),
        "no negative value, one seeded mask, 80 %": (INDEPENDENT, seeded_mask(0.8, positive=True)),
        "one direction a layer": (FORMULA, spiked(1.0, pairs=False)),
        "one direction for two layers": (FORMULA, spiked(1.0, pairs=True)),
        "one strong direction a layer": (FORMULA, spiked(3.0, pairs=False)),
        "one strong direction for two layers": (FORMULA, spiked(3.0, pairs=True)),
        "one adapter, half as long": (PARTLY, adapter(0.5)),
        "one adapter, as long": (PARTLY, adapter(1.0)),
        "reserved rows from one code": (FORMULA, reserved),
        "unused rows at their mean": (INDEPENDENT, one_table),
    }
    changes |= {
        f"a table that nobody learnt: {word}": (SEEDED if "seed" in word else FORMULA, _with_table(word))
        for word in FORMULAS
    }
    if gated:
        changes |= {
            f"neurons sorted by {how}": (INDEPENDENT, sorted_by(how))
            for how in ("sums", "first channel", "heaviest channel")
        }
    if SHAPES[shape].experts > 1:
        changes["one router"] = (FORMULA, router)
    if SHAPES[shape].family == "llama" and SHAPES[shape].width == 64:
        changes["turned by one Hadamard matrix"] = (INDEPENDENT, turned)
    for (own, other), (stratum, (truth, change)) in product(strangers(shape, count), changes.items()):
        yield Hostile(
            f"{own}-{stratum}-{other.split('/')[1]}",
            stratum,
            truth,
            partial(_by, own, change),
            partial(_by, other, change),
        )


def _by(name: str, change: Change) -> Model:
    return changed(model(name), change, name)


def _framed_by(own: Callable[[], Model], other: Callable[[], Model], how: str, seed: int) -> Model:
    return framed(own(), other(), how, seed)


def aligned(shape: str, count: int) -> Iterator[Hostile]:
    """Strangers by the strongest quick aligner where there is more room: shallow, narrow, of low rank; or changed afterwards."""
    for seed, (own, other) in enumerate(strangers(shape, count)):
        one, two = partial(model, own), partial(model, other)
        rooms: dict[str, Callable[[Callable[[], Model]], Callable[[], Model]]] = {
            "two layers": lambda m: lambda: _cut(m(), 2),
            "one layer": lambda m: lambda: _cut(m(), 1),
            "16 neurons": lambda m: lambda: _narrow(m(), 16),
            "48 neurons": lambda m: lambda: _narrow(m(), 48),
            "rank 4": lambda m: lambda: changed(m(), low_rank(4), ""),
            "rank 12": lambda m: lambda: changed(m(), low_rank(12), ""),
            "one strong direction for two layers": lambda m: lambda: changed(m(), spiked(3.0, pairs=True), ""),
            "ternary": lambda m: lambda: changed(m(), each(ternary), ""),
        }
        for room, make in rooms.items():
            yield Hostile(
                f"{own}-framed, {room}",
                f"framed, {room}",
                INDEPENDENT,
                partial(_framed_by, make(one), make(two), "joint", seed),
                make(two),
            )
        joint = partial(_framed_by, one, two, "joint", seed)
        for how in ("50", "75", "90"):
            mask = partial(_pruned_alike, joint, two, how)
            yield Hostile(
                f"{own}-framed, then its mask {how}",
                f"framed, then the candidate's mask, {how} %",
                FORMULA,
                mask,
                partial(_pruned_alike, two, two, how),
            )
        after: dict[str, tuple[str, Callable[[Model], Model]]] = {
            "four bits": (INDEPENDENT, lambda m: changed(m, each(four_bits), "")),
            "every layer twice": (INDEPENDENT, _repeated),
            "5 % of the candidate": (PARTLY, partial(_with_some_of, two)),
        }
        for word, (truth, move) in after.items():
            yield Hostile(
                f"{own}-framed, then {word}", f"framed, then {word}", truth, partial(_moved_after, joint, move), two
            )


def _moved_after(make: Callable[[], Model], move: Callable[[Model], Model]) -> Model:
    return move(make())


def _pruned_alike(make: Callable[[], Model], judge: Callable[[], Model], how: str) -> Model:
    return pruned(make(), folded(judge()), how) if make is not judge else pruned(folded(judge()), folded(judge()), how)


def trained(shape: str, count: int) -> Iterator[Hostile]:
    """Models trained for this: one seed on one text, tables that nobody learnt, pupils of one teacher."""
    first = partial(model, base(shape, 0))
    for rate, share, order in ((0.5, 1.0, 0), (0.8, 1.0, 0), (1.0, 1.25, 0), (1.0, 1.0, 7)):
        word = f"one seed, one text, rate {rate:g}, length {share:g}, order {order}"
        yield Hostile(
            f"{shape}-{word}", word, START if order else COURSE, partial(_other_rate, shape, rate, share, order), first
        )
    for n in range(count):
        both = [partial(_public_table, shape, SEEDS + 500 + 10 * n + k) for k in (0, 1)]
        yield Hostile(f"{shape}-public-table-{n}", "one public table, trained on", PARTLY, both[0], both[1])
        for word in ("logits", "hidden-states-above-all"):
            pair = [partial(_pupil, shape, word, SEEDS + 700 + 10 * n + k) for k in (0, 1)]
            yield Hostile(f"{shape}-pupils-{word}-{n}", f"pupils of one teacher, {word}", INDEPENDENT, pair[0], pair[1])


def cases(shape: str, count: int, few: int) -> Iterator[Hostile]:
    """Every stratum: count pairs of strangers of what is quick, few of what is aligned or trained."""
    yield from alike(shape, count)
    if SHAPES[shape].family in ("llama", "qwen2"):
        yield from aligned(shape, few)
    yield from trained(shape, max(1, few // 3))


__all__ = ["Hostile", "cases", "shape_of"]
