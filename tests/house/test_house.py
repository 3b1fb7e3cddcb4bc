"""The house rules that a machine can hold: sizes of modules and functions, names, and a command line that mirrors the library."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

import forebear
from forebear.cli.application import app, verbs

ROOT = Path(__file__).resolve().parent.parent.parent
MODULES = sorted((ROOT / "forebear").rglob("*.py"))
SHOWING = {"form", "output", "quiet", "language", "figures", "brief", "detail"}


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


def test_the_package_offers_the_verbs_of_its_api_and_loads_them_when_asked():
    assert set(forebear.__all__) == {*verbs(), "__version__", "Document", "open"} == set(dir(forebear))
    assert all(getattr(forebear, name) is verb for name, verb in verbs().items())
    with pytest.raises(AttributeError, match="no attribute 'compere'"):
        forebear.compere  # noqa: B018
    code = "import sys, forebear; print([m for m in sys.modules if m.startswith('forebear')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "['forebear.version', 'forebear']"


@pytest.mark.parametrize("verb", verbs())
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
        "import sys, forebear; forebear.compare('forebear/demo_data/base', 'forebear/demo_data/base');"
        "print([m for m in ('scipy', 'jinja2', 'rich.console', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


UNPICKLING = """
import pickle, _pickle, sys
def refuse(*given, **named):
    raise SystemExit("unpickled")
for module in (pickle, _pickle):
    for name in ("load", "loads", "Unpickler", "_Unpickler", "_load", "_loads"):
        if hasattr(module, name):
            setattr(module, name, refuse)
"""
"""numpy imports pickle itself; so what is looked at is whether anything is unpickled, not whether the module is there."""


@pytest.mark.parametrize(("code", "ended"), [
    ("import forebear; forebear.compare('forebear/demo_data/descendant', 'forebear/demo_data/base')", ""),
    ("import forebear; forebear.inspect('forebear/demo_data/base', full=True)", ""),
    ("from pickle import loads; loads(b'N.')", "unpickled"), ("import io, pickle; pickle.Unpickler(io.BytesIO(b'N.'))", "unpickled"),
])  # fmt: skip
def test_nothing_is_unpickled(code, ended):
    done = subprocess.run([sys.executable, "-c", UNPICKLING + code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.stderr.strip() == ended


def test_the_command_reference_is_current():
    done = subprocess.run([sys.executable, "scripts/make_reference.py", "--check"], cwd=ROOT, check=False)
    assert done.returncode == 0, "run python scripts/make_reference.py"


def test_the_picture_of_the_house_is_current():
    done = subprocess.run([sys.executable, "scripts/make_house_picture.py", "--check"], cwd=ROOT, check=False)
    assert done.returncode == 0, "run python scripts/make_house_picture.py"


def test_the_picture_of_a_house_draws_what_its_modules_import_and_marks_a_circle(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    from make_house_picture import levels, picture, reduced, rooms

    made = {
        "inn/__init__.py": "",
        "inn/roof/__init__.py": '"""Keeps the rain out."""\nfrom inn.hall import chair\nimport inn.cellar.cask\n',
        "inn/hall/__init__.py": "def later():\n    from inn.cellar import cask\n",
        "inn/hall/chair.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import inn.roof\nimport json\n",
        "inn/cellar/__init__.py": "",
        "inn/cellar/cask.py": "import os\n",
    }
    for name, text in made.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    graph = rooms(tmp_path / "inn")
    assert graph == {"roof": {"hall", "cellar"}, "hall": {"cellar"}, "cellar": set()}
    assert levels(graph) == {"roof": 2, "hall": 1, "cellar": 0}
    assert reduced(graph) == [("hall", "cellar"), ("roof", "hall")]  # what follows from these is left out
    assert 'class="circle"' not in picture(tmp_path / "inn")
    assert "Keeps the rain out." in picture(tmp_path / "inn")
    (tmp_path / "inn/cellar/cask.py").write_text("def later():\n    import inn.hall.chair\n")
    assert picture(tmp_path / "inn").count('class="circle"') == 2


def test_no_text_of_ours_calls_anyone_a_thief():
    words = ("stolen", "thief", "plagiar", "suspect")
    shown = [path for ending in ("*.toml", "*.j2") for path in (ROOT / "forebear" / "reports").rglob(ending)]
    docs = [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]
    for path in [*MODULES, *shown, *docs]:
        text = path.read_text("utf-8").lower()
        assert [w for w in words if w in text] == [], path


def test_the_citation_names_the_version_of_the_package():
    stated = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert stated is not None
    assert stated[1] == forebear.__version__
