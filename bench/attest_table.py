"""Results of bench/attest.py as the tables of docs/attest.md.

python -m bench.attest_table HONEST.json ATTACKS.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

LINES = (
    ("seed", "first record"), ("start-direct", "start, directly"), ("start-by-chain", "start, by chain"),
    ("neighbours", "neighbours"), ("share", "start left"), ("layers", "layers"), ("strength", "strength"),
    ("steps", "steps"), ("pace", "jumps"), ("path", "path"), ("log", "log"),
)  # fmt: skip
OUTCOMES = (
    ("contradicted", "contradicted"), ("unexplained", "unexplained"), ("start-not-proven", "start not proven"),
    ("start-known", "start known"), ("start-proven", "start proven"),
)  # fmt: skip
HEAD = (
    "shape", "Σ lr·wd", "runs", "p ≤ 1e-9", "weakest p, log10", *(name for _, name in OUTCOMES), "events right",
    "share apart, at most", "pace, at most",
)  # fmt: skip
SIGNS = {"contradicted": "✗", "unexplained": "?", "proven": "✓", "not-proven": "–"}


def attack_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """What came of the chains of each attack, and how many each line contradicts, leaves unexplained, proves or does not prove."""
    head = ["attack", "chains", *(name for _, name in OUTCOMES), *(name for _, name in LINES)]
    out = [head, ["---"] * len(head)]
    for case in dict.fromkeys(r["case"] for r in rows):
        own = [r for r in rows if r["case"] == case]
        out.append([case, str(len(own)), *_outcomes(own), *(_cell(own, line) for line, _ in LINES)])
    return "\n".join(f"| {' | '.join(line)} |" for line in out)


def _outcomes(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    counts = [sum(r["outcome"] == outcome for r in rows) for outcome, _ in OUTCOMES]
    return [str(count) if count else " " for count in counts]


def _cell(rows: Sequence[Mapping[str, Any]], line: str) -> str:
    counts = {state: sum(r["lines"].get(line) == state for r in rows) for state in SIGNS}
    return " ".join(f"{SIGNS[state]}{count}" for state, count in counts.items() if count) or " "


def honest_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Honest runs by shape and decay."""
    out = [list(HEAD)]
    out.append(["---"] * len(out[0]))
    for shape in dict.fromkeys(r["shape"] for r in rows):
        for decays in (False, True):
            own = [r for r in rows if r["shape"] == shape and r["decays"] is decays]
            if not own:
                continue
            proven = [r["log10_p"] for r in own if r["log10_p"] is not None and r["log10_p"] <= -9]
            sums = [r["decay_sum"] for r in own]
            out.append([
                shape, f"{min(sums)}-{max(sums)}", str(len(own)), str(len(proven)), f"{max(proven, default=0.0):.0f}",
                *_outcomes(own), str(sum(bool(r["events_right"]) for r in own)),
                f"{max(r['share_apart'] for r in own):.3f}", f"{max(r['pace'] for r in own):.2f}",
            ])  # fmt: skip
    return "\n".join(f"| {' | '.join(line)} |" for line in out)


def main() -> None:
    """Both tables, on stdout."""
    honest, attacks = (json.loads(Path(p).read_text("utf-8"))["rows"] for p in sys.argv[1:3])
    print(honest_table(honest), attack_table(attacks), sep="\n\n")


if __name__ == "__main__":
    main()
