"""Candidates that anyone can build from a subject, so that a conversion of the candidate is the subject: is a direction told?

    python -m bench.preimages -o FILE [--count 100] [--only resaved ...]

Null hypothesis: the subject was not made from the candidate, which was built from it. Every one is asked both ways round without
dates, with dates in the wrong order, and with an earliest day alone for the candidate: all must be silent. Rows in FILE stay.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.build import machine
from bench.checkpoint import write_json
from forebear.models.checkpoint import open_checkpoint
from forebear.recipes.direction import Dated, directed
from forebear.recipes.rederive.whole import rederived
from tests.recipes.preimages import CONVERSIONS, preimage

FIRST = 3000
"""The first seed: those below were looked at by tests."""
EARLY, LATE = (Dated(date(2025, month, 1), date(2025, month, 1)) for month in (1, 2))
SINCE = (Dated(not_before=date(2025, 2, 1)), Dated(not_before=date(2025, 1, 1)))


def asked(op: str, seed: int) -> dict[str, Any]:
    """One built candidate: the grade of the conversion, and how many of the questions a direction was told to."""
    with TemporaryDirectory() as scratch:
        subject, candidate = (
            open_checkpoint(model.save(Path(scratch) / name)) for name, model in zip("xa", preimage(op, seed), strict=True)
        )
        found = rederived(subject, candidate)
        answers = [
            directed(one, other, found=found, dates=dates).answer
            for one, other, dates in (
                (subject, candidate, (Dated(), Dated())), (candidate, subject, (Dated(), Dated())),
                (subject, candidate, (EARLY, LATE)), (subject, candidate, SINCE),
            )
        ]  # fmt: skip
        subject.close()
        candidate.close()
    return {"op": op, "seed": seed, "grades": [one.grade for one in found], "told": sum(one != "not-shown" for one in answers)}


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """By conversion: how many were built, recomputed bit for bit, and told a direction."""
    return [
        {"op": op, "built": len(mine), "re_derived": sum(one["grades"] == ["re-derived"] for one in mine),
         "told_a_direction": sum(one["told"] > 0 for one in mine)}
        for op in dict.fromkeys(one["op"] for one in rows)
        for mine in [[one for one in rows if one["op"] == op]]
    ]  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    """Build, ask and write, after every ten."""
    parser = argparse.ArgumentParser(prog="bench.preimages", description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args(argv)
    rows = json.loads(given.output.read_text())["rows"] if given.output.exists() else []
    done = {(one["op"], one["seed"]) for one in rows}
    for seed in range(FIRST, FIRST + given.count):
        for op in given.only or CONVERSIONS:
            if (op, seed) not in done:
                rows.append(asked(op, seed))
        if seed % 10 == 9:
            write_json(given.output, {"machine": machine(), "lines": summary(rows), "rows": rows})
    write_json(given.output, {"machine": machine(), "lines": summary(rows), "rows": rows})
    return 0


if __name__ == "__main__":
    sys.exit(main())
