"""Pairs compared by several processes: each reads a pair a line and answers with a document a line, JSON both ways."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Thread
from typing import IO, Any

from forebear.core.documents import freeze, thaw
from forebear.core.errors import ForebearError
from forebear.core.threads import usable_cores

MIN_PAIRS = 24
"""Below this many pairs starting a process costs more than it saves."""
MAX_WORKERS = 8
FAULT = "a process that compares pairs ended before it answered (perhaps out of memory)"

Document = Mapping[str, Any]
Found = tuple[Document | None, str | None]


def worker_count(pairs: int) -> int:
    """How many processes to start for this many pairs: 0 to compare in this one."""
    if pairs < MIN_PAIRS:
        return 0
    usable = usable_cores()
    return min(MAX_WORKERS, usable, pairs // (MIN_PAIRS // 2)) if usable > 1 else 0


def run_in_workers(pairs: Sequence[tuple[str, str]], options: Mapping[str, Any], workers: int) -> Iterator[Found]:
    """Each pair's document or the reason it has none, in order. A process that dies loses the pair it was on, no other.

    Raises: ForebearError when a fault of ours ended a comparison.
    """
    answers: list[Found | None] = [None] * len(pairs)
    waiting = iter(list(enumerate(pairs)))
    threads = [Thread(target=_serve, args=(waiting, options, answers), daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for at in range(len(pairs)):
        while answers[at] is None and any(thread.is_alive() for thread in threads):
            for thread in threads:
                thread.join(0.02)
                if answers[at] is not None:
                    break
        found = answers[at]
        if found is None:
            raise ForebearError("a pair was left out by its processes", todo="please report this")
        if found[1] is not None and found[1].startswith("fault: "):
            raise ForebearError(found[1].removeprefix("fault: "), todo="please report this")
        yield found


def _serve(
    waiting: Iterator[tuple[int, tuple[str, str]]], options: Mapping[str, Any], answers: list[Found | None]
) -> None:
    """One process at a time, a new one after each that died, until no pair is left."""
    process: subprocess.Popen[str] | None = None
    for at, pair in waiting:
        if process is None or process.poll() is not None:
            process = _start()
        answers[at] = _ask(process, pair, options)
        if answers[at] == (None, FAULT):
            process = None
    if process is not None and process.stdin is not None:
        process.stdin.close()
        process.wait()


def _start() -> subprocess.Popen[str]:
    """A worker with one thread of its own; it finds this very package."""
    root = str(Path(__file__).resolve().parents[3])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return subprocess.Popen(
        [sys.executable, "-m", "forebear.comparison.many.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, **one, "PYTHONPATH": os.pathsep.join(paths)},
    )


def _ask(process: subprocess.Popen[str], pair: tuple[str, str], options: Mapping[str, Any]) -> Found:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps({"pair": pair, "options": dict(options)}) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
    except OSError:
        line = ""
    if not line:
        process.wait()
        return None, FAULT
    answer = json.loads(line)
    if answer["document"] is None:
        return None, str(answer["error"])
    return freeze(answer["document"]), None


def serve(compare: Callable[[tuple[str, str], Mapping[str, Any]], Found], source: IO[str], target: IO[str]) -> None:
    """The other end: a line in, a line out, until the input ends."""
    for line in source:
        task = json.loads(line)
        left, right = task["pair"]
        document, error = compare((left, right), task["options"])
        target.write(json.dumps({"document": thaw(document), "error": error}) + "\n")
        target.flush()
