"""Freed memory kept for the next array: fewer pages asked of the system, and none where the C library cannot be asked."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from forebear.core import memory

CHURN = """
import resource, sys
import numpy as np
from forebear.core.memory import keep_freed_memory
if sys.argv[1] == "kept" and not keep_freed_memory():
    raise SystemExit("not to be had")
np.zeros(4 << 20, np.uint8).fill(1)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    pair = [np.empty(4 << 20, np.uint8), np.empty(4 << 20, np.uint8)]
    for each in pair:
        each.fill(1)
    del each, pair
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def pages(way: str) -> int:
    done = subprocess.run([sys.executable, "-c", CHURN, way], capture_output=True, text=True, check=False)
    if done.stderr.strip() == "not to be had":
        pytest.skip("this C library keeps nothing on request")
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_arrays_made_and_dropped_in_turn_reuse_their_pages():
    assert pages("kept") < pages("as it is") / 2


def test_elsewhere_than_on_linux_nothing_is_asked(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: pytest.fail("asked"))
    assert memory.keep_freed_memory() is False


def test_a_c_library_that_knows_no_such_wish_is_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert memory.keep_freed_memory() is False
