"""Pairs compared by several processes: each reads a pair a line and answers with a document a line, JSON both ways."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import IO, Any

from forebear.core.documents import freeze, thaw
from forebear.core.errors import ForebearError, Reason
from forebear.core.messages import message
from forebear.core.output import State, inputs, note_input
from forebear.core.stopping import Child, child
from forebear.core.threads import usable_cores

MIN_PAIRS = 24
"""Below this many pairs starting a process costs more than it saves."""
MAX_WORKERS = 8
FAULT = Reason(
    "a process that compares pairs ended before it answered (perhaps out of memory)", message("refused.process")
)

Document = Mapping[str, Any]
Found = tuple[Document | None, Reason | None]


def worker_count(pairs: int) -> int:
    """How many processes to start for this many pairs: 0 to compare in this one."""
    if pairs < MIN_PAIRS or not sys.executable:
        return 0
    usable = usable_cores()
    return min(MAX_WORKERS, usable, pairs // (MIN_PAIRS // 2)) if usable > 1 else 0


def run_in_workers(
    pairs: Sequence[tuple[str, str]], options: Mapping[str, Any], workers: int
) -> Generator[Found, None, None]:
    """Each pair's document or the reason it has none, in order. A process that dies loses the pair it was on, no other.

    Where the caller stops early (an interrupt) every process is ended.
    Raises: ForebearError when a fault of ours ended a comparison.
    """
    answers: list[Found | None] = [None] * len(pairs)
    waiting = deque(enumerate(pairs))
    crew: list[Child] = []
    threads = [Thread(target=_serve, args=(waiting, options, answers, crew), daemon=True) for _ in range(workers)]
    try:
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
            if found[1] is not None and found[1].english.startswith("fault: "):
                raise ForebearError(found[1].english.removeprefix("fault: "), todo="please report this")
            yield found
    finally:
        waiting.clear()
        for process in list(crew):
            process.kill()


def _serve(
    waiting: deque[tuple[int, tuple[str, str]]],
    options: Mapping[str, Any],
    answers: list[Found | None],
    crew: list[Child],
) -> None:
    """One process at a time, a new one after each that died, until no pair is left."""
    if hasattr(signal, "pthread_sigmask"):
        # what is started here starts with it blocked: Ctrl-C reaches every process of a terminal, and the first one ends all
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    while waiting:
        with _started(crew) as process:
            _serve_with(process, waiting, options, answers)


@contextmanager
def _started(crew: list[Child]) -> Iterator[subprocess.Popen[str]]:
    """A worker that ends with the block, and with this process where that is stopped."""
    process = _start()
    crew.append(process)
    try:
        with child(process):
            yield process
    finally:
        crew.remove(process)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):  # what a dead process was still to be sent
                if pipe is not None:
                    pipe.close()


def _serve_with(
    process: subprocess.Popen[str],
    waiting: deque[tuple[int, tuple[str, str]]],
    options: Mapping[str, Any],
    answers: list[Found | None],
) -> None:
    """Pairs answered by one process, until none is left or it dies."""
    while process.poll() is None:
        try:
            at, pair = waiting.popleft()
        except IndexError:  # another thread took the last one
            return
        answers[at] = _ask(process, pair, options)


def _start() -> subprocess.Popen[str]:
    """A worker with one thread of its own; it finds this very package, and nothing in the folder it runs in."""
    path = json.dumps([module_path(), str(Path(__file__).resolve().parents[3])])
    return subprocess.Popen(
        [sys.executable, *_flags(), str(Path(__file__).resolve().parents[1] / "worker_start.py"), path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=_environment(),
    )


def _flags() -> list[str]:
    """How Python was started here as to where modules come from, and in any case without the current folder (-P)."""
    if sys.flags.isolated:
        return ["-I"]
    return ["-P", *(["-E"] if sys.flags.ignore_environment else []), *(["-s"] if sys.flags.no_user_site else [])]


def module_path() -> list[str]:
    """`sys.path` less the current folder, by whatever name it is there, and less what depends on it."""
    return [path for path in sys.path if isinstance(path, str) and not _is_current(path)]


def _is_current(path: str) -> bool:
    """Whether a folder of modules is the current one, or relative to it."""
    try:
        return not os.path.isabs(path) or os.path.samefile(path, os.curdir)
    except OSError:  # one of them does not exist
        return False


def _environment() -> dict[str, str]:
    """The environment of a worker: one thread, and a PYTHONPATH from which the start of Python takes nothing of this folder."""
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return {**os.environ, **one, "PYTHONPATH": os.pathsep.join(path for path in given if not _is_current(path))}


def _ask(process: subprocess.Popen[str], pair: tuple[str, str], options: Mapping[str, Any]) -> Found:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps({"pair": pair, "options": dict(options)}) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
    except OSError:
        line = ""
    if not line.endswith("\n"):
        process.wait()
        return None, FAULT
    answer = json.loads(line)
    for device, inode, size, changed in answer["read"]:
        note_input((device, inode, size, changed))
    if answer["document"] is None:
        return None, Reason(str(answer["error"]), answer["why"])
    return freeze(answer["document"]), None


def serve(compare: Callable[[tuple[str, str], Mapping[str, Any]], Found], source: IO[str], target: IO[str]) -> None:
    """The other end: a line in, a line out, until the input ends; then the process ends, even in the middle of a pair."""
    tasks: SimpleQueue[str] = SimpleQueue()
    Thread(target=_listen, args=(source, tasks), daemon=True).start()
    seen: frozenset[State] = frozenset()
    while True:
        task = json.loads(tasks.get())
        left, right = task["pair"]
        document, error = compare((left, right), task["options"])
        read, seen = inputs() - seen, inputs()
        try:
            why = {"error": None, "why": None} if error is None else {"error": error.english, "why": thaw(freeze(error.said))}
            target.write(json.dumps({"document": thaw(document), **why, "read": sorted(read)}) + "\n")
            target.flush()
        except OSError:  # nobody reads it any more
            os._exit(0)


def _listen(source: IO[str], tasks: SimpleQueue[str]) -> None:
    for line in source:
        tasks.put(line)
    os._exit(0)  # whoever asked has gone, or has all the answers
