"""Rivals that are installed as they are, each in an environment of its own (python -m bench.rivals environments).

A tool's own command is called in one process for many pairs: what it prints as JSON is the answer, nothing of it is rewritten.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bench.corpus import HERE
from bench.methods.score import Figure, Score

ENVIRONMENTS = HERE.parent / ".venv" / "rivals"
"""Away from the sources: whatever reads every file of the bench must not read what was installed."""
INSIDE = Path(__file__).with_name("inside_a_tool.py")


@dataclass(frozen=True)
class Tool:
    """A published command: what pip installs, the Python it needs, and the words that compare two folders."""

    name: str
    requirement: str
    python: str
    command: str
    words: tuple[str, ...]

    @property
    def folder(self) -> Path:
        return ENVIRONMENTS / self.name

    @property
    def interpreter(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def surroundings(self) -> dict[str, str]:
        """Environment variables: a home of its own, no hub, one thread."""
        home = {"HOME": str(self.folder / "home"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
        return {**os.environ, **home}


TOOLS = {
    tool.name: tool
    for tool in (
        Tool("provenance-kit", "cisco-ai-provenance-kit==1.0.0", "3.12", "provenancekit", ("--json", "--no-cache")),
        Tool("modeldna", "modeldna==0.1.0", "3.11", "modeldna", ("--json",)),
    )
}


class MissingToolError(RuntimeError):
    """The environment of a tool has not been made."""


@cache
def _running(name: str) -> subprocess.Popen[str]:
    """The process of a tool, started once; it ends when this process does, since its input closes."""
    tool = TOOLS[name]
    if not tool.interpreter.exists():
        raise MissingToolError(f"{tool.requirement} is not installed: python -m bench.rivals environments")
    (tool.folder / "home").mkdir(exist_ok=True)
    command = [str(tool.interpreter), str(INSIDE), tool.command]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1,
        env=tool.surroundings,
    )  # fmt: skip


def answer(name: str, subject: Path, candidate: Path) -> dict[str, Any]:
    """What a tool prints for a pair. Raises: RuntimeError with its last lines where that is no JSON."""
    process = _running(name)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(["compare", str(subject), str(candidate), *TOOLS[name].words]) + "\n")
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"{name} ended with {process.wait()}")
    printed = str(json.loads(line)["printed"])
    try:
        found: dict[str, Any] = json.loads(printed)
    except json.JSONDecodeError as problem:
        raise RuntimeError(f"{name} printed no JSON: {printed[-200:]}") from problem
    return found


def provenance_kit(subject: Path, candidate: Path) -> Score:
    """Cisco Model Provenance Kit. Score: its pipeline score, which its decision rests on; the weights' own score beside it."""
    scores = answer("provenance-kit", subject, candidate)["scores"]
    identity = float(scores["identity_score"])
    return Score(
        float(scores["pipeline_score"]),
        relation=str(scores["provenance_decision"]),
        figures={"identity": Figure(identity)},
    )


def modeldna(subject: Path, candidate: Path) -> Score:
    """modelDNA. Score: its probability; the relation is its verdict class."""
    verdict = answer("modeldna", subject, candidate)["verdict"]
    return Score(float(verdict["probability"]), relation=str(verdict["verdict"]))
