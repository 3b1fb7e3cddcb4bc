"""Builds the plan: resumable after a kill, a few processes side by side, one folder and one record a model."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from bench.checkpoint import digest, load, save, write_json
from bench.corpus import WORK, stream, unigram_entropy
from bench.corpus import digest as corpus_digest
from bench.rewrites import REWRITES
from bench.shapes import SHAPES, Floats, Shape, initial
from bench.training import Report, held_out_loss, train
from bench.truth import Job

TRUTH = WORK / "truth"
RESULTS = Path(__file__).parent / "results"


def make(job: Job, root: Path = TRUTH) -> dict[str, Any]:
    """Makes one model and its record under root/<id>. Its parent must be there.

    Returns: the record (a line of the manifest).
    Raises:  FileNotFoundError if the parent is missing.
    """
    arrays, shape, report, tokenizer = _trained(job, root)
    record = {
        "id": job.id,
        "job": job.as_dict(),
        "held_out_loss": round(report.loss, 4),
        "unigram_entropy": round(report.unigram_entropy, 4),
        "good": report.good,
        "processor_seconds": round(report.seconds, 2),
        "tokens": report.tokens,
    }
    folder = root / job.id
    save(folder, arrays, shape, record=record, tokenizer=tokenizer)
    record["sha256"] = digest(folder)
    partial = folder / f"record.{os.getpid()}.partial"
    write_json(partial, record)
    os.replace(partial, folder / "record.json")
    return record


def _trained(job: Job, root: Path) -> tuple[dict[str, Floats], Shape, Report, bytes | None]:
    shape = SHAPES[job.shape]
    if job.kind == "rewrite":
        return *_rewritten(job, root), None
    if job.kind == "grown":
        return _grown(job, root)
    if job.kind == "further":
        arrays, report = train(shape, load(root / job.parent)[0], job.course)
    else:
        teacher = load(root / job.parent) if job.kind == "student" else None
        arrays, report = train(shape, initial(shape, job.seed, job.init), job.course, teacher)
    return arrays, shape, report, None


def _rewritten(job: Job, root: Path) -> tuple[dict[str, Floats], Shape, Report]:
    shape, began = SHAPES[job.shape], time.process_time()
    arrays = REWRITES[job.rewrite](load(root / job.parent)[0], shape)
    loss = held_out_loss({n: torch.from_numpy(a) for n, a in arrays.items()}, shape)
    entropy = unigram_entropy(stream("main", "held-out"))
    return arrays, shape, Report(loss, entropy, time.process_time() - began, 0)


def _grown(job: Job, root: Path) -> tuple[dict[str, Floats], Shape, Report, bytes | None]:
    from bench.operations import derive, named

    with TemporaryDirectory() as scratch:
        derive(root / job.parent, Path(scratch), named(job.operation), "plain", job.seed)
        start, shape = load(Path(scratch))
        tokenizer = (Path(scratch) / "tokenizer.json").read_bytes()
    arrays, report = train(shape, start, job.course)
    return arrays, shape, report, tokenizer


def finished(job: Job, root: Path = TRUTH) -> dict[str, Any] | None:
    """The record of a model that is there, made by this very job and with its digest noted; otherwise None."""
    try:
        record: dict[str, Any] = json.loads((root / job.id / "record.json").read_text("utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return record if record.get("job") == job.as_dict() and "sha256" in record else None


def build(jobs: list[Job], workers: int = 2, root: Path = TRUTH, quiet: bool = False) -> list[dict[str, Any]]:
    """Makes what is missing, parents before children; what is there stays. Progress on stderr.

    Returns: one record a job, in the order of the plan.
    Raises:  the first error of a worker, after the running ones end.
    """
    records = {j.id: r for j in jobs if (r := finished(j, root))}
    waiting = [j for j in jobs if j.id not in records]
    running: dict[Future[dict[str, Any]], Job] = {}
    began, total = time.monotonic(), len(jobs)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_one_thread) as pool:
        while waiting or running:
            ready = [j for j in waiting if not j.parent or j.parent in records]
            for job in ready[: max(0, workers - len(running))]:
                waiting.remove(job)
                running[pool.submit(make, job, root)] = job
            if not running:
                raise ValueError(f"no parent in the plan for {waiting[0].id}")
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                record = done.result()
                records[running.pop(done).id] = record
                if not quiet:
                    _say(record, len(records), total, time.monotonic() - began)
    return [records[j.id] for j in jobs]


def _one_thread() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)


def _say(record: dict[str, Any], done: int, total: int, seconds: float) -> None:
    mark = "" if record["good"] else "  BELOW THE FLOOR"
    print(
        f"{done}/{total} {seconds:7.0f} s  {record['id']}  loss {record['held_out_loss']:.3f}"
        f" (entropy {record['unigram_entropy']:.3f}){mark}",
        file=sys.stderr,
        flush=True,
    )


def machine() -> dict[str, str]:
    """Kind of machine and versions, for every committed result: what bit-for-bit depends on."""
    return {
        "machine": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": str(torch.__version__),
        "processor": _processor(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")


def manifest(records: list[dict[str, Any]]) -> dict[str, Any]:
    """The manifest document: every model's seed, course, loss, seconds, digest; shapes; text; machine."""
    seconds = sum(r["processor_seconds"] for r in records)
    shapes = {r["job"]["shape"] for r in records}
    return {
        "schema": "forebear-bench/manifest/1",
        "machine": machine(),
        "corpus_sha256": corpus_digest(),
        "shapes": {name: asdict(SHAPES[name]) for name in sorted(shapes)},
        "models": records,
        "processor_seconds": round(seconds, 1),
        "below_the_floor": [r["id"] for r in records if not r["good"]],
    }


def again(jobs: list[Job], count: int, scratch: Path, root: Path = TRUTH) -> list[str]:
    """Rebuilds `count` evenly spread models beside the first build; returns the ids whose digest differs."""
    chosen = [j for j in jobs if j.kind == "train"]
    chosen = chosen[:: max(1, len(chosen) // count)][:count]
    different = []
    for job in chosen:
        record = finished(job, root)
        if record is None or make(job, scratch)["sha256"] != record["sha256"]:
            different.append(job.id)
    return different


__all__ = ["RESULTS", "TRUTH", "again", "build", "finished", "machine", "make", "manifest"]
