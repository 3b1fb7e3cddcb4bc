"""The house rules that a machine can hold: sizes of modules and functions, names, and a command line that mirrors the library."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

import forebear
from forebear.cli import app

ROOT = Path(__file__).resolve().parent.parent.parent
MODULES = sorted((ROOT / "forebear").rglob("*.py"))
SHOWING = {"form", "output", "quiet", "language"}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_module_passes_400_lines_and_no_function_60(path):
    text = path.read_text()
    assert text.count("\n") <= 400
    assert path.name not in {"utils.py", "helpers.py", "misc.py"}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert (node.end_lineno or 0) - node.lineno < 60, f"{path.name}:{node.name}"


def command_of(verb: str):
    """The command of a verb: "compare", or "tokenizers cost" for `tokenizers_cost`."""
    group = typer.main.get_command(app).commands
    if verb in group:
        return group[verb]
    head, _, tail = verb.partition("_")
    return group[head].commands[tail]


@pytest.mark.parametrize("verb", [v for v in forebear.__all__ if v != "__version__"])
def test_the_command_line_mirrors_the_library(verb):
    ours = set(inspect.signature(getattr(forebear, verb)).parameters)
    theirs = {p.name for p in command_of(verb).params} - (SHOWING - ours)
    assert ours == theirs


def test_importing_forebear_imports_no_heavy_library():
    code = (
        "import sys, forebear.cli; print([m for m in ('numpy', 'jinja2', 'scipy', 'rich.console') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_a_quick_comparison_imports_no_scipy_rich_or_jinja():
    code = (
        "import sys, forebear; forebear.demo();"
        "print([m for m in ('scipy', 'jinja2', 'rich.console', 'torch', 'pickle') if m in sys.modules and m != 'pickle'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_the_command_reference_is_current():
    done = subprocess.run([sys.executable, "scripts/make_reference.py", "--check"], cwd=ROOT, check=False)
    assert done.returncode == 0, "run python scripts/make_reference.py"


def test_no_text_of_ours_calls_anyone_a_thief():
    words = ("stolen", "thief", "plagiar", "suspect")
    for path in [*MODULES, *(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]:
        text = path.read_text().lower()
        assert not [w for w in words if w in text and "never" not in text], path
