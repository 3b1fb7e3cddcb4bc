"""Gauge fixing measured (METHODS §9): rewritten descendants found, independents and strata not, as found/n with intervals.

    python -m bench.gauge --shape llama64 --part related chains --pairs 300 --commit COMMIT -o FILE

Pairs go straight to gauge fixing, whatever their raw coordinates show, so that its own null and power are seen; the part `moves`
asks the public verb. Rows are kept as they come, by a digest of the code: a run that is killed goes on where it stopped.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np

from bench.build import machine
from bench.checkpoint import write_json
from bench.corpus import HERE, WORK
from bench.gauge_rows import PARTS, Row

ROOMS = ("comparison", "core", "files", "models", "stats", "tokens")


def code_digest() -> str:
    """Changes when the code that is measured, or the rows, change."""
    whole = hashlib.sha256()
    paths = [p for room in ROOMS for p in (HERE.parent / "forebear" / room).rglob("*") if p.suffix in (".py", ".toml")]
    for path in sorted([*paths, HERE / "gauge_rows.py", HERE / "gauge_models.py"]):
        whole.update(path.name.encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()[:12]


def wilson(found: int, of: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson)."""
    if not of:
        return 0.0, 1.0
    z, share = 1.959964, found / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return max(0.0, middle - half), min(1.0, middle + half)


def summary(rows: list[Row], key: str) -> list[Row]:
    """Found of n with its interval, by the values of a key, with the worst figures seen; refused rows are left out."""
    out = []
    for value in dict.fromkeys(r.get(key) for r in rows):
        mine = [r for r in rows if r.get(key) == value and "decided" in r]
        if not mine:
            continue
        count = sum(r["decided"] for r in mine)
        low, high = wilson(count, len(mine))
        line: Row = {key: value, "called": count, "of": len(mine), "low": round(low, 4), "high": round(high, 4)}
        out.append(line | _worst([r for r in mine if r.get("ran")]) | _maps(mine))
    return out


def _worst(ran: list[Row]) -> Row:
    if not ran:
        return {}
    return {
        "most_per_layer": max(max(r["by_layer"]) for r in ran),
        "least_share": min(round(r["matched"] / r["of"], 3) for r in ran),
        "most_matched": max(r["matched"] for r in ran),
        "all_neurons": sum(r["matched"] == r["of"] for r in ran),
        "most_mismatched": max(r["mismatched"] or 0.0 for r in ran),
        "mean_mismatched": round(float(np.mean([r["mismatched"] or 0.0 for r in ran])), 3),
    }


def _maps(rows: list[Row]) -> Row:
    words = ("pairs_right", "every_layer_right", "experts_right")
    return {w: sum(bool(r.get(w)) for r in rows) for w in words if any(w in r for r in rows)}


def found_among_plain(rows: list[Row]) -> Row:
    """Of the operations whose plain form is found, how many are found after moves: alone, and all together; and the misses."""
    plain = {r["operation"] for r in rows if r["move"] == "none" and r.get("decided")}
    asked = [r for r in rows if r["move"] != "none" and r["operation"] in plain and "decided" in r]
    lines: Row = {"operations": len(plain), "plain_not_found": sorted(
        {r["operation"] for r in rows if r["move"] == "none" and r.get("decided") is False})}  # fmt: skip
    for word, mine in (
        ("alone", [r for r in asked if r["move"] != "all moves"]),
        ("together", [r for r in asked if r["move"] == "all moves"]),
    ):
        count = sum(r["decided"] for r in mine)
        low, high = wilson(count, len(mine))
        lines[word] = {"found": count, "of": len(mine), "low": round(low, 4), "high": round(high, 4)}
    lines["missed"] = [{k: r.get(k) for k in ("operation", "move", "relation")} for r in asked if not r["decided"]]
    return lines


def measured(part: str, shape: str, most: int) -> list[Row]:
    """Every row of a part, from the log where it is there, made and logged where it is not."""
    log = WORK / "gauge-rows" / f"{shape}-{part}-{code_digest()}.jsonl"
    log.parent.mkdir(parents=True, exist_ok=True)
    known = {r["name"]: r for r in map(json.loads, log.read_text("utf-8").splitlines())} if log.exists() else {}
    rows = []
    for task in PARTS[part][0](shape, most):
        if task.name not in known:
            began = time.process_time()
            known[task.name] = {"name": task.name} | task.facts | task.run()
            known[task.name]["all_seconds"] = round(time.process_time() - began, 2)
            with log.open("a", encoding="utf-8") as out:
                out.write(json.dumps(known[task.name]) + "\n")
            _say(known[task.name])
        rows.append(known[task.name])
    return rows


def _say(row: Row) -> None:
    shown = {k: v for k, v in row.items() if k not in ("map", "seconds", "all_seconds", "name", "candidate")}
    print(" ".join(f"{k}={v}" for k, v in shown.items()), file=sys.stderr, flush=True)


def document(shape: str, most: int, parts: list[str], commit: str, before: dict[str, Any]) -> dict[str, Any]:
    """The measured parts of one shape; parts measured before at another commit stay, each with its own."""
    made = {**before, "schema": "forebear-bench/gauge/2", "shape": shape, "machine": machine()}
    for part in parts:
        rows = measured(part, shape, most)
        told: Row = {"commit": commit, "code": code_digest(), "summary": summary(rows, PARTS[part][1]), "rows": rows}
        if part == "moves":
            told["found"] = found_among_plain(rows)
        made[part] = told
    return made


def main() -> int:
    """Measure some parts of a shape and write them into its document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", required=True)
    parser.add_argument("--part", nargs="+", default=["related", "moves", "strangers"], choices=list(PARTS))
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--commit", default="", help="the commit the code is a copy of")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    before = json.loads(options.output.read_text("utf-8")) if options.output.exists() else {}
    before = before if before.get("schema") == "forebear-bench/gauge/2" else {}
    for part in options.part:  # written after each, so that a limit of time costs one part
        before = document(options.shape, options.pairs, [part], options.commit, before)
        write_json(options.output, before)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
