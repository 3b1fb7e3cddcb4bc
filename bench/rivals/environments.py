"""Environments of the installable tools: one each, below `.venv`, which git ignores."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.methods.tools import ENVIRONMENTS, TOOLS, Tool

LAST_LINES = 5


def interpreters(version: str) -> Iterator[str]:
    """Interpreters of a Python version that run: on the path, or among those pyenv installed."""
    places = [shutil.which(f"python{version}"), *sorted(Path.home().glob(f".pyenv/versions/{version}*/bin/python"))]
    for place in filter(None, places):
        found = subprocess.run([str(place), "--version"], capture_output=True, text=True, check=False)
        if found.stdout.startswith(f"Python {version}."):
            yield str(place)


def make(tool: Tool) -> dict[str, Any]:
    """Installs one tool where it is not yet. Returns: what was installed with which Python, or the error that ended it."""
    made = {"tool": tool.requirement, "python": tool.python, "error": None}
    if (tool.folder / "installed").exists():
        return made
    python = next(interpreters(tool.python), None)
    if python is None:
        return made | {"error": f"no Python {tool.python} on this machine"}
    shutil.rmtree(tool.folder, ignore_errors=True)
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    for command in (
        [python, "-m", "venv", str(tool.folder)],
        [str(tool.interpreter), "-m", "pip", "install", "--quiet", tool.requirement],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return made | {"error": "\n".join(done.stderr.splitlines()[-LAST_LINES:])}
    (tool.folder / "installed").touch()
    return made


def make_all() -> list[dict[str, Any]]:
    """Every tool; one that cannot be installed does not stop the others."""
    return [make(tool) for tool in TOOLS.values()]
