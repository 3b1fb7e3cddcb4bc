"""What every rival says of every pair, and what that comes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.audit import auc
from bench.corpus import WORK
from bench.methods.tools import TOOLS, MissingToolError
from bench.provenance import code, provenance
from bench.rivals.cases import ALIGNERS, FORMS, ready
from bench.rivals.entries import ENTRIES, Entry
from bench.scores import Row, read_rows, score_all, version_of
from bench.shapes import SHAPES
from bench.truth import INDEPENDENT, RELATED

GATED = ("llama", "qwen2", "moe")


def rows(method: str, shape: str, workers: int) -> list[Row]:
    """One row a pair; those kept by an earlier run of the same code are not made again.

    workers: 0 takes what is kept and makes nothing.
    """
    path = WORK / "scores" / "rivals" / method / f"{shape}-{version_of(method)}.jsonl"
    if not workers:
        kept = read_rows(path)
        return [row for p in ready(shape) if (row := kept.get((p.subject, p.candidate)))]
    return score_all(method, ready(shape), path, workers, WORK)


def tally(entry: Entry, every: Sequence[Row]) -> dict[str, Any]:
    """AUC and counts of one row of the table; thresholds are the shape's own.

    The threshold is the largest score of any independent, in whichever form: above it lies no false accusation among them.
    """
    good = [r for r in every if "error" not in r]
    independent = [r for r in good if r["truth"] == INDEPENDENT and r["stratum"] in FORMS]
    related = [r for r in good if r["truth"] == RELATED]
    if not independent or not related:
        return {"not_run": every[0].get("error", "no pair of a class") if every else "not scored yet"}
    threshold = max(entry.score(r) for r in independent)
    found: dict[str, Any] = {"threshold": float(f"{threshold:.6g}"), "failed": len(every) - len(good)}
    for form in FORMS:
        kin = [r for r in related if r["stratum"] == form]
        found[form] = {
            "auc": round(auc([entry.score(r) for r in kin], [entry.score(r) for r in independent]), 4),
            "found": [sum(entry.score(r) > threshold for r in kin), len(kin)],
            "published": [sum(entry.claims(r) for r in kin), len(kin)] if entry.published is not None else None,
        }
    for how in ALIGNERS:
        aligned = [r for r in good if r["stratum"] == how]
        found[how] = {
            "called": [sum(entry.score(r) > threshold for r in aligned), len(aligned)],
            "published": [sum(entry.claims(r) for r in aligned), len(aligned)] if entry.published is not None else None,
        }
    if entry.published is not None:
        found["independents_published"] = [sum(entry.claims(r) for r in independent), len(independent)]
    said = {s: dict(Counter(r["relation"] for r in good if r["stratum"] == s and r["truth"] == INDEPENDENT))
            for s in (*FORMS, *ALIGNERS)}  # fmt: skip
    if any(r["relation"] for r in good):
        found["relations_of_independents"] = said
    return found


def document(shape: str, workers: int, methods: Sequence[str] = ()) -> dict[str, Any]:
    """The committed result of one shape. methods: only these, all where none is given."""
    made: dict[str, Any] = {}
    kept: dict[str, list[Row] | str] = {}
    for entry in ENTRIES:
        if methods and entry.method not in methods:
            continue
        if entry.gated and SHAPES[shape].family not in GATED:
            made[entry.key] = {
                "not_run": "reads gated MLPs only; the published way for others trains a copy of each layer"
            }
            continue
        if entry.method not in kept:
            kept[entry.method] = _rows_or_why(entry.method, shape, workers)
        every = kept[entry.method]
        result = {"not_run": every} if isinstance(every, str) else tally(entry, every)
        made[entry.key] = result | {
            "version": TOOLS[entry.method].requirement if entry.method in TOOLS else version_of(entry.method)
        }
    pairs = ready(shape)
    return {
        "schema": "forebear-bench/rivals/1",
        **provenance(shape, {"models, rewritings, aligners": "as their numbers (bench/truth.py)"}, code()),
        "pairs": {
            "related": _counted(pairs, RELATED, tuple(FORMS)),
            "independent": _counted(pairs, INDEPENDENT, tuple(FORMS)),
            "aligned": _counted(pairs, INDEPENDENT, ALIGNERS),
        },
        "independent_models": len({p.subject for p in pairs if p.truth == INDEPENDENT and p.stratum == "plain"}),
        "further": dict(
            sorted(Counter(f"{p.further:g}" for p in pairs if p.truth == RELATED and p.stratum == "plain").items())
        ),
        "results": made,
    }


def _counted(pairs: Sequence[Any], truth: str, strata: tuple[str, ...]) -> dict[str, int]:
    return {s: sum(p.truth == truth and p.stratum == s for p in pairs) for s in strata}


def _rows_or_why(method: str, shape: str, workers: int) -> list[Row] | str:
    try:
        return rows(method, shape, workers)
    except MissingToolError as problem:
        return str(problem)


def result_path(results: Path, shape: str) -> Path:
    """Where the committed document of a shape lies."""
    return results / f"rivals-{shape}.json"
