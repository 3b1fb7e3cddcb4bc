"""`python -m bench` says what is not installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUN = "import runpy, sys; sys.modules[{name!r}] = None; sys.argv[1:] = ['null', '--help']; runpy.run_module('bench', run_name='__main__')"


def without(name: str) -> subprocess.CompletedProcess[str]:
    """`python -m bench null --help` where a module cannot be imported."""
    return subprocess.run([sys.executable, "-c", RUN.format(name=name)], cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_package_that_is_not_installed_is_named_with_what_brings_it() -> None:
    done = without("mpmath")
    assert done.returncode == 3
    assert done.stderr == "bench: the package mpmath is not installed. In a clone: pip install -e '.[test]'\n"


def test_a_module_of_ours_that_is_missing_stays_a_fault() -> None:
    done = without("bench.command")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_with_everything_there_the_help_is_shown() -> None:
    done = without("a_module_that_nobody_asks_for")
    assert done.returncode == 0
    assert "--shape" in done.stdout
