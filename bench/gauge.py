"""Gauge fixing measured (METHODS §9): rewritten descendants found, independents and strata not, as found/n with intervals.

Every pair goes straight to gauge fixing, whatever its raw coordinates show, so that its own null and power are seen.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np

from bench.build import TRUTH, machine
from bench.checkpoint import write_json
from bench.operations import Operation, operations
from bench.truth import RELATED, Pair, pairs
from forebear.comparison.allowance import Allowance
from forebear.comparison.gauge import gauge_pair
from forebear.comparison.layers import find_layers
from forebear.comparison.pair import Pair as Compared
from forebear.comparison.vocabulary import shared_rows
from forebear.core.errors import RefusedError
from forebear.models.checkpoint import open_checkpoint
from forebear.recipes.steps.compose import reparameterise
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.registry import apply

Row = dict[str, Any]


def held(subject: Path, candidate: Path, *, hide_embedding: bool = False) -> Row:
    """One pair after gauge fixing, in figures. hide_embedding: as if no token were shared."""
    left, right = open_checkpoint(subject), open_checkpoint(candidate)
    began = time.process_time()
    pair = Compared(left, right, Allowance(left.container, right.container, None), (subject, candidate))
    rows = None if hide_embedding else shared_rows(pair)
    outcome = gauge_pair(pair, find_layers(pair), rows, full=False)
    row: Row = {"ran": outcome.ran, "decided": outcome.decided, "seconds": round(time.process_time() - began, 2)}
    if outcome.ran:
        first = outcome.evidence[0]
        row |= {
            "matched": first.matched, "of": first.of, "log10_p": round(first.log10_p or 0.0, 1),
            "by_layer": list(first.extra["by_layer"]), "mismatched": first.extra["mismatched_mean"],
            "withheld": first.extra["withheld"], "map": [c["layers"] for c in outcome.document["cells"]],
            "fit": outcome.document["rotation"]["fit"],
            "exact": {e.test: round(e.log10_p or 0.0, 1) for e in outcome.evidence if e.kind == "exact"},
        }  # fmt: skip
    else:
        row["why"] = outcome.why
    for side in (left, right):
        side.close()
    return row


def rewritten(source: Path, folder: Path, seed: str, operation: Operation | None = None, after: bool = False) -> Path:
    """The source after an operation and every output-preserving move. after: the moves come first, the operation last."""
    model = Model.load(source)
    if after:
        model = reparameterise(model, seed)
    if operation is not None and operation.step:
        model = apply(operation.step, model, seed, **operation.parameters)
    if not after:
        model = reparameterise(model, seed)
    return model.save(folder)


def related_rows(shape: str, hide: bool = False) -> Iterator[Row]:
    """Everything further trained or grown in the truth set, its subject rewritten by every move."""
    for pair in pairs(shape):
        if pair.truth == RELATED and _built(pair):
            with tempfile.TemporaryDirectory() as folder:
                subject = rewritten(TRUTH / pair.subject, Path(folder) / "m", pair.subject)
                yield {"stratum": pair.stratum, "further": pair.further, "subject": pair.subject} | held(
                    subject, TRUTH / pair.candidate, hide_embedding=hide
                )


def operation_rows(shape: str, bases: int = 1) -> Iterator[Row]:
    """Every operation of the registry on a base, then every move; and the two the other way round."""
    for n in range(bases):
        base = TRUTH / shape / f"independent-{n:03d}"
        for operation in operations():
            for after in (False, True):
                row: Row = {"operation": operation.name, "moves": "first" if after else "last", "base": n}
                with tempfile.TemporaryDirectory() as folder:
                    try:
                        made = rewritten(base, Path(folder) / "m", f"{n}", operation, after)
                    except RefusedError as refusal:
                        yield row | {"refused": str(refusal)}
                        continue
                    yield row | held(made, base)


def stranger_rows(shape: str, most: int, hide: bool = False) -> Iterator[Row]:
    """Independents (pairs at random), and every stratum that shares nothing."""
    found = [p for p in pairs(shape) if p.truth != RELATED and _built(p)]
    plain = [p for p in found if p.stratum == "independent"]
    random.Random(6).shuffle(plain)
    for pair in [*plain[:most], *(p for p in found if p.stratum != "independent")]:
        yield {
            "truth": pair.truth,
            "stratum": pair.stratum,
            "subject": pair.subject,
            "candidate": pair.candidate,
        } | held(TRUTH / pair.subject, TRUTH / pair.candidate, hide_embedding=hide)


def _built(pair: Pair) -> bool:
    return all((TRUTH / name / "config.json").exists() for name in (pair.subject, pair.candidate))


def wilson(found: int, of: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson)."""
    if not of:
        return 0.0, 1.0
    z, share = 1.959964, found / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return max(0.0, middle - half), min(1.0, middle + half)


def summary(rows: list[Row], key: str) -> list[Row]:
    """Found of n with its interval, by the values of a key, with the worst figures seen."""
    out = []
    for value in dict.fromkeys(r.get(key) for r in rows):
        mine = [r for r in rows if r.get(key) == value and "refused" not in r]
        if not mine:
            continue
        count = sum(r["decided"] for r in mine)
        low, high = wilson(count, len(mine))
        ran = [r for r in mine if r["ran"]]
        out.append(
            {
                key: value, "called": count, "of": len(mine), "low": round(low, 4), "high": round(high, 4),
                "most_per_layer": max((max(r["by_layer"]) for r in ran), default=None),
                "least_share": min((round(r["matched"] / r["of"], 3) for r in ran), default=None),
                "most_matched": max((r["matched"] for r in ran), default=None),
                "most_mismatched": max((r["mismatched"] or 0.0 for r in ran), default=None),
                "mean_mismatched": round(float(np.mean([r["mismatched"] or 0.0 for r in ran])), 3) if ran else None,
            }
        )  # fmt: skip
    return out


def document(shape: str, most: int, parts: list[str]) -> dict[str, Any]:
    """The measured parts of one shape."""
    made: dict[str, Any] = {"schema": "forebear-bench/gauge/1", "shape": shape, "machine": machine()}
    if "related" in parts:
        rows = [_told(r) for r in related_rows(shape)]
        made["related"] = {"summary": summary(rows, "stratum"), "rows": rows}
    if "operations" in parts:
        rows = [_told(r) for r in operation_rows(shape)]
        made["operations"] = {"summary": summary(rows, "moves"), "rows": rows}
    if "strangers" in parts:
        rows = [_told(r) for r in stranger_rows(shape, most)]
        made["strangers"] = {"summary": summary(rows, "stratum"), "rows": rows}
    if "no-embedding" in parts:
        rows = [_told(r) for r in related_rows(shape, True)]
        made["no_embedding"] = {
            "summary": summary(rows, "stratum"),
            "by_training": summary(rows, "further"),
            "rows": rows,
        }
        rows = [_told(r) for r in stranger_rows(shape, most, True)]
        made["no_embedding_strangers"] = {"summary": summary(rows, "stratum"), "rows": rows}
    return made


def _told(row: Row) -> Row:
    shown = {k: v for k, v in row.items() if k not in ("map", "exact", "seconds", "candidate")}
    print(" ".join(f"{k}={v}" for k, v in shown.items()), file=sys.stderr, flush=True)
    return row


def main() -> int:
    """`python -m bench.gauge --shape llama64 --part related strangers --pairs 300 -o FILE`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", required=True)
    parser.add_argument("--part", nargs="+", default=["related", "operations", "strangers"])
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    write_json(options.output, document(options.shape, options.pairs, options.part))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
