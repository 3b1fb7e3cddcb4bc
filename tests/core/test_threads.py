"""Threads: one of the linear algebra, our own side by side once large work comes, a caller's wish before both."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from forebear.core.threads import usable_cores

THREADS = "from forebear.core.threads import all_cores, one_thread, side_by_side, start_with_one, use_all_cores; "
COMMAND = THREADS + "start_with_one(); import os, numpy; "
VERB = "import numpy; " + THREADS
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
    body = "\nseen(); print(use_all_cores()); seen()\nwith all_cores():\n    seen()\nseen()"
    assert told(COMMAND + SEEN + body) == ["1", "True", "1", str(usable_cores()), "1"]


@several
def test_a_verb_from_python_has_one_thread_and_may_take_every_core_and_leaves_what_was_set():
    pytest.importorskip("threadpoolctl")
    body = (
        "\nwith one_thread():\n    seen(); use_all_cores(); seen()\n    with all_cores():\n        seen()\n    seen()\n"
        "seen(); print(use_all_cores()); seen()"
    )
    every = str(usable_cores())
    assert told(VERB + SEEN + body) == ["1", "1", every, "1", every, "False", every]


@several
def test_what_a_caller_limited_comes_back_after_a_verb_even_where_it_fails():
    pytest.importorskip("threadpoolctl")
    body = (
        "from threadpoolctl import threadpool_limits; threadpool_limits(2)\n"
        "try:\n    with one_thread():\n        seen(); use_all_cores()\n        with all_cores():\n            raise OSError\n"
        "except OSError:\n    seen()"
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
    assert told(gone + COMMAND + "print(os.environ['OPENBLAS_NUM_THREADS'], use_all_cores())\nwith all_cores(): print(3)") == [
        "1", "True", "3",
    ]  # fmt: skip


MEET = """
import threading
met = threading.Barrier(2)
def work(n):
    if n < 2: met.wait(20)
    inner = list(side_by_side(lambda m: threading.get_ident() == mine, [1, 2])) if (mine := threading.get_ident()) else []
    with numpy.errstate(divide="raise") if n == 3 else numpy.errstate():
        return n, all(inner), numpy.geterr()["divide"]
def parts():
    for n in range(5):
        print(f"begin{n}")
        yield n
use_all_cores()
with numpy.errstate(divide="ignore"):
    for found in side_by_side(work, parts()):
        print("%d%s%s" % found)
"""


@several
def test_parts_meet_on_several_threads_and_come_back_in_order_a_bounded_number_at_a_time():
    found = told(COMMAND + MEET)
    assert [f for f in found if not f.startswith("begin")] == [
        "0Trueignore", "1Trueignore", "2Trueignore", "3Trueraise", "4Trueignore",
    ]  # fmt: skip
    ahead = usable_cores() + 1  # one waits while every thread has a part
    for n in range(ahead, 5):  # no further part is taken before a result has been
        assert found.index(f"begin{n}") > found.index(next(f for f in found if f.startswith(f"{n - ahead}True")))


def test_parts_are_done_in_turn_without_leave_and_where_one_at_a_time_is_asked_for():
    body = "import threading\nout = []\n{0}\nfor t in side_by_side(lambda n: threading.get_ident(), [1, 2, 3]{1}): out.append(t)\n"
    end = "print({threading.get_ident()} == set(out))"
    assert told(COMMAND + body.format("", "") + end) == ["True"]
    assert told(COMMAND + body.format("use_all_cores()", ", most=1") + end) == ["True"]


@several
def test_the_first_error_is_raised_and_what_was_not_begun_is_left():
    body = (
        "use_all_cores(); done = []\ndef work(n):\n    done.append(n)\n    if n == 1: raise KeyError(n)\n    return n\n"
        "try:\n    print(*side_by_side(work, range(50)))\nexcept KeyError as e:\n    print(e, len(done) < 10)"
    )
    assert told(COMMAND + body) == ["1", "True"]
