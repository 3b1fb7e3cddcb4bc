"""No circle of imports, hidden ones included, and no room that looks up: every import statement is read, wherever it stands.

What a type checker alone reads counts, and so does what a function imports: a circle that is hidden is one all the same.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = {
    "fcntl": "systems without it cannot lock a file",
    "concurrent.futures": "logging loads with it; only work on several threads needs it",
    "cryptography": "extra attest",
    "tomlkit": "extra cases",
    "resvg_py": "extra png",
    "fontTools": "extra png",
    "importlib.metadata": "email and zipfile load with it; only installed packages need it",
    "jinja2": "half of loading numpy; only pages need it",
    "markupsafe": "part of jinja2",
    "pandas": "extra notebook",
    "rich": "only a terminal with colours needs it",
    "yaml": "extra yaml",
    "model_signing": "extra attest",
    "opentimestamps": "extra attest",
    "py_ecc": "extra attest",
    "rfc3161_client": "extra attest",
    "sentencepiece": "extra tokenizers, in a process of its own",
    "tiktoken": "the same",
    "tokenizers": "the same",
    "resource": "systems without it have no such limits",
    "threadpoolctl": "only where the threads of linear algebra are set",
}
"""Libraries that a function may import, and why."""
LATE = {
    "forebear.engines.opening": "the one engine that is asked for",
    "forebear.api.attesting": "a verb opens its own room and no other",
    "forebear.api.cases": "a verb opens its own room and no other",
    "forebear.api.comparing": "a verb opens its own room and no other",
    "forebear.api.document": "a report is drawn when it is asked for",
    "forebear.api.verifying": "a verb opens its own room and no other",
    "forebear.api.recipes": "a verb opens its own room and no other",
    "forebear.api.libraries": "a verb opens its own room and no other",
    "forebear.api.tokenizers": "a verb opens its own room and no other",
    "forebear.cli.main": "signals are handled before the parser loads",
    "forebear.cli.application": "a command opens its own room and no other",
    "forebear.cli.forms": "a report is drawn after the work is done",
    "forebear.comparison.compare": "a quick comparison of two named checkpoints needs no borrowed names and no workers",
    "forebear.comparison.walk": "a quick comparison loads the tests that it runs",
    "forebear.comparison.tests.branches": "values in place that are close spare a ceiling of attention",
    "forebear.comparison.tests.strength": "a sample that settles a pair needs no aligner",
    "forebear.comparison.reading.vocabulary": "files of tokenizers that are equal byte for byte are not read",
    "forebear.comparison.worker_start": "a worker watches its parent before it loads numpy",
    "forebear.models.checkpoint": "plain safetensors need no views, adapters or other containers",
    "forebear.comparison.reading.planning": "a pair that is here needs no pool of threads",
    "forebear.files.sources": "a local file needs no network",
    "forebear.files.assembling": "one file needs no joining",
    "forebear.files.trained": "one layout needs no reader of another",
}
"""Modules whose functions import others of ours, and why."""
BY_NAME = {
    "forebear": "public names (PEP 562)",
    "forebear.reports.show": "the one report that is drawn",
    "forebear.files.formats.registry": "the one format that is read",
    "forebear.files.formats.gguf_types": "extra gguf, of which two modules are loaded under a name of our own",
    "forebear.engines.absent": "extra engines",
    "forebear.casefile.bitext.semantic": "extra semantic",
    "forebear.casefile.checks.conversion": "extra cases",
    "forebear.casefile.checks.sounds": "extra cases",
    "forebear.casefile.naming.sound": "extra cases",
}
"""Modules that import by a name in a string, and what; strings that name modules of ours count as imports."""
FOLDER_OF_FORMATS = "forebear.files.formats"


@dataclass(frozen=True)
class Import:
    """One import of a module: importer, imported, line; late: inside a function."""

    importer: str
    imported: str
    line: int
    late: bool


def modules(package: Path) -> dict[str, Path]:
    """Dotted name -> file of every module of a package."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(name: str, source: str, known: Iterable[str]) -> list[Import]:
    """Every import of a module; of `from a import b` the module a.b where there is one."""
    known, found = set(known), []

    def read(node: ast.AST, late: bool) -> None:
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.module, f"{name}:{node.lineno}"
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            names = sorted({one if one in known or one.startswith("importlib.") else node.module for one in inner})
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and name in BY_NAME:
            word = node.value.partition(":")[0]
            short = f"{FOLDER_OF_FORMATS}.{word}" if name == f"{FOLDER_OF_FORMATS}.registry" else word
            names = [one for one in dict.fromkeys((word, short)) if one in known and one != name]
            late = False  # what it is for is said in BY_NAME
        found.extend(Import(name, one, getattr(node, "lineno", 0), late) for one in names)
        inside = late or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for child in ast.iter_child_nodes(node):
            read(child, inside)

    read(ast.parse(source), False)
    return found


def circles(graph: Mapping[str, set[str]]) -> list[set[str]]:
    """Groups of more than one that all reach each other, and what imports itself."""

    def reach(start: str) -> set[str]:
        seen: set[str] = set()
        todo = list(graph.get(start, ()))
        while todo:
            if (one := todo.pop()) not in seen:
                seen.add(one)
                todo += graph.get(one, ())
        return seen

    below = {name: reach(name) for name in graph}
    groups = {frozenset(other for other in below[name] if name in below.get(other, ())) for name in graph}
    return [set(group) for group in groups if group]


FOREBEAR = modules(ROOT / "forebear")


@cache
def every() -> list[Import]:
    """Every import of the package, read when first wanted: each process of the tests collects this file."""
    return [one for name, path in FOREBEAR.items() for one in imports(name, path.read_text("utf-8"), FOREBEAR)]


def ours() -> list[Import]:
    """Those of modules of ours."""
    return [one for one in every() if one.imported in FOREBEAR]


def contracts() -> list[dict[str, object]]:
    found: list[dict[str, object]] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    return found


def test_no_module_is_in_a_circle() -> None:
    graph: dict[str, set[str]] = {name: set() for name in FOREBEAR}
    for one in ours():
        graph[one.importer].add(one.imported)
    assert circles(graph) == []


def test_no_room_looks_up_or_sideways() -> None:
    layers = next(c["layers"] for c in contracts() if c.get("containers") == ["forebear"])
    assert isinstance(layers, list)
    level = {room.strip("() "): height for height, layer in enumerate(layers) for room in layer.split("|")}
    own = {"forebear", "forebear.__main__"}
    rooms = {(one.importer.split(".")[1], one.imported.split(".")[1]) for one in ours() if not own & {one.importer, one.imported}}
    assert {room for pair in rooms for room in pair} <= set(level)
    assert [(a, b) for a, b in sorted(rooms) if a != b and level[a] >= level[b]] == []


def test_no_module_imports_the_package_that_holds_it() -> None:
    assert [(one.importer, one.line) for one in ours() if one.imported == "forebear"] == []


def test_a_function_imports_optional_and_heavy_libraries_only() -> None:
    def free(one: Import) -> bool:
        if one.imported.split(".")[0] == "forebear":
            return one.importer in LATE
        return any(f"{one.imported}.".startswith(f"{library}.") for library in LIBRARIES)

    assert [(one.importer, one.line, one.imported) for one in every() if one.late and not free(one)] == []


def test_the_lists_hold_nothing_that_is_gone() -> None:
    late = [one for one in every() if one.late]
    assert set(LATE) == {one.importer for one in late if one.imported in FOREBEAR}
    assert set(LIBRARIES) == {library for library in LIBRARIES for one in late if f"{one.imported}.".startswith(f"{library}.")}
    by_name = {name for name, path in FOREBEAR.items() if "import_module(" in path.read_text("utf-8") or "__import__(" in path.read_text("utf-8")}
    assert by_name == set(BY_NAME)


def test_every_room_with_rooms_inside_has_a_contract_of_its_own() -> None:
    rooms = {path.parent.relative_to(ROOT) for path in (ROOT / "forebear").rglob("*/__init__.py")}
    several = {".".join(room.parent.parts) for room in rooms if sum(other.parent == room.parent for other in rooms) > 1}
    held = {name for contract in contracts() if contract["type"] == "layers" for name in contract.get("containers", [])}  # type: ignore[attr-defined]
    assert several <= held


def test_every_contract_of_layers_is_whole_and_knows_no_step_aside() -> None:
    of_layers = [c for c in contracts() if c["type"] == "layers"]
    assert [c["name"] for c in of_layers if c.get("exhaustive") is not True] == []
    assert [c["name"] for c in of_layers if any(":" in layer for layer in c["layers"])] == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(("made", "circle"), [
    ({"a": "import p.b", "b": "import os"}, False),
    ({"a": "import p.b", "b": "def f():\n    from p import a"}, True),
    ({"a": "from p.b import thing", "b": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from p.a import other"}, True),
    ({"a": "import p.b", "b": "import p.c", "c": "class C:\n    def f(self):\n        import p.a"}, True),
    ({"a": "import p.b", "b": "f = lambda: __import__('p.a')"}, False),
])  # fmt: skip
def test_the_rule_sees_circles_that_are_hidden(made: dict[str, str], circle: bool) -> None:
    known = [f"p.{name}" for name in made]
    graph = {f"p.{name}": {one.imported for one in imports(f"p.{name}", text, known)} & set(known) for name, text in made.items()}
    assert bool(circles(graph)) is circle


def test_a_module_named_in_a_string_counts_where_modules_are_imported_by_name() -> None:
    found = imports("forebear.reports.show", 'X = {"a": "forebear.reports.page:page"}', {"forebear.reports.page"})
    assert [one.imported for one in found] == ["forebear.reports.page"]
