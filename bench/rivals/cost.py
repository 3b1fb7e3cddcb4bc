"""Seconds and megabytes of every rival in one run: whole processes, one after the other, the same pair."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bench.build import machine
from bench.checkpoint import save
from bench.corpus import WORK
from bench.methods.tools import TOOLS
from bench.rivals.entries import ENTRIES
from bench.shapes import Shape, initial
from forebear.core.seeds import generator

LARGE = Shape(layers=30, width=576, heads=9, kv_heads=3, neurons=1536, tied=True, vocabulary=49152)
"""Sizes of SmolLM2-135M. Weights are drawn, since only seconds and megabytes are read off."""
NOISE = 0.3
APART = "import json, sys; from bench.speed import one_run; print(json.dumps(one_run(sys.argv[1:])))"
"""A small process starts and measures a method: peak memory counts what the starting process held before."""


def large_pair(folder: Path) -> tuple[Path, Path]:
    """A pair of 270 MB a side in float16: the subject is the candidate with noise."""
    base = initial(LARGE, 1)
    rng = generator("bench/rivals/cost")
    near = {n: (a + NOISE * a.std() * rng.standard_normal(a.shape, dtype=np.float32)) for n, a in base.items()}
    for name, arrays in (("subject", near), ("candidate", base)):
        save(folder / name, arrays, LARGE, "float16")
    return folder / "subject", folder / "candidate"


def command(method: str, subject: Path, candidate: Path) -> list[str]:
    """What a person would type: the tools' and forebear's own command, else the formula in a Python of its own."""
    if method in TOOLS:
        tool = TOOLS[method]
        return [str(tool.folder / "bin" / tool.command), "compare", str(subject), str(candidate), *tool.words]
    if method == "forebear":
        return [sys.executable, "-m", "forebear", "compare", str(subject), str(candidate)]
    return [sys.executable, "-m", "bench.rivals.one", method, str(subject), str(candidate)]


def measured(subject: Path, candidate: Path) -> dict[str, Any]:
    """Method -> processor and wall seconds and peak megabytes, or why it did not run."""
    found: dict[str, Any] = {}
    for method in dict.fromkeys(entry.method for entry in ENTRIES):
        if method in TOOLS and not TOOLS[method].interpreter.exists():
            found[method] = {"not_run": f"{TOOLS[method].requirement} is not installed"}
            continue
        done = subprocess.run([sys.executable, "-c", APART, *command(method, subject, candidate)],
                              capture_output=True, text=True, check=False,
                              env=TOOLS[method].surroundings if method in TOOLS else None)  # fmt: skip
        if done.returncode:
            found[method] = {"not_run": "ended with an error on this pair"}
            continue
        wall, processor, megabytes = json.loads(done.stdout)
        found[method] = {"seconds": round(processor, 1), "wall": round(wall, 1), "mb": round(megabytes)}
        print(method, found[method], file=sys.stderr, flush=True)
    return found


def document(subject: Path, candidate: Path, large: bool) -> dict[str, Any]:
    """A pair of llama64, where starting a process is most of it; with `large` one of 135 million parameters instead."""
    os.environ["OMP_NUM_THREADS"] = "1"
    WORK.mkdir(parents=True, exist_ok=True)
    made = {"schema": "forebear-bench/rivals-cost/1", "machine": machine()}
    if not large:
        return made | {"pair": "a pair of llama64, 1 MB a side", "methods": measured(subject, candidate)}
    with TemporaryDirectory(dir=WORK) as scratch:
        found = measured(*large_pair(Path(scratch)))
    return made | {"pair": "a pair of the sizes of SmolLM2-135M, 270 MB a side", "methods": found}
