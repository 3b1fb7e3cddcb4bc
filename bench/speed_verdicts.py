"""What a verdict costs: a relative beside pairs that share nothing, command line beside Python, this code beside an earlier copy.

    python -m bench.speed_verdicts --pair NAME SUBJECT CANDIDATE ... [--before FOLDER] [--python] [--busy N] [--rounds N] -o FILE

The first pair is the relative that ratios are made to. --before: a folder that holds an earlier `forebear` package. --python:
the verb from Python, numpy loaded by the caller, besides the command line. --busy: processes that only count, meanwhile.
Whole processes, the commands in turn in one run. Documents of this code and the earlier one are compared field by field.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.build import machine
from bench.checkpoint import write_json
from bench.speed import one_run

BUSY = "while True: pass"
COMMAND = "import sys; sys.path.insert(0, sys.argv.pop(1)); from forebear.cli import main; main()"
VERB = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); import numpy, forebear; from pathlib import Path\n"
    "from forebear.core.documents import canonical_json\n"
    "made = forebear.compare(sys.argv[1], [sys.argv[2]]); Path(sys.argv[3]).write_bytes(canonical_json(made))"
)
HERE = Path(__file__).resolve().parent.parent


@contextmanager
def beside(count: int) -> Iterator[None]:
    """So many processes that keep a core busy."""
    running = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def differences(a: Any, b: Any, where: str = "") -> list[str]:
    """Places in two documents that differ, what was spent and said of it aside."""
    if isinstance(a, dict) and isinstance(b, dict):
        return [d for k in sorted({*a, *b} - {"read"}) for d in differences(a.get(k), b.get(k), f"{where}/{k}")]
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return [d for i, (x, y) in enumerate(zip(a, b, strict=True)) for d in differences(x, y, f"{where}/{i}")]
    return [] if a == b else [where]


def measured(runs: dict[str, list[str]], rounds: int) -> dict[str, dict[str, Any]]:
    """Every command in turn, so many times over: what disturbs the machine for a while disturbs them all."""
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, command in runs.items():
            found[name].append(one_run(command))
            print(name, [round(v, 2) for v in found[name][-1]], os.getloadavg()[0], file=sys.stderr, flush=True)
    return {
        name: {
            "best_seconds": round(min(r[0] for r in rows), 2),
            "median_seconds": round(sorted(r[0] for r in rows)[len(rows) // 2], 2),
            "processor_seconds": round(min(r[1] for r in rows), 2),
            "peak_mb": round(max(r[2] for r in rows)),
        }
        for name, rows in found.items()
    }


def commands(options: argparse.Namespace, scratch: Path) -> dict[str, list[str]]:
    """Name -> command: pair, code, way of asking."""
    made = {}
    for name, subject, candidate in options.pair:
        for code, folder in (("now", HERE), ("before", options.before)):
            if folder is not None:
                out = scratch / f"{name}-{code}.json"
                asked = ["compare", subject, candidate, "--format", "json", "-o", str(out)]
                made[f"{name}, command line, {code}"] = [sys.executable, "-P", "-c", COMMAND, str(folder), *asked]
                if options.python:
                    words = [str(folder), subject, candidate, str(out)]
                    made[f"{name}, Python, {code}"] = [sys.executable, "-P", "-c", VERB, *words]
    return made


def main() -> int:
    """Measure, compare the documents and write one document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pair", nargs=3, action="append", required=True, metavar=("NAME", "SUBJECT", "CANDIDATE"))
    parser.add_argument("--before", type=Path)
    parser.add_argument("--python", action="store_true")
    parser.add_argument("--busy", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--commit", default="", help="the commits of this code and of the earlier one")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch, beside(options.busy):
        figures = measured(commands(options, Path(scratch)), options.rounds)
        documents = {p.stem: json.loads(p.read_text("utf-8")) for p in sorted(Path(scratch).iterdir())}
    changed = {
        name: differences(documents[f"{name}-before"], documents[f"{name}-now"])
        for name, _, _ in options.pair
        if f"{name}-before" in documents
    }
    first = figures[f"{options.pair[0][0]}, command line, now"]
    kinds = ("best_seconds", "median_seconds", "processor_seconds")
    document = {
        "schema": "forebear-bench/speed-verdicts/1", "machine": machine(), "commit": options.commit,
        "rounds": options.rounds, "busy": options.busy, "load": [round(load, 1), round(os.getloadavg()[0], 1)],
        "relations": {name: found["verdict"]["relation"] for name, found in documents.items()},
        "figures": figures, "differ_from_before": changed,
        "ratio_to_the_relative": {n: {k: round(f[k] / first[k], 2) for k in kinds} for n, f in figures.items()},
    }  # fmt: skip
    write_json(options.output, document)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
