"""Origins by part through the public verb: which parts `forebear.compare` names, beside those that were taken (METHODS §17).

    python -m bench.parts --shape llama64 -o FILE

Models of the truth set that are not there are left out; what cases are made of them is kept under the bench's work folder.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import forebear
from bench.allowed import said as said_in
from bench.allowed import violations
from bench.framed_verb import ACCUSES
from bench.parts_cases import HEDGED, INDEPENDENT, PARTS, PartCase, part_cases
from bench.provenance import provenance
from bench.rows import options_of, write_rows

ALLOWED = {HEDGED: PARTS}
"""Truth of a case -> the truth of bench/allowed.toml that says what may be claimed of it."""


def said(case: PartCase) -> dict[str, Any]:
    """One row: relation, parts that are named as shared, and the figures of attention and tables."""
    subject = case.subject
    began = time.process_time()
    document = forebear.compare(subject, case.candidate)
    seconds = time.process_time() - began
    components = document["alignment"].get("components", ())
    named = sorted([c["name"], [a for a, _ in c.get("layers", ())]] for c in _shared(components))
    strengths: dict[str, Any] = {e["axis"]: e for e in document["evidence"] if e["test"] == "strength"}
    heads, neurons = strengths.get("heads", {}), strengths.get("neurons", {})
    row = {
        "name": case.name,
        "stratum": case.stratum,
        "truth": case.truth,
        "relation": document["verdict"]["relation"],
        "named": named,
        "others": {c["name"]: c["state"] for c in components if c["state"] != "shared"},
        "attention": {k: heads.get(k) for k in ("value", "ceiling", "ratio")}
        | {"by_layer": list(heads.get("by_layer", ()))},
        "neurons": {k: neurons.get(k) for k in ("value", "ceiling", "ratio", "how")},
        "lone_ceiling": (heads.get("ceiling_by_layer") or [None])[0],
        "rows": {c["name"]: c["row_cosine"] for c in components if "row_cosine" in c},
        "head_rows": next((e["row_cosine"] for e in document["evidence"] if e.get("component") == "head"), None),
        "words": [w["key"] for w in document["verdict"]["words"]],
        "said": list(dict.fromkeys(said_in(document["verdict"]["words"]))),
        "seconds": round(seconds, 2),
    }
    return row | {"right": right(case, row)}


def _shared(components: Sequence[Any]) -> list[Any]:
    return [c for c in components if c["state"] == "shared" and c["name"] != "layers"]


def right(case: PartCase, row: dict[str, Any]) -> bool:
    """Whether the relation may be said of the case, and exactly the parts that were taken are named."""
    if case.truth in (INDEPENDENT, HEDGED):
        return row["relation"] not in ACCUSES
    if case.truth == PARTS:
        named = frozenset((name, tuple(layers)) for name, layers in row["named"])
        return row["relation"] == "shares-components" and named == case.named
    return row["relation"] in ("related", "identical")


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """By stratum: cases, those named rightly, relations, and the range of s / c of attention."""
    strata: dict[str, Any] = {}
    for stratum in dict.fromkeys(r["stratum"] for r in rows):
        own = [r for r in rows if r["stratum"] == stratum]
        ratios = [r["attention"]["ratio"] for r in own if r["attention"]["ratio"] is not None]
        strata[stratum] = {
            "cases": len(own),
            "right": sum(r["right"] for r in own),
            "relations": {word: sum(r["relation"] == word for r in own) for word in {r["relation"] for r in own}},
            "attention_ratio": [round(float(f(ratios)), 3) for f in (np.min, np.median, np.max)] if ratios else None,
        }
    accused = [r["name"] for r in rows if r["truth"] == INDEPENDENT and r["relation"] in ACCUSES]
    too_much = {
        r["name"]: found
        for r in rows
        if "said" in r and (found := violations(ALLOWED.get(r["truth"], r["truth"]), r["relation"], r["said"]))
    }
    return {
        "strata": strata,
        "accused": accused,
        "wrong": [r["name"] for r in rows if not r["right"]],
        "say_more_than_is_true": too_much,
    }


def main() -> None:
    """One shape, one document; rows are kept as they come, those that are there are not made again."""
    parser = options_of(__doc__)
    parser.add_argument("--pairs", type=int, default=20, help="pairs of strangers of every stratum")
    parser.add_argument("--seeds", type=int, default=5, help="rewritings of every relative")
    parser.add_argument("--then", type=int, default=0, help="pairs that are stitched and trained further")
    parser.add_argument(
        "--worn", type=int, default=0, help="bases that are trained on for 8 and 16 times their compute"
    )
    options = parser.parse_args()
    every = part_cases(options.shape, options.pairs, options.seeds, options.then, options.worn)
    shown = ("right", "stratum", "relation", "named", "seconds")
    write_rows(options, every, said, document, stream="bench/parts", shown=shown)


def document(shape: str, rows: Sequence[dict[str, Any]], made_by: Mapping[str, str]) -> dict[str, Any]:
    """Rows with their summary, and what they rest on."""
    return {
        "schema": "forebear-bench/parts/2",
        **provenance(
            shape, {"models": "as their numbers (bench/truth.py)", "order of cases": f"bench/parts, {shape}"}, made_by
        ),
        "summary": summary(rows),
        "rows": list(rows),
    }


if __name__ == "__main__":
    main()
