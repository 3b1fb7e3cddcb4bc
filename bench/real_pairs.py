"""Real checkpoints of known truth: a fine-tune, a quantised copy, and an independent with the same layer shapes.

    python -m bench real-pairs BASE --other related=FOLDER --other independent=FOLDER

The independent is the one real stratum of the null audit: every layer pair of both is compared, and the histogram of matches stands
in the result.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import forebear
from bench.build import machine
from bench.scores import version_of
from forebear.core.documents import canonical_json

KEPT = ("test", "axis", "kind", "decides", "matched", "of", "log10_p", "looks_log10")


def row(base: Path, truth: str, other: Path) -> dict[str, Any]:
    """One pair through the verb `compare`, the base as candidate, and what its document says."""
    began = time.process_time()
    made: Mapping[str, Any] = forebear.compare(other, [base])
    everywhere = made["alignment"].get("all_pairs")
    return {
        "subject": other.name,
        "truth": truth,
        "relation": made["verdict"]["relation"],
        "right": (made["verdict"]["relation"] in ("related", "identical")) == (truth == "related"),
        "words": made["verdict"]["words"],
        "evidence": [{k: e[k] for k in KEPT if k in e} for e in made["evidence"]],
        "alarms": [f"{a['axis']}: {a['words']}" for a in made["audit"] if a["alarm"]],
        "all_pairs": None if everywhere is None else json.loads(canonical_json(everywhere)),
        "processor_seconds": round(time.process_time() - began, 1),
    }


def document(base: Path, others: Sequence[tuple[str, Path]]) -> dict[str, Any]:
    """Every pair, and how many of the independents were called related."""
    rows = [row(base, truth, path) for truth, path in others]
    strangers = [r for r in rows if r["truth"] != "related"]
    return {
        "schema": "forebear-bench/real-pairs/1",
        "candidate": base.name,
        "machine": machine(),
        "method_version": version_of("forebear"),
        "called_related": f"{sum(not r['right'] for r in strangers)} of {len(strangers)} independents",
        "rows": rows,
    }
