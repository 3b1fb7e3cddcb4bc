"""Prints of many small checkpoints by Ray beside the plain loop; a worker killed in the middle; the command killed and given again.

    python -m bench.library_ray [--models 200]

The checkpoints are llamas of random weights. Seconds are wall seconds of a machine that is shared, so each way is tried in turn.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench.checkpoint import save
from bench.library import write
from bench.provenance import code
from bench.shapes import SHAPES, parameters
from forebear.core.seeds import generator
from forebear.engines.ray import cluster, made
from forebear.engines.work import print_packed
from forebear.library.adding import Wanted, add_all
from forebear.library.local_store import LocalStore

FORM = SHAPES["llama64"].sized(width=96, neurons=264)
"""About 2 MB a checkpoint."""


def models(folder: Path, count: int) -> list[str]:
    """Checkpoints of random weights."""
    paths = []
    for number in range(count):
        rng = generator("bench/library/ray", str(number))
        arrays = {name: rng.normal(0, 0.02, dims).astype(np.float32) for name, (dims, _) in parameters(FORM).items()}
        save(folder / f"m{number:03d}", arrays, FORM)
        paths.append(str(folder / f"m{number:03d}"))
    return paths


def alike(one: LocalStore, other: LocalStore) -> bool:
    """Whether two libraries hold the same prints, content by content."""
    idents = list(one.idents())
    return idents == list(other.idents()) and all(one.get(i).content() == other.get(i).content() for i in idents)


def outcomes(rows: list[dict[str, Any]]) -> dict[str, int]:
    """How many rows came to what."""
    return {word: sum(row["outcome"] == word for row in rows) for word in sorted({row["outcome"] for row in rows})}


def main(words: list[str] | None = None) -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser("python -m bench.library_ray", description=__doc__)
    parser.add_argument("--models", type=int, default=200)
    options = parser.parse_args(words)
    stated = code()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = models(folder / "models", options.models)
        size = Path(paths[0], "model.safetensors").stat().st_size
        body: dict[str, Any] = {"models": len(paths), "megabytes_each": round(size / 1e6, 1)}
        print(body, flush=True)
        plain = LocalStore(folder / "plain", make=True)
        began = time.perf_counter()
        add_all(plain, paths, Wanted())
        body["plain_seconds"] = round(time.perf_counter() - began, 2)
        began = time.perf_counter()
        with cluster("bench"):
            body["start_seconds"] = round(time.perf_counter() - began, 2)
            body |= by_ray(folder, paths, plain)
        body |= stopped(folder, paths, plain)
    body["plain_over_ray"] = round(body["plain_seconds"] / body["ray_seconds"], 3)
    print(body)
    write("library-ray", body, stated)
    return 0


def by_ray(folder: Path, paths: list[str], plain: LocalStore) -> dict[str, Any]:
    """The whole list by workers; then again into another library, with the worker of the middle item killed."""
    store = LocalStore(folder / "ray", make=True)
    add_all(LocalStore(folder / "warm", make=True), paths[:4], Wanted(), made)
    began = time.perf_counter()
    rows = add_all(store, paths, Wanted(), made)
    seconds = round(time.perf_counter() - began, 2)
    mark, middle = folder / "killed", paths[len(paths) // 2]

    def work(path: str, wanted: Wanted) -> dict[str, Any]:
        if path == middle and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return print_packed(path, wanted)

    killed = LocalStore(folder / "worker", make=True)
    again = add_all(killed, paths, Wanted(), partial(made, work=work))
    return {"ray_seconds": seconds, "ray": outcomes(rows), "ray_alike": alike(store, plain), "worker_killed": mark.exists(),
            "after_a_killed_worker": outcomes(again), "killed_alike": alike(killed, plain)}  # fmt: skip


def stopped(folder: Path, paths: list[str], plain: LocalStore) -> dict[str, Any]:
    """The command killed with SIGKILL when a third is done, then given again."""
    listed = folder / "list.txt"
    listed.write_text("\n".join(paths), "utf-8")
    into = folder / "stopped"
    command = [sys.executable, "-m", "forebear", "library", "add", "--from-list", str(listed)]
    command += ["--into", str(into), "--engine", "ray"]
    first = subprocess.Popen([*command, "--quiet"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0)
    while first.poll() is None and (not (into / "catalogue.sqlite").exists() or LocalStore(into).count() < len(paths) // 3):
        time.sleep(0.2)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    done = LocalStore(into).count()
    second = subprocess.run([*command, "--quiet"], capture_output=True, text=True, check=False)
    print(second.stderr[-300:], flush=True)
    return {"done_when_killed": done, "exit_of_second": second.returncode, "models_after_second": LocalStore(into).count(),
            "stopped_alike": alike(LocalStore(into), plain), "wrong_after_stop": len(LocalStore(into).verify())}  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
