"""What a run found, from its state file and the files next to it, as bench/results/fuzz-TARGET.json."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from bench.fuzz.campaign import read_lines
from bench.fuzz.loop import GROWTH_MEGABYTES, LIMIT_BYTES, LIMIT_SECONDS
from bench.fuzz.target import find_target

RESULTS = Path(__file__).parent.parent / "results"
LARGEST_SHOWN = 4000
"""Bytes of an input, in base64, that a report still holds; larger ones are made again from their number."""


def write(state: Path, results: Path) -> int:
    """Write the report of one run; 1 when it has findings."""
    document = summary(state)
    (results / f"fuzz-{document['target']}.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    print(f"{document['target']}: {document['inputs']:,} inputs, {document['sound_share']:.0%} sound outer syntax, "
          f"{len(document['findings'])} kinds of finding", file=sys.stderr)  # fmt: skip
    return 1 if document["findings"] else 0


def summary(state: Path) -> dict[str, Any]:
    """The report of a state file; coverage and planted faults are taken from STATE's neighbours when they are there."""
    head, *blocks = read_lines(state)
    target = find_target(head["target"])
    inputs, checked = (sum(b[key] for b in blocks) for key in ("inputs", "checked"))
    seconds, size = (sum(b[key] for b in blocks) for key in ("seconds", "bytes"))
    sound = sum(b["sound"] for b in blocks) / max(1, checked)
    return {
        "schema": "forebear-bench/fuzz/1", "target": target.name, "reads": target.reads, "seed": head["seed"],
        "sources": {"generators": head["generators"], "readers": head["readers"]},
        "bounds": {"seconds": LIMIT_SECONDS, "for_bytes": LIMIT_BYTES, "megabytes": GROWTH_MEGABYTES},
        "inputs": inputs, "least": target.least, "enough": inputs >= target.least,
        "sound_share": round(sound, 4), "sound_share_over": checked,
        "accepted": sum(b["accepted"] for b in blocks), "refused": sum(b["refused"] for b in blocks),
        "mean_bytes": round(size / max(1, inputs), 1), "mean_milliseconds": round(1000 * seconds / max(1, inputs), 3),
        "growth_megabytes": max((b["growth_megabytes"] for b in blocks), default=0.0),
        "slowest": sorted((tuple(s) for b in blocks for s in b["slowest"]), reverse=True)[:5],
        "findings": findings(blocks),
        "warnings": sorted({w for b in blocks for w in b["warnings"]}),
        "coverage": _beside(state, "coverage"), "planted": _beside(state, "plant"),
    }  # fmt: skip


def findings(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each kind once, the most frequent first, with how often it came and its smallest input."""
    found: dict[str, dict[str, Any]] = {}
    for block in blocks:
        for kind, count in block["counts"].items():
            found.setdefault(kind, {"kind": kind, "count": 0, "size": None})["count"] += count
        for finding in block["findings"]:
            size = sum(map(len, finding["files"].values()))
            entry = found[finding["kind"]]
            if entry["size"] is None or size < entry["size"]:
                shown = finding["files"] if size <= LARGEST_SHOWN else {}
                entry |= {k: finding[k] for k in ("index", "message", "traceback")} | {"size": size, "files": shown}
    return sorted(found.values(), key=lambda entry: -entry["count"])


def _beside(state: Path, what: str) -> Any:
    path = state.with_suffix(f".{what}.json")
    return json.loads(path.read_text("utf-8")) if path.exists() else None
