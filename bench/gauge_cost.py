"""What looking through a rewriting costs: whole processes of the command line, on a real 135M model and on 7B shapes.

    python -m bench.gauge_cost small --gguf FILE -o bench/results/gauge-cost-135m.json
    python -m bench.gauge_cost large --folder SCRATCH -o bench/results/gauge-cost-7b.json

Seconds are of the processor (user and system) and of the wall; the machine is shared, so the first is the steadier one.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.build import machine
from bench.checkpoint import write_json
from bench.gauge_large import SEVEN_BILLION, Drawn, Rewritten, Size, write
from bench.real_base import FOLDER, build_base
from forebear.comparison.reading.pair import spread
from forebear.recipes.steps.compose import reparameterise
from forebear.recipes.steps.model import Model

SMALL = Size(30, 576, 1536, 9, 49152)
WHOLE_LAYERS = 8
"""Layers of a 7B shape that hold every value: the first ones in the order in which a comparison takes layers."""
STRANGER_LAYERS = 6
"""The same of the one that shares nothing: more than a budget of one gigabyte pays for, which is five."""
COMMAND = """
import atexit, os, pathlib
status = pathlib.Path("/proc/self/status")
atexit.register(lambda: pathlib.Path(os.environ["STATUS_AT_END"]).write_text(status.read_text() if status.exists() else ""))
from forebear.cli import main
main()
"""
"""The command line, which leaves word of its own peak: what the system says of a child counts its parent's memory too."""


def measured(subject: Path, candidate: Path, *words: str) -> dict[str, Any]:
    """One `forebear compare` as a process of its own: what it cost and what it found."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "d.json"
        command = [
            sys.executable,
            "-c",
            COMMAND,
            "compare",
            str(subject),
            str(candidate),
            "--format",
            "json",
            "-o",
            str(out),
        ]
        began = time.perf_counter()
        environment = {**os.environ, "STATUS_AT_END": f"{scratch}/status"}
        process = subprocess.Popen(
            [*command, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment
        )
        error = process.stderr.read() if process.stderr else b""
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        if os.waitstatus_to_exitcode(status):
            raise SystemExit(error.decode())
        document = json.loads(out.read_text("utf-8"))
        own = re.search(r"VmHWM:\s*(\d+) kB", Path(environment["STATUS_AT_END"]).read_text("utf-8"))
    peak = int(own[1]) if own else usage.ru_maxrss
    views = [e for e in document["evidence"] if e["test"] == "two-views"]
    row = {
        "options": list(words), "relation": document["verdict"]["relation"],
        "reparameterised": document["verdict"]["reparameterised"],
        "processor_seconds": round(usage.ru_utime + usage.ru_stime, 1), "wall_seconds": round(wall, 1),
        "peak_mb": round(peak / 1024), "load": round(os.getloadavg()[0], 1),
        "subject_bytes": document["read"]["subject_bytes"], "candidate_bytes": document["read"]["candidate_bytes"],
        "views": [{k: e.get(k) for k in ("matched", "of", "by_layer", "mismatched_mean", "log10_p", "decides")} for e in views],
        "left_out": [s for s in document["limits"] if s["key"] == "limit.budget"],
    }  # fmt: skip
    print({k: v for k, v in row.items() if k != "left_out"}, file=sys.stderr, flush=True)
    return row


def small(gguf: Path, folder: Path) -> list[dict[str, Any]]:
    """The real model rewritten by every move, against its own GGUF; a drawn model of its shape, against the same."""
    base = build_base(gguf)
    rows = []
    for seed in range(2):
        subject = reparameterise(Model.load(base), f"cost/{seed}").save(folder / f"rewritten-{seed}")
        rows.append({"pair": "rewritten by every move", "seed": seed} | measured(subject, gguf))
        shutil.rmtree(subject)
    for seed in range(1):
        drawn = write(
            Drawn(Model.load(base).arrays, SMALL, f"stranger/{seed}"), folder / f"drawn-{seed}", range(SMALL.layers)
        )
        rows.append({"pair": "drawn from its spectra", "seed": seed} | measured(drawn, gguf))
        shutil.rmtree(drawn)
    return rows


def large(folder: Path, noise: float, keep: bool) -> list[dict[str, Any]]:
    """A drawn 7B shape against itself, noised and rewritten, and against another drawn one."""
    arrays = Model.load(FOLDER / "smollm2-135m").arrays
    order = list(spread(SEVEN_BILLION.layers))
    drawn = Drawn(arrays, SEVEN_BILLION, "base")
    base = write(drawn, folder / "base", order[:WHOLE_LAYERS])
    rows = []
    for word, subject, layers in (
        (f"noise of {noise:g}, then rewritten", Rewritten(drawn, noise, "subject"), WHOLE_LAYERS),
        ("drawn from the same spectra", Drawn(arrays, SEVEN_BILLION, "stranger"), STRANGER_LAYERS),
    ):
        path = write(subject, folder / "subject", order[:layers])
        rows.append({"pair": word, "whole_layers": sorted(order[:layers])} | measured(path, base))
        if not keep:
            shutil.rmtree(path)
    if not keep:
        shutil.rmtree(base)
    return rows


def main() -> int:
    """Measure and write one document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("small", "large"))
    parser.add_argument("--gguf", type=Path)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--noise", type=float, default=0.3)
    parser.add_argument("--keep", action="store_true", help="leave the made checkpoints in the folder")
    parser.add_argument("--commit", default="", help="the commit the code is a copy of")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    by_size = {
        "small": lambda: small(options.gguf, options.folder),
        "large": lambda: large(options.folder, options.noise, options.keep),
    }
    rows = by_size[options.what]()
    made = {"schema": "forebear-bench/gauge-cost/1", "machine": machine(), "commit": options.commit, "rows": rows}
    write_json(options.output, made)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
