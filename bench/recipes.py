"""The recipe bench: operations drawn with named seeds, alone, in chains, rewritten besides; steps invented for independents.

    python -m bench.recipes --part alone --split held-out -o FILE

seen: parameter ranges and bases that were looked at while detectors were written; held-out: the others.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import forebear
from bench.build import machine
from bench.checkpoint import write_json
from bench.corpus import WORK
from bench.framed_align import ALIGNERS, framed
from bench.gauge import wilson
from bench.recipe_cases import GROUPS, OPERATIONS, Operation, agrees
from bench.shapes import shape_of
from bench.truth import UNDRAWN
from forebear.core.errors import RefusedError
from forebear.core.seeds import generator
from forebear.recipes.detectors.remains import OPEN
from forebear.recipes.detectors.side import Side
from forebear.recipes.found import Found
from forebear.recipes.replay.held import as_checkpoint
from forebear.recipes.replay.own import UNTYING
from forebear.recipes.replay.run import run
from forebear.recipes.steps.compose import reparameterise
from forebear.recipes.steps.layout import layout
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.registry import STEPS, apply, step

SHAPES = ("llama64", "gpt2-64", "qwen2-64", "moe-64")
FRESH = ("llama64", "gpt2-64", "qwen2-80", "moe-80")
"""Shapes whose last independents (llama64 017 to 019, gpt2-64 010 and 011, qwen2-80 002 and 003, moe-80 001 and 002) decide
decision 0083: nobody had drawn an operation on them."""
SEEDS = 5
TRUTH = WORK / "truth"
MOST_ALIGNED = 7
"""Aligners used, from the weakest: those that need no seconds of search for each pair."""
Row = dict[str, Any]


def base(shape: str, number: int) -> Model:
    """An independent of the truth set. Raises: RefusedError when it was not built."""
    return Model.load(TRUTH / shape / f"independent-{number:03d}")


def place(shape: str, number: int, held: bool) -> int:
    """The independent that a number stands for: the first SEEDS were seen; of what is built beyond them, in turn. Of shapes in
    FRESH, whose detectors saw none, the last ones."""
    built = len(list((TRUTH / shape).glob("independent-*")))
    if shape in UNDRAWN:  # on which nobody had drawn anything: all
        return number % built
    if held and shape in FRESH:
        return built - 1 - number % max(2, built // 6)
    return SEEDS + number % max(1, min(SEEDS, built - SEEDS)) if held else number % SEEDS


def _donor(shape: str, at: int) -> int:
    return (at + 1) % min(SEEDS, len(list((TRUTH / shape).glob("independent-*"))))


def made(
    operation: Operation, model: Model, rng: np.random.Generator, held: bool, seed: str, donor: Model
) -> tuple[Model, Row]:
    """A model after one operation, and what must be told of it. Raises: RefusedError where the step refuses."""
    parameters = operation.draw(rng, held)
    more: Row = {operation.donor: donor} if operation.donor else {}
    after = apply(operation.step, model, seed, **parameters, **more)
    return after, {"op": operation.step, "parameters": operation.expect(parameters, model)}


def told(found: Found) -> Row:
    """What was told, places among the parameters."""
    places = {key: list(found.where[key]) for key in ("after", "layers") if key in found.where}
    return {"op": found.op, "parameters": {**places, **found.parameters}, "grade": found.grade}


def right(wanted: list[Row], steps: list[Row]) -> tuple[bool, bool]:
    """(named exactly, parameters too): the same operations, no more, no fewer, whatever their order."""
    if any(w["op"] in UNTYING for w in wanted):
        wanted = [w for w in wanted if w["op"] != "embeddings-untied"]
    named = Counter(w["op"] for w in wanted) == Counter(s["op"] for s in steps)
    by_name = {s["op"]: s["parameters"] for s in steps}
    exact = named and all(agrees(v, by_name[w["op"]].get(k)) for w in wanted for k, v in w["parameters"].items())
    return named, exact


def asked(subject: Model, candidate: Model) -> tuple[list[Row], float | None]:
    """The steps told, and what replay leaves."""
    result = run(Side(as_checkpoint(subject)), candidate)
    return [told(found) for found in result.steps], result.left


def alone(held: bool, only: list[str], shapes: Sequence[str] = SHAPES, seeds: int = SEEDS) -> Iterator[Row]:
    """Each operation by itself on every shape it applies to."""
    for shape in shapes:
        for number in range(seeds):
            at = place(shape, number, held)
            model, donor = base(shape, at), base(shape, _donor(shape, at))
            for operation in OPERATIONS:
                if (only and operation.step not in only) or not step(operation.step).applies_to(model):
                    continue
                seed = f"alone/{held}/{shape}/{number}"
                row = _drawn(operation, model, donor, held, seed)
                if row is not None:
                    yield {"shape": shape, "seed": seed, **row}


def _drawn(operation: Operation, model: Model, donor: Model, held: bool, seed: str) -> Row | None:
    for attempt in range(6):  # some parameters a family refuses: others are drawn
        rng = generator("bench/recipes", seed, operation.step, attempt)
        try:
            subject, wanted = made(operation, model, rng, held, f"{seed}/{attempt}", donor)
        except RefusedError:
            continue
        if _equal(subject, model):
            continue  # an order that moves nothing: there is nothing to name
        return {"operation": operation.step, **_row(subject, model, [wanted])}
    return None


def _equal(a: Model, b: Model) -> bool:
    return a.arrays.keys() == b.arrays.keys() and all(np.array_equal(v, b.arrays[n]) for n, v in a.arrays.items())


MOVES = {name for name, found in STEPS.items() if found.kind == "preserving"} | {"embeddings-untied"}


def merged(wanted: list[Row], candidate: Model) -> list[Row]:
    """Chains that rewriting makes one, as one (decision 0064): the head is untied by it; neurons have no order after it, so those
    interleaved are appended; without LayerNorm channels held twice are, once turned, channels that are empty, at another scale;
    noise after a growth is the growth's own, since the gains that would tell them apart were replaced."""
    found: list[Row] = []
    noise = sum(one["parameters"]["size"] ** 2 for one in wanted if one["op"] == "noise-added")
    grown = any(one["op"] == "width-grown" for one in wanted)
    for one in wanted:
        given = dict(one["parameters"])
        if one["op"] == "noise-added" and grown:
            continue
        if one["op"] == "width-grown":
            given["noise"] = float(np.sqrt(given["noise"] ** 2 + noise))
        if one["op"] == "mlp-widened" and given.get("kind") == "interleave":
            given["kind"] = "append"
        if one["op"] == "width-grown" and given.get("kind") == "duplicate" and not layout(candidate).mean_subtracted:
            given["kind"] = "zeros"
        if one["op"] != "embeddings-untied":
            found.append({"op": one["op"], "parameters": given})
    return found


def _row(subject: Model, candidate: Model, wanted: list[Row], rewritten: bool = False) -> Row:
    started = time.process_time()
    steps, left = asked(subject, candidate)
    asked_for = merged(wanted, candidate) if rewritten else wanted
    named, exact = right(asked_for, [s for s in steps if s["op"] not in MOVES] if rewritten else steps)
    seconds = round(time.process_time() - started, 2)
    more = {"rewritten": True, "wanted": asked_for, "drawn": wanted} if rewritten else {"wanted": wanted}
    return {**more, "steps": steps, "left": left, "named": named, "exact": exact, "seconds": seconds}


def chains(
    held: bool, count: int, rewritten: bool = False, first: int = 0, shapes: Sequence[str] = SHAPES
) -> Iterator[Row]:
    """Two to four operations of different groups, in the order of GROUPS. rewritten: then rewritten by every move there is, which
    is asked about too. first: number of the first draw."""
    for number in range(first, first + count):
        seed = f"chains/{held}/{number}"
        rng = generator("bench/recipes", seed)
        shape = shapes[number % len(shapes)]
        at = place(shape, int(rng.integers(SEEDS)), held)
        candidate, donor = base(shape, at), base(shape, _donor(shape, at))
        groups = [g for g in GROUPS if not (rewritten and g == "coordinates")]
        chosen = sorted(rng.permutation(len(groups))[: int(rng.integers(2, 5))].tolist())
        subject, wanted = candidate, []
        for group in (groups[i] for i in chosen):
            able = [o for o in OPERATIONS if o.group == group and step(o.step).applies_to(subject)]
            if not able:
                continue
            operation = able[int(rng.integers(len(able)))]
            try:
                after, one = made(operation, subject, rng, held, f"{seed}/{group}", donor)
            except RefusedError:
                continue
            if _equal(after, subject):
                continue  # groups of one KV head have one order: there is nothing to name
            subject = after
            wanted.append(one)
        if len(wanted) < 2:
            continue
        if rewritten:
            try:
                subject = reparameterise(subject, seed)
            except RefusedError:
                continue  # tensors beside the published architecture
        name = " + ".join(w["op"] for w in wanted)
        yield {"shape": shape, "seed": seed, "operation": name, **_row(subject, candidate, wanted, rewritten)}


FURTHER = (
    "layers-inserted", "mlp-widened", "layers-dropped", "mlp-narrowed", "keys-shared", "dense-to-moe", "width-grown",
    "vocabulary-extended",
)  # fmt: skip
"""Operations after which training goes on, with the base's own compute on other text."""
TRAINED = ("llama64", "qwen2-64", "gpt2-64")


def further(held: bool, count: int, first: int = 0, shapes: Sequence[str] = TRAINED, stride: int = 1) -> Iterator[Row]:
    """One operation, then further training of 1x. first, stride: number of the first draw, and between two. Noise of a few percent
    that an operation added is not asked about, since training moved every value by half (decision 0095); `strict`: whether a row is
    exact with it."""
    from bench.training import course, train

    for number in range(first, first + count * stride, stride):
        shape, name = shapes[number % len(shapes)], FURTHER[number // len(shapes) % len(FURTHER)]
        seed = f"further/{held}/{number}"
        candidate = base(shape, place(shape, number, held))
        operation = next(o for o in OPERATIONS if o.step == name)
        if not step(name).applies_to(candidate):
            continue
        try:
            grown, wanted = made(operation, candidate, generator("bench/recipes", seed), held, seed, candidate)
            start = {n: np.array(a, dtype=np.float32) for n, a in grown.arrays.items()}
            arrays, _ = train(shape_of(dict(grown.config)), start, course(shape, 1.0, text="other", order=1))
        except (RefusedError, KeyError):
            continue
        subject = replace(grown, arrays=arrays)
        asked_for = {"op": name, "parameters": {k: v for k, v in wanted["parameters"].items() if k != "noise"}}
        row = _row(subject, candidate, [asked_for, {"op": "continued-training", "parameters": {}}])
        strict = right([wanted, {"op": "continued-training", "parameters": {}}], row["steps"])[1]
        yield {"shape": shape, "seed": seed, "operation": f"{name} + further", "drawn": [wanted], "strict": strict, **row}


FORMS = ("as it is", "permuted", "rewritten")
"""What is done to an independent before it is compared: nothing, every order that keeps outputs, every move that does."""


def pairs(seed: str, shapes: Sequence[str]) -> list[tuple[str, int, int]]:
    """(shape, subject, candidate): every ordered pair of independents inside a shape, once, in an order that the seed names."""
    every = []
    for shape in shapes:
        built = sorted(int(folder.name.split("-")[-1]) for folder in (TRUTH / shape).glob("independent-*"))
        every += [(shape, one, other) for one in built for other in built if one != other]
    return [every[int(i)] for i in generator("bench/recipes", seed).permutation(len(every))]


def invented(count: int, first: int = 0, shapes: Sequence[str] = SHAPES, aligned: bool = False) -> Iterator[Row]:
    """The verb, asked about pairs that share nothing, each ordered pair once. aligned: the subject was aligned to the candidate."""
    part = "framed" if aligned else "invented"
    for number, (shape, one, other) in enumerate(pairs(part, shapes)[first : first + count], start=first):
        subject, candidate = base(shape, one), base(shape, other)
        how = (ALIGNERS[:MOST_ALIGNED] if aligned else FORMS)[number % (MOST_ALIGNED if aligned else len(FORMS))]
        try:
            if aligned:
                subject = framed(subject, candidate, how, number)
            elif how != FORMS[0]:
                subject = reparameterise(subject, f"{part}/{number}", "permutations" if how == FORMS[1] else "all")
        except RefusedError:
            continue  # no such move in this family
        with TemporaryDirectory() as scratch:
            subject.save(Path(scratch) / "subject")
            document = forebear.recipe(Path(scratch) / "subject", TRUTH / shape / f"independent-{other:03d}")
        steps = [s["op"] for s in document["steps"]]
        relation = document["candidates"][0]["relation"]
        yield {"shape": shape, "seed": f"{part}/{number}", "operation": how, "wanted": [], "relation": relation, "of": [one, other],
               "steps": [{"op": op, "parameters": {}} for op in steps], "named": not steps, "exact": not steps}  # fmt: skip


def missed(row: Row) -> str:
    """What a row that is not exact is: "wrong" where a step was told that was not done, or another parameter than it was done with;
    "silent" where steps or parameters that were done are not told, or told as not known, and nothing else."""
    wanted = Counter(w["op"] for w in row["wanted"])
    told_ = {s["op"]: s["parameters"] for s in row["steps"] if s["op"] != OPEN}
    invented_ = {op for op in told_ if op not in wanted and not (row.get("rewritten") and op in MOVES)}
    both = [(w["parameters"], told_[w["op"]]) for w in row["wanted"] if w["op"] in told_]
    other = any(
        parameters.get(key, "") is not None and not agrees(value, parameters.get(key))
        for given, parameters in both for key, value in given.items()
    )  # fmt: skip
    return "" if row["exact"] else "wrong" if invented_ or other else "silent"


def rightly(row: Row) -> bool:
    """Whether operations are told exactly, and of each what was drawn, or that it is not told with the truth among what fits."""
    if row["exact"] or not row["named"]:
        return bool(row["exact"])
    by_name = {s["op"]: s["parameters"] for s in row["steps"]}
    for one in row["wanted"]:
        said = by_name[one["op"]]
        for key, value in one["parameters"].items():
            open_ = key in said and said[key] is None and value in said.get(f"{key}_one_of", [value])
            open_ = open_ and (f"{key}_at_most" not in said or value <= said[f"{key}_at_most"])
            if not open_ and not agrees(value, said.get(key)):
                return False
    return True


def by_step(rows: list[Row]) -> list[Row]:
    """Every operation that was drawn, in whatever chain: how often, told how often, and what stood for it where it was not."""
    found: dict[str, Row] = {}
    for row in rows:
        names = {s["op"] for s in row["steps"]}
        extra = sorted(names - {w["op"] for w in row["wanted"]} - (MOVES if row.get("rewritten") else set()))
        for w in row["wanted"]:
            new: Row = {"operation": w["op"], "of": 0, "told": 0, "exact_chains": 0, "instead": Counter()}
            line = found.setdefault(w["op"], new)
            line["of"] += 1
            line["told"] += w["op"] in names
            line["exact_chains"] += row["exact"]
            if w["op"] not in names:
                line["instead"][" + ".join(extra) or "(nothing)"] += 1
    return [{**line, "instead": dict(line["instead"])} for _, line in sorted(found.items())]


def summary(rows: list[Row]) -> dict[str, Any]:
    """Named and exact of n with intervals, by operation and together; and what was told in place of what."""
    confusion: dict[str, Counter[str]] = defaultdict(Counter)
    lines = []
    for row in rows:
        confusion[row["operation"]][" + ".join(s["op"] for s in row["steps"]) or "(nothing)"] += 1
    for name in ("all", *dict.fromkeys(r["operation"] for r in rows)):
        mine = [r for r in rows if name in ("all", r["operation"])]
        named, exact = sum(r["named"] for r in mine), sum(r["exact"] for r in mine)
        low, high = wilson(exact, len(mine))
        interval = {"low": round(low, 4), "high": round(high, 4)}
        told_rightly = sum(map(rightly, mine))
        lines.append({"operation": name, "of": len(mine), "named": named, "exact": exact, **interval, "rightly": told_rightly})
    misses = Counter(word for word in map(missed, rows) if word)
    table = {k: dict(v) for k, v in confusion.items()}
    return {"lines": lines, "misses": dict(misses), "steps": by_step(rows), "confusion": table}


def written(part: str, split: str, rows: list[Row]) -> dict[str, Any]:
    """The file of results."""
    return {"part": part, "split": split, "machine": machine(), **summary(rows), "rows": rows}


def main(argv: list[str] | None = None) -> int:
    """Run one part and write rows and summary."""
    parser = argparse.ArgumentParser(prog="bench.recipes", description=__doc__)
    parser.add_argument(
        "--part", choices=("alone", "chains", "rewritten", "further", "invented", "framed"), required=True
    )
    parser.add_argument("--split", choices=("seen", "held-out"), default="seen")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="number of the first draw of chains or pairs")
    parser.add_argument("--shapes", nargs="*", default=list(SHAPES))
    parser.add_argument("--seeds", type=int, default=SEEDS, help="draws of every operation alone on a shape")
    parser.add_argument("--minutes", type=float, default=1e9, help="no further draw after so many")
    parser.add_argument("--stride", type=int, default=1, help="between the numbers of two draws after training")
    parser.add_argument("--resume", action="store_true", help="go on after the last row of the file (chains, rewritten, further)")
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args(argv)
    held = given.split == "held-out"
    rows = json.loads(given.output.read_text())["rows"] if given.resume and given.output.exists() else []
    if rows:
        last = int(rows[-1]["seed"].rsplit("/", 1)[1])
        given.count -= (last - given.first) // given.stride + 1
        given.first = last + given.stride
    parts = {
        "alone": lambda: alone(held, given.only, given.shapes, given.seeds),
        "chains": lambda: chains(held, given.count, first=given.first, shapes=given.shapes),
        "rewritten": lambda: chains(held, given.count, True, given.first, given.shapes),
        "further": lambda: further(held, given.count, given.first, given.shapes, given.stride),
        "invented": lambda: invented(given.count, given.first, given.shapes),
        "framed": lambda: invented(given.count, given.first, given.shapes, True),
    }  # fmt: skip
    drawn, started = parts[given.part](), time.monotonic()
    for row in drawn:
        rows.append(row)
        if time.monotonic() - started > 60 * given.minutes:
            break
        if not row["exact"]:
            print(row["shape"], row["operation"], row["wanted"], "->", row["steps"], file=sys.stderr, flush=True)
        if len(rows) % 5 == 0 or given.resume:  # a run that is cut short leaves what it has
            write_json(given.output, written(given.part, given.split, rows))
    body = written(given.part, given.split, rows)
    write_json(given.output, body)
    for line in body["lines"]:
        print(f"{line['operation']:60s} named {line['named']}/{line['of']} exact {line['exact']}/{line['of']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
