"""Threads of the linear algebra: one for a quick comparison, all cores once large matrices come, a caller's wish before both."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from forebear.core.threads import usable_cores

COMMAND = "from forebear.core.threads import start_with_one, use_all_cores; start_with_one(); import os, numpy; "
VERB = "import numpy; from forebear.core.threads import one_thread, use_all_cores; "
SEEN = (
    "from threadpoolctl import threadpool_info; seen = lambda: print(*{p['num_threads'] for p in threadpool_info()}); "
)
several = pytest.mark.skipif(usable_cores() < 2, reason="one core")


def told(code: str, **settings: str) -> list[str]:
    free = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**free, **settings}, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@several
def test_a_command_begins_with_one_thread_and_may_take_every_core_later():
    pytest.importorskip("threadpoolctl")
    assert told(COMMAND + SEEN + "seen(); print(use_all_cores()); seen()") == ["1", "True", str(usable_cores())]


@several
def test_a_verb_from_python_has_one_thread_and_may_take_every_core_and_leaves_what_was_set():
    pytest.importorskip("threadpoolctl")
    body = "\nwith one_thread():\n    seen(); use_all_cores(); seen()\nseen(); print(use_all_cores()); seen()"
    every = str(usable_cores())
    assert told(VERB + SEEN + body) == ["1", every, every, "False", every]


@several
def test_what_a_caller_limited_comes_back_after_a_verb_even_where_it_fails():
    pytest.importorskip("threadpoolctl")
    body = (
        "from threadpoolctl import threadpool_limits; threadpool_limits(2)\n"
        "try:\n    with one_thread():\n        seen(); use_all_cores(); raise OSError\nexcept OSError:\n    seen()"
    )
    assert told(VERB + SEEN + body) == ["1", "2"]


def test_a_comparison_from_python_runs_on_one_thread():
    pytest.importorskip("threadpoolctl")
    code = (
        "import forebear, forebear.comparison.compare as c; from forebear.comparison.demo import demo_folder as d\n"
        "walk = c.walk\ndef looked(*a, **k):\n    seen(); return walk(*a, **k)\n"
        "c.walk = looked; forebear.compare(d() / 'descendant', d() / 'base')"
    )
    assert told("import numpy; " + SEEN + code) == ["1"]


@pytest.mark.parametrize("name", ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"])
@pytest.mark.parametrize("begin", [COMMAND, VERB + "one_thread().__enter__(); import os; "])
def test_a_caller_who_set_a_number_keeps_it(name, begin):
    assert told(begin + f"print(os.environ['{name}'], use_all_cores())", **{name: "3"}) == ["3", "False"]


def test_nothing_is_set_where_numpy_was_loaded_before_the_command_begins():
    assert told("import numpy; " + COMMAND + "print(os.environ.get('OPENBLAS_NUM_THREADS'), use_all_cores())") == [
        "None",
        "False",
    ]


def test_without_the_library_that_sets_threads_a_verb_runs_all_the_same():
    gone = "import sys; sys.modules['threadpoolctl'] = None; "
    assert told(gone + VERB + "\nwith one_thread():\n    print(use_all_cores())") == ["False"]
    assert told(gone + COMMAND + "print(os.environ['OPENBLAS_NUM_THREADS'], use_all_cores())") == ["1", "False"]
