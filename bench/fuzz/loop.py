"""One block of inputs thrown at a target: what came back, how long it took, how much memory it left in use."""

from __future__ import annotations

import base64
import gc
import resource
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from types import FrameType
from typing import Any

from bench.fuzz.target import SEED, Files, Target
from forebear.core.errors import ForebearError

LIMIT_SECONDS = 2.0
"""Most processor time of an input of up to LIMIT_BYTES; a larger one may take as much more as it is larger."""
LIMIT_BYTES = 100_000
STOPPED = 10
"""An input is stopped at this many times its limit, so that a run goes on after one that never ends."""
WAITED = 300
"""Seconds by the wall clock after which an input is stopped that waits and uses no processor time (a pipe, a lock)."""
GROWTH_MEGABYTES = 256
ONE_INPUT_MEGABYTES = 128
"""Growth of the process's peak by one input from which it is a finding."""
CHECKED_EVERY = 16
"""Every so many inputs the share that passes the outer syntax is counted."""
KEPT = 3
"""Inputs kept of each kind of finding in a block."""
SLOWEST = 5


class StoppedError(BaseException):
    """Raised by the clock inside an input that takes far too long; no reader catches it."""


@dataclass
class Finding:
    """One input that should have ended otherwise. kind: what makes two findings the same fault."""

    kind: str
    index: int
    message: str
    traceback: str
    files: dict[str, str]

    def contents(self) -> Files:
        """The input's files."""
        return {name: base64.b64decode(data) for name, data in self.files.items()}


@dataclass
class Outcome:
    """What a block found. accepted: nothing was refused; sound: of `checked` inputs, those whose outer syntax is sound."""

    start: int
    inputs: int = 0
    accepted: int = 0
    refused: int = 0
    sound: int = 0
    checked: int = 0
    seconds: float = 0.0
    bytes: int = 0
    growth_megabytes: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    slowest: list[tuple[float, int, int]] = field(default_factory=list)
    """(seconds of processor time, bytes, index) of the slowest inputs."""
    warnings: list[str] = field(default_factory=list)
    """Warnings of libraries, which a person would see on the terminal: no finding, but listed."""

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def run_block(target: Target, start: int, inputs: int, seed: int = SEED) -> Outcome:
    """Inputs start .. start + inputs - 1."""
    outcome = Outcome(start)
    began = time.process_time()
    target.input(seed, start)  # what generators import and build once is no growth
    before = peak_megabytes()
    with _clock(), warnings.catch_warnings(record=True) as warned:
        for index in range(start, start + inputs):
            files = target.input(seed, index)
            if index % CHECKED_EVERY == 0:
                outcome.checked += 1
                outcome.sound += target.outer(files)
            one_input(target, files, index, outcome)
    said = (f"{w.category.__name__}: {w.message} ({place_of(w.filename)}:{w.lineno})" for w in warned)
    outcome.warnings = sorted(set(said))
    outcome.inputs = inputs
    outcome.seconds = round(time.process_time() - began, 3)
    outcome.growth_megabytes = round(peak_megabytes() - before, 1)
    return outcome


def one_input(target: Target, files: Files, index: int, outcome: Outcome) -> None:
    """Throw one input and write down how it ended."""
    size = sum(map(len, files.values()))
    limit = LIMIT_SECONDS * max(1.0, size / LIMIT_BYTES)
    peak, begin = peak_megabytes(), time.process_time()
    signal.setitimer(signal.ITIMER_PROF, limit * STOPPED)
    signal.setitimer(signal.ITIMER_REAL, WAITED)
    try:
        target.run(files)
        outcome.accepted += 1
    except ForebearError as error:
        if error.exit_code == ForebearError.exit_code:
            _found(outcome, error, files, index)
        outcome.refused += 1
    except StoppedError as error:
        _found(outcome, error, files, index)
    except OSError as error:
        if isinstance(error.filename, (str, bytes)):
            outcome.refused += 1  # the command line refuses it by name, exit 3
        else:
            _found(outcome, error, files, index)
    except Exception as error:  # noqa: BLE001 - any other error is what is looked for
        _found(outcome, error, files, index)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
    seconds = time.process_time() - begin
    outcome.bytes += size
    grown = peak_megabytes() - peak
    if seconds > limit:
        _keep(
            outcome,
            Finding(f"slow: over {LIMIT_SECONDS:g} s a 100 KB", index, f"{seconds:.1f} s for {size} bytes", "", {}),
            files,
        )
    if grown > ONE_INPUT_MEGABYTES:
        _keep(outcome, Finding("memory: one input", index, f"{grown:.0f} MB more for {size} bytes", "", {}), files)
    if len(outcome.slowest) < SLOWEST or seconds > outcome.slowest[-1][0]:
        outcome.slowest = sorted([*outcome.slowest, (round(seconds, 4), size, index)], reverse=True)[:SLOWEST]


def place_of(filename: str) -> str:
    """A source file by its path within its package, so that no path of a machine is in a report."""
    for root in ("/site-packages/", "/forebear/", "/bench/", "/lib/"):
        filename = filename.rsplit(root, 1)[-1]
    return filename


def _found(outcome: Outcome, error: BaseException, files: Files, index: int) -> None:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "/forebear/" in f.filename] or list(frames)
    last = ours[-1]
    place = f"{place_of(last.filename)}:{last.name}"
    shown = "".join(f"  {place_of(f.filename)}:{f.lineno} {f.name}: {f.line}\n" for f in frames[-12:])
    message = f"{type(error).__name__}: {str(error)[:300]}".encode("ascii", "backslashreplace").decode()
    _keep(outcome, Finding(f"{type(error).__name__} in {place}", index, message, shown, {}), files)


def _keep(outcome: Outcome, finding: Finding, files: Files) -> None:
    count = outcome.counts.get(finding.kind, 0)
    outcome.counts[finding.kind] = count + 1
    if count < KEPT:
        finding.files = {name: base64.b64encode(data).decode() for name, data in files.items()}
        outcome.findings.append(finding)


def _stop(number: int, frame: FrameType | None) -> None:
    raise StoppedError("stopped: it takes far too long")


@contextmanager
def _clock() -> Iterator[None]:
    before = {number: signal.signal(number, _stop) for number in (signal.SIGPROF, signal.SIGALRM)}
    gc.collect()
    gc.freeze()  # what was imported is not looked through again at every collection
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        gc.unfreeze()


def peak_megabytes() -> float:
    """Most memory this process had in use so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
