"""Work done beside the reading: sequences of jobs of all sizes, some of which fail, must answer as if done one after the other.

The module reads no bytes; what is thrown at it is the order in which its jobs come, end and fail.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable
from typing import Any

from bench.fuzz.target import HUNDRED_THOUSAND, Files, Plant, Target, syntax_is_sound
from bench.fuzz.under_test import beside
from forebear.core.errors import RefusedError

_SIZES = (0, 1, 17, beside.LEAST - 1, beside.LEAST, beside.LEAST + 1, 2**40, -1)
_ENDS = ("value",) * 12 + ("nothing", "refused", "system", "interrupt")


def make(rng: random.Random) -> Files:
    """Up to ten jobs, each with a size and how it ends."""
    jobs = [[rng.choice(_SIZES), rng.choice(_ENDS), rng.randrange(1000)] for _ in range(rng.choice((0, 1, 2, 3, 5, 10)))]
    return {"jobs.json": json.dumps(jobs).encode()}


class _Counted:
    """How many jobs run at once."""

    def __init__(self) -> None:
        self.lock, self.now, self.most = threading.Lock(), 0, 0

    def __enter__(self) -> None:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.now -= 1


def _job(end: str, value: int, counted: _Counted) -> Callable[[], Any]:
    def work() -> Any:
        with counted:
            if end == "refused":
                raise RefusedError("no", where=str(value))
            if end == "system":
                raise OSError(5, "failed", str(value))
            if end == "interrupt":
                raise KeyboardInterrupt
            return None if end == "nothing" else value

    return work


def _met(work: Callable[[], Any]) -> tuple[Any, str]:
    try:
        return work(), ""
    except (RefusedError, OSError, KeyboardInterrupt) as error:
        return None, f"{type(error).__name__} {error}"


def _all(jobs: list[Any], counted: _Counted) -> list[Any]:
    asked = beside.Beside[Any]()
    for size, end, value in jobs:
        asked.ask(size, _job(end, value, counted))
    return asked.answers()


def run(files: Files) -> None:
    """All jobs asked for and answered. Raises: AssertionError when they answer otherwise than one after the other."""
    jobs = json.loads(files["jobs.json"])
    counted, alone = _Counted(), _Counted()
    found = _met(lambda: _all(jobs, counted))
    wanted = _met(lambda: [_job(end, value, alone)() for _, end, value in jobs])
    assert found == wanted, f"{found} where one after the other gives {wanted}"
    assert counted.most <= 2, "more than one job beside the one that is done at once"
    assert counted.now == 0, "a job is left running"


BESIDE = Target(
    name="beside", make=make, run=run, outer=syntax_is_sound, least=HUNDRED_THOUSAND,
    plant=Plant(beside.Beside, "answers", lambda answers: len(answers) == 5),
    measured=("forebear.comparison.reading.beside",),
    reads="sequences of jobs done beside the reading: sizes, answers and failures, in any order",
)  # fmt: skip
