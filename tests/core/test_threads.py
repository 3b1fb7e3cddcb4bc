"""Threads of the linear algebra: one for a quick comparison, all cores once large matrices come, a caller's wish before both."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from forebear.core.threads import usable_cores

START = "from forebear.core.threads import start_with_one, use_all_cores; start_with_one(); import os; "
LIMITED = "print(os.environ.get('OPENBLAS_NUM_THREADS'), use_all_cores())"


def told(code: str, **settings: str) -> list[str]:
    free = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**free, **settings}, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_a_command_begins_with_one_thread_and_may_take_every_core_later():
    first, later = told(START + LIMITED)
    assert first == "1"
    if later == "False":
        pytest.skip("this numpy was not built with OpenBLAS")
    made = (
        "import numpy as np; a = np.ones((600, 600)); use_all_cores(); a @ a; print(len(os.listdir('/proc/self/task')))"
    )
    if sys.platform == "linux" and usable_cores() > 1:
        assert 1 < int(told(START + made)[0]) <= usable_cores()


@pytest.mark.parametrize("name", ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"])
def test_a_caller_who_set_a_number_keeps_it(name):
    assert told(START + f"print(os.environ['{name}'], use_all_cores())", **{name: "3"}) == ["3", "False"]


def test_a_process_that_loaded_numpy_already_is_left_as_it_is():
    assert told("import numpy; " + START + LIMITED) == ["None", "False"]
