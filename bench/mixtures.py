"""What forebear says of mixtures, sets of parents and direction, against children whose parents are known (METHODS §11, §12, §20).

    python -m bench.mixtures --root FOLDER --shapes llama64 gpt2-64 [--quick]

One document a shape in bench/results. Null hypothesis: the subject is no merge (kinds "one", "sibling", "orphan", "none").
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.build import RESULTS
from bench.checkpoint import replace_json, save
from bench.mixtures_cases import Case, candidates, other_merges, singles, stacks, sums
from bench.mixtures_direction import direction_rows
from bench.mixtures_models import HELD_OUT, SEEN, Family, family
from bench.provenance import code, provenance
from forebear.models.checkpoint import Checkpoint, open_checkpoint
from forebear.recipes.mixtures import mixed

SEED = 15
TOLERANCE = 0.02


def opened(folder: Path, name: str, model: Any, of: Family) -> Checkpoint:
    """A model written into a folder and opened."""
    save(folder / name, model, of.shape)
    return open_checkpoint(folder / name)


def cases(shape: str, of: Family, other: Family, repeats: int) -> Iterator[Case]:
    """Every case of one base."""
    yield from sums(shape, of, SEED, repeats)
    yield from singles(shape, of, other, SEED)
    yield from other_merges(shape, of, SEED, repeats)
    yield from stacks(shape, of, SEED, 2 * repeats)


def row(case: Case, subject: Checkpoint, given: dict[str, Checkpoint]) -> dict[str, Any]:
    """One case answered and compared with its truth."""
    ids = [name for name in given if name not in case.hidden]
    began = time.perf_counter()
    answer = mixed(subject, [given[name] for name in ids], ids)
    found = {one.op: one for one in answer.found}
    merged = found.get("merged")
    listed = {one["id"]: one for one in answer.parents}
    told: dict[str, Any] = {
        "case": case.name, "kind": case.kind, "after": case.after, "sources": list(case.sources),
        "set": list(listed), "covered": set(case.sources) <= set(listed), "size": len(listed),
        "claims_merge": merged is not None or "layers-stacked" in found,
        "method": merged.parameters["method"] if merged else "layers" if "layers-stacked" in found else "",
        "independents": [name for name in listed if name.startswith("independent")],
        "seconds": round(time.perf_counter() - began, 2),
    }  # fmt: skip
    if case.kind == "sum":
        errors = {name: abs(listed[name]["weight"] - weight) if name in listed else weight
                  for name, weight in case.truth["weights"].items()}  # fmt: skip
        extra = [abs(one["weight"]) for name, one in listed.items() if name not in errors]
        told |= {"worst_error": max([*errors.values(), *extra]), "within": max([*errors.values(), *extra]) <= TOLERANCE}
    if case.kind == "slerp" and merged is not None and "t" in merged.parameters:
        told["worst_error"] = abs(merged.parameters["t"] - case.truth["t"].get(merged.parameters["to"], 9.0))
    if case.kind in ("ties", "dare") and merged is not None and "densities" in merged.parameters:
        for what in ("densities", "weights"):
            given_ = merged.parameters[what]
            told[f"worst_{what}"] = max(abs(given_.get(name, 9.0) - value) for name, value in case.truth[what].items())
    if case.kind == "stack":
        rows = found["layers-stacked"].parameters["map"] if "layers-stacked" in found else []
        told["exact"] = [[one["from"], one["source"]] for one in rows] == case.truth["map"]
    return told


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts by kind and by what came after."""
    out: dict[str, Any] = {}
    for one in rows:
        group = out.setdefault(" after ".join(filter(None, (one["kind"], one["after"]))), {"cases": 0})
        group["cases"] += 1
        for key in ("covered", "claims_merge", "within", "exact"):
            if key in one:
                group[key] = group.get(key, 0) + int(one[key])
        for key in ("worst_error", "worst_densities", "worst_weights"):
            if key in one:
                group[key] = max(group.get(key, 0.0), round(one[key], 5))
        group.setdefault("methods", {}).setdefault(one["method"], 0)
        group["methods"][one["method"]] += 1
        group.setdefault("sizes", []).append(one["size"] - len(one["sources"]))
    for group in out.values():
        sizes = sorted(group.pop("sizes"))
        group["median_size_over_truth"] = sizes[len(sizes) // 2]
    plain = [one for one in rows if one["kind"] in ("one", "sibling", "orphan", "none")]
    wrong = sum(one["claims_merge"] for one in plain)
    return {
        "by_kind": out, "no_merge": len(plain), "merges_invented": wrong, "upper_95": None if wrong else 3 / max(1, len(plain)),
        "independents_in_a_set": sum(bool(one["independents"]) for one in rows),
        "sets_covering": [sum(one["covered"] for one in rows), len(rows)],
    }  # fmt: skip


def measure(root: Path, shape: str, quick: bool) -> dict[str, Any]:
    """Every row of one shape. root: where the siblings are kept."""
    head, rows = code(), []
    families = [family(root, shape, of) for of in range(2)]
    for of in range(1 if quick else 2):
        mine, other = families[of], families[1 - of]
        with tempfile.TemporaryDirectory() as scratch:
            given = {name: opened(Path(scratch), name, model, mine) for name, model in candidates(mine, other).items()}
            for case in cases(shape, mine, other, 1 if quick else 3):
                subject = opened(Path(scratch), "subject", case.child, mine)
                rows.append({"base": of, **row(case, subject, given)})
                subject.close()
    direction = direction_rows(root, shape, families, quick)
    return {
        "schema": "forebear-bench/mixtures/1",
        **provenance(shape, {"cases": f"bench/mixtures/*, {SEED}", "siblings": "orders 300 to 319"}, head),
        "held_out": shape in HELD_OUT,
        "null_hypothesis": "the subject is no merge of the candidates; of two models neither was made from the other",
        "assumption": "siblings learn three kinds of text at a third of the rate of their base; cases share bases and siblings",
        "summary": summary(rows), "direction": direction["summary"], "rows": rows, "direction_rows": direction["rows"],
    }  # fmt: skip


def main() -> None:
    """Measure and write bench/results/mixtures-<shape>.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--shapes", nargs="*", default=list(SEEN))
    parser.add_argument("--quick", action="store_true", help="one base, one case of each kind")
    parser.add_argument("--direction", action="store_true", help="pairs for direction alone")
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    for shape in chosen.shapes:
        if chosen.direction:
            head = code()
            only = direction_rows(chosen.root, shape, [family(chosen.root, shape, of) for of in range(2)], chosen.quick)
            seeds = {"siblings": "orders 300 to 319"}
            told = {"schema": "forebear-bench/direction/1", "held_out": shape in HELD_OUT, **provenance(shape, seeds, head), **only}
            replace_json(chosen.out / f"direction-{shape}.json", told)
            print(shape, only["summary"], flush=True)
            continue
        made = measure(chosen.root, shape, chosen.quick)
        replace_json(chosen.out / f"mixtures-{shape}.json", made)
        print(shape, made["summary"], made["direction"], flush=True)


if __name__ == "__main__":
    main()
