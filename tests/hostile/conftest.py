"""What hostile tests share: opening a checkpoint in a process of its own, its time and memory watched."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAM = """
import json, resource, sys, time
from forebear.core.errors import ForebearError
from forebear.files.sources import open_container

def peak():  # kilobytes; ru_maxrss would count the parent's memory as well on Linux
    try:
        return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

begin = time.process_time()
sum(i * i for i in range(3_000_000))
yard, before, begin, said = time.process_time() - begin, peak(), time.process_time(), ""
try:
    open_container(sys.argv[1], max_header=int(sys.argv[2]))
except ForebearError as error:
    said = str(error)
print(json.dumps([said, (time.process_time() - begin) * min(1.0, 0.25 / yard), (peak() - before) / 1024]))
"""


@dataclass(frozen=True)
class Outcome:
    """refused: the message, "" when it was opened; seconds of processor, megabytes: spent on opening alone.

    A busy or slow machine counts three million squares in more than a quarter of a second; its seconds are shortened to that.
    """

    refused: str
    seconds: float
    megabytes: float


@pytest.fixture
def watched() -> Callable[..., Outcome]:
    """Open a path in a fresh process: a crash, a traceback or five minutes' silence fails the test."""

    def run(path: Path, max_header: int = 25 * 2**20) -> Outcome:
        command = [sys.executable, "-c", PROGRAM, str(path), str(max_header)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        return Outcome(*json.loads(done.stdout))

    return run
