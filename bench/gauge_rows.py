"""One pair after gauge fixing, in figures; and the lists of pairs that bench.gauge measures, each with a name of its own."""

from __future__ import annotations

import random
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import forebear
from bench.build import TRUTH
from bench.gauge_models import ALL_MOVES, AMOUNTS, EXPERTS, MADE, SEEDS, Step, steps_done
from bench.operations import Operation, further, operations
from bench.truth import RELATED, Pair, pairs
from forebear.comparison.findings.evidence import Views
from forebear.comparison.findings.outcomes import GaugeOutcome
from forebear.comparison.gauge.run import gauge_pair
from forebear.comparison.reading.allowance import Allowance
from forebear.comparison.reading.layers import find_layers
from forebear.comparison.reading.pair import Pair as Compared
from forebear.comparison.reading.vocabulary import shared_rows
from forebear.core.errors import RefusedError
from forebear.core.messages import Message
from forebear.core.seeds import generator
from forebear.models.checkpoint import open_checkpoint
from forebear.recipes.steps.compose import preserving_moves
from forebear.recipes.steps.model import Model

Row = dict[str, Any]
MOVES: Step = (ALL_MOVES, {})
FOUR_BITS: Step = ("quantised-int4", {"group": 16})
INSERTED: Step = ("layers-inserted", {"count": 2})
WIDENED: Step = ("mlp-widened", {"factor": 1.5})
STACK = (0, 1, 1, 2, 3, 3)
"""Layer of the base behind every layer after INSERTED, four layers before."""
TABLES = ("embed_tokens", "lm_head", "wte", "wpe")


@dataclass(frozen=True)
class Task:
    """One measurement. facts: what is true of the pair; run: makes the pair and gives its row."""

    name: str
    facts: Row
    run: Callable[[], Row] = field(compare=False)


def held(subject: Path, candidate: Path, *, hide_embedding: bool = False) -> tuple[Row, GaugeOutcome]:
    """One pair that goes straight to gauge fixing. hide_embedding: as if no token were shared."""
    left, right = open_checkpoint(subject), open_checkpoint(candidate)
    began = time.process_time()
    pair = Compared(left, right, Allowance(left.container, right.container, None), (subject, candidate))
    rows = None if hide_embedding else shared_rows(pair)
    outcome = gauge_pair(pair, find_layers(pair), rows, full=False)
    row: Row = {"ran": outcome.ran, "decided": outcome.decided, "seconds": round(time.process_time() - began, 2)}
    if outcome.ran:
        first = outcome.evidence[0]
        assert isinstance(first.figures, Views)
        row |= {
            "matched": first.matched, "of": first.of, "log10_p": round(first.log10_p or 0.0, 1),
            "by_layer": list(first.figures.by_layer), "mismatched": first.figures.mismatched_mean,
            "withheld": [m.document() for m in first.withheld], "map": [c["layers"] for c in outcome.document["cells"]],
            "fit": outcome.document["rotation"]["fit"],
        }  # fmt: skip
    else:
        row["why"] = outcome.why.document()
    for side in (left, right):
        side.close()
    return row, outcome


def _figures(subject: Path, candidate: Path, hide: bool = False) -> Row:
    return held(subject, candidate, hide_embedding=hide)[0]


def _judged(subject: Path, candidate: Path, hide: bool = False) -> Row:
    """Gauge fixing by itself; where it decides, what the public verb makes of it (a shared start is not called related)."""
    row = held(subject, candidate, hide_embedding=hide)[0]
    if row["decided"]:
        said = verdict(subject, candidate)
        row |= {"gauge_decided": True, "relation": said["relation"], "decided": said["decided"]}
    return row


def changed(
    source: Path, steps: tuple[Step, ...], seed: str, look: Callable[[Path], Row], destroy: bool = False
) -> Row:
    """A row on the source after some steps; a refusal is a row. destroy: embedding and head replaced by fresh noise."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            model = steps_done(Model.load(source), steps, seed)
            model = without_tables(model, seed) if destroy else model
        except RefusedError as refusal:
            return {"refused": str(refusal)}
        return look(model.save(Path(folder) / "m"))


def without_tables(model: Model, seed: str) -> Model:
    """The model with embedding, positions and head drawn anew at their size."""
    rng = generator("bench/tables", seed)
    arrays = dict(model.arrays)
    for name, old in arrays.items():
        if any(word in name for word in TABLES):
            arrays[name] = (old.std() * rng.standard_normal(old.shape)).astype(old.dtype)
    return Model(arrays, model.config, model.tokenizer, model.dtypes, model.history)


def _built(pair: Pair) -> bool:
    return all((TRUTH / name / "config.json").exists() for name in (pair.subject, pair.candidate))


def related(shape: str, most: int) -> Iterator[Task]:
    """Everything further trained or grown in the truth set, its subject rewritten by every move."""
    del most
    for p in pairs(shape):
        if p.truth == RELATED and _built(p):
            facts = {"stratum": p.stratum, "further": p.further, "subject": p.subject}
            yield Task(p.subject, facts, lambda p=p: changed(  # type: ignore[misc]
                TRUTH / p.subject, (MOVES,), p.subject, lambda made: _figures(made, TRUTH / p.candidate)))  # fmt: skip


def no_embedding(shape: str, most: int) -> Iterator[Task]:
    """The same with embedding and head of the subject replaced by noise."""
    del most
    for p in pairs(shape):
        if p.truth == RELATED and _built(p):
            facts = {"stratum": p.stratum, "further": p.further, "subject": p.subject}
            yield Task(p.subject, facts, lambda p=p: changed(  # type: ignore[misc]
                TRUTH / p.subject, (MOVES,), p.subject, lambda made: _figures(made, TRUTH / p.candidate), True))  # fmt: skip


def strangers(shape: str, most: int, moves: tuple[Step, ...] = (), destroy: bool = False) -> Iterator[Task]:
    """Independents (pairs at random), and every stratum that shares nothing, the subject after the moves."""
    found = [p for p in pairs(shape) if p.truth != RELATED and _built(p)]
    plain = [p for p in found if p.stratum == "independent"]
    random.Random(6).shuffle(plain)
    for p in [*(p for p in found if p.stratum != "independent"), *plain[:most]]:
        facts = {"truth": p.truth, "stratum": p.stratum, "subject": p.subject, "candidate": p.candidate}
        yield Task(f"{p.subject} {p.candidate}", facts, lambda p=p: changed(  # type: ignore[misc]
            TRUTH / p.subject, moves, p.subject, lambda made: _judged(made, TRUTH / p.candidate, destroy), destroy))  # fmt: skip


def rewritten_strangers(shape: str, most: int) -> Iterator[Task]:
    """Strangers, the subject rewritten by every move."""
    return strangers(shape, most, (MOVES,))


def no_embedding_strangers(shape: str, most: int) -> Iterator[Task]:
    """Strangers, the subject rewritten, its embedding and head replaced by noise and no token taken as shared: the figure is of
    neurons alone."""
    return strangers(shape, most, (MOVES,), True)


def verdict(subject: Path, candidate: Path) -> Row:
    """What the public verb says of a pair, by whatever path it takes."""
    began = time.process_time()
    said = forebear.compare(subject, [candidate])["verdict"]
    return {"decided": said["relation"] in ("related", "identical"), "relation": said["relation"], "log10_p": said["log10_p"],
            "test": said["test"], "reparameterised": said["reparameterised"],
            "seconds": round(time.process_time() - began, 2)}  # fmt: skip


def _done(operation: Operation, shape: str) -> tuple[Step, ...]:
    """An operation as a step; where it needs further models, another independent of the shape, or the base itself."""
    models = {"donor": TRUTH / shape / "independent-001", "base": TRUTH / shape / "independent-000"}
    more = {name: further(word, models) for name, word in operation.models.items()}
    return ((operation.step, {**operation.parameters, **more}),) if operation.step else ()


def moves(shape: str, most: int) -> Iterator[Task]:
    """Every operation of the registry on a base, plain, then with each output-preserving move alone and with all of them;
    the public verb judges. The plain rows stand first: only operations found there count."""
    del most
    base = TRUTH / shape / "independent-000"
    alone = [(), *((name,) for name in preserving_moves(Model.load(base))), (ALL_MOVES,)]
    for operation in operations():
        done = _done(operation, shape)
        for names in alone:
            word = names[0] if names else "none"
            steps = (*done, *((n, {}) for n in names))
            facts = {"operation": operation.name, "move": word}
            yield Task(f"{operation.name} / {word}", facts, lambda s=steps: changed(  # type: ignore[misc]
                base, s, "moves", lambda made: verdict(made, base)))  # fmt: skip


def moves_first(shape: str, most: int) -> Iterator[Task]:
    """All moves first, the operation last, straight to gauge fixing."""
    del most
    base = TRUTH / shape / "independent-000"
    for operation in operations():
        if operation.models:
            continue  # what the other model holds would have to be rewritten alike
        steps = (MOVES, *_done(operation, shape))
        yield Task(operation.name, {"operation": operation.name}, lambda s=steps: changed(  # type: ignore[misc]
            base, s, "first", lambda made: _figures(made, base)))  # fmt: skip


def seeds(shape: str, most: int) -> Iterator[Task]:
    """Twenty bases trained further, rewritten, embedding and head replaced by noise: rotation from neurons alone."""
    del most
    for amount, share in AMOUNTS.items():
        for n in SEEDS:
            base, made = TRUTH / shape / f"independent-{n:03d}", MADE / f"further-{n}-{amount}"
            if (made / "record.json").exists():
                yield Task(made.name, {"further": share, "base": n}, lambda m=made, b=base: changed(  # type: ignore[misc]
                    m, (MOVES,), m.name, lambda path: _figures(path, b), True))  # fmt: skip


CHAINS: dict[str, tuple[str, tuple[Step, ...], tuple[int, ...]]] = {
    "trained 4x, rewritten": ("further-{}-four", (MOVES,), (0, 1, 2, 3)),
    "rewritten, trained 4x": ("rewritten-{}-four", (), (0, 1, 2, 3)),
    "trained 4x, rewritten, 4 bits": ("further-{}-four", (MOVES, FOUR_BITS), (0, 1, 2, 3)),
    "rewritten, trained 4x, 4 bits": ("rewritten-{}-four", (FOUR_BITS,), (0, 1, 2, 3)),
    "trained 4x, rewritten, 4 bits, two layers inserted, MLP widened": (
        "further-{}-four", (MOVES, FOUR_BITS, INSERTED, WIDENED), STACK),
    "rewritten, trained 4x, 4 bits, two layers inserted, MLP widened": (
        "rewritten-{}-four", (FOUR_BITS, INSERTED, WIDENED), STACK),
    "trained 4x, 4 bits, two layers inserted, MLP widened, rewritten": (
        "further-{}-four", (FOUR_BITS, INSERTED, WIDENED, MOVES), STACK),
    "eight experts, rewritten": ("", (EXPERTS, MOVES), (0, 1, 2, 3)),
    "eight experts, trained 1x, rewritten": ("eight-experts-{}-one", (MOVES,), (0, 1, 2, 3)),
}  # fmt: skip
"""Chain -> made model ("" for the base itself), steps after it, and the base's layer behind every layer of the subject."""


def chains(shape: str, most: int) -> Iterator[Task]:
    """Chains of training, rewriting and growing on as many bases as models were made for, with layer and expert maps checked."""
    for chain, (name, steps, stack) in CHAINS.items():
        for n in SEEDS:
            base = TRUTH / shape / f"independent-{n:03d}"
            made = MADE / name.format(n) if name else base
            if (made / "config.json").exists() and (name or n < most):
                experts = 8 if "experts" in chain else 0
                yield Task(f"{chain} / {n}", {"chain": chain, "base": n},
                           lambda m=made, s=steps, b=base, t=stack, e=experts: changed(  # type: ignore[misc]
                               m, s, m.name, lambda path: _mapped(path, b, t, e)))  # fmt: skip


def _mapped(subject: Path, candidate: Path, stack: tuple[int, ...], experts: int) -> Row:
    row, outcome = held(subject, candidate)
    if outcome.layers is not None:
        found = outcome.layers
        behind = {**found.repeats, **dict(found.pairs)}
        row |= {
            "pairs": [list(p) for p in found.pairs], "repeats": {str(k): v for k, v in found.repeats.items()},
            "pairs_right": {stack[a] == b for a, b in found.pairs} == {True} and len(found.pairs) == len(set(stack)),
            "every_layer_right": behind == dict(enumerate(stack)),
        }  # fmt: skip
        if experts:
            told = experts_told(outcome.words)
            count = [sum(other == "MLP" for _, other in told.get(layer, ())) for layer in range(len(stack))]
            row |= {"experts_told": count, "experts_right": count == [experts] * len(stack)}
    return row


def experts_told(words: Iterable[Message]) -> dict[int, list[tuple[int, str]]]:
    """Layer of the subject -> (its expert, what that answers to: a number or "MLP"), read from the statements of a document."""
    told: dict[int, list[tuple[int, str]]] = {}
    for said in words:
        if said.key not in ("experts.paired", "experts.paired_one"):
            continue
        pairs = [
            (expert, other.split(" [")[0])
            for mine, other in (group.split(" → ") for group in said.values["map"].split("; "))
            for first, _, last in (run.partition("-") for run in mine.split(", "))
            for expert in range(int(first), int(last or first) + 1)
        ]
        first, last = (said.values["subject"].values.get(name) for name in ("first", "last"))
        for layer in range(first, (first if last is None else last) + 1):
            told.setdefault(layer, []).extend(pairs)
    return told


def experts(shape: str, most: int) -> Iterator[Task]:
    """Mixtures whose experts were put in another order (by every move): is the map of experts the one that was drawn?"""
    for n in range(most if (TRUTH / shape / "independent-000").exists() else 0):
        base = TRUTH / shape / f"independent-{n:03d}"
        subjects = {"rewritten": base} | {
            f"trained {word}, rewritten": TRUTH / shape / f"further-{n}-other-{word}" for word in AMOUNTS
        }
        for chain, made in subjects.items():
            if (made / "config.json").exists():
                yield Task(f"{chain} / {n}", {"chain": chain, "base": n}, lambda m=made, b=base: changed(  # type: ignore[misc]
                    m, (MOVES,), m.name, lambda path: _expert_map(path, b, m)))  # fmt: skip


def _expert_map(subject: Path, candidate: Path, source: Path) -> Row:
    row, outcome = held(subject, candidate)
    truth = drawn_order(source)
    told = {
        layer: sorted([mine, int(other)] for mine, other in pairs if other.isdecimal())
        for layer, pairs in experts_told(outcome.words).items()
    }
    right = [told.get(layer) == sorted([a, b] for a, b in enumerate(order)) for layer, order in truth.items()]
    return row | {"experts_told": {str(k): v for k, v in told.items()}, "experts_right": bool(right) and all(right),
                  "layers_right": sum(right), "layers": len(right)}  # fmt: skip


def drawn_order(source: Path) -> dict[int, list[int]]:
    """Which expert of the source stands at each place after every move with the same seed: the moves are done to a marked copy,
    whose experts share one gate matrix times their number, which only the order of experts can change."""
    model = Model.load(source)
    arrays = dict(model.arrays)
    gates = sorted(
        (int(m[1]), int(m[2]), n) for n in arrays if (m := re.search(r"layers\.(\d+)\..*experts\.(\d+)\.w1", n))
    )
    first = {layer: arrays[name] for layer, expert, name in gates if expert == 0}
    for layer, expert, name in gates:
        arrays[name] = first[layer] * np.float32(1 + expert)
    marked = steps_done(Model(arrays, model.config, model.tokenizer, model.dtypes), (MOVES,), source.name)
    sizes: dict[int, list[float]] = {}
    for layer, _, name in gates:
        sizes.setdefault(layer, []).append(float(np.linalg.norm(np.asarray(marked.arrays[name], np.float64))))
    return {layer: [round(v / min(s)) - 1 for v in s] for layer, s in sizes.items()}


PARTS: dict[str, tuple[Callable[[str, int], Iterator[Task]], str]] = {
    "related": (related, "stratum"),
    "moves": (moves, "move"),
    "moves-first": (moves_first, "operation"),
    "strangers": (strangers, "stratum"),
    "rewritten-strangers": (rewritten_strangers, "stratum"),
    "no-embedding": (no_embedding, "further"),
    "no-embedding-strangers": (no_embedding_strangers, "stratum"),
    "seeds": (seeds, "further"),
    "chains": (chains, "chain"),
    "experts": (experts, "chain"),
}
"""Part -> its tasks for a shape and a number of pairs, and the fact its summary goes by."""
