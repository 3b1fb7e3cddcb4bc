"""The tutorial: its commands print what it says they print, and its pictures are there."""

from __future__ import annotations

import subprocess
import sys

from tests.house.references import ROOT


def test_the_commands_of_the_tutorial_print_what_it_says():
    command = [sys.executable, "scripts/make_tutorial.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
