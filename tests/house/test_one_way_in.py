"""Files that somebody names are opened in one place; what ships with the package is read by where it lies."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent / "forebear"
OPENING = {"open", "read_bytes", "read_text", "fdopen"}
ALLOWED = {
    "core/bounded.py": {"open", "fdopen"},  # the guarded way itself
    "core/output.py": {"open", "fdopen"},  # the one writer: next to its place, then a rename
    "core/wording.py": {"read_text"},  # tables of words that ship with the package
    "casefile/folder/seal.py": {"open"},  # a folder of our own, to flush its entries
    "verification/gather.py": {"open"},  # one member of an archive that the guarded way opened, read within a bound
    "library/signs.py": {"memmap"},  # the index of signs, of our own, whose length is looked at first
    "library/screens.py": {"open", "memmap"},  # records of our own in a file of our own, written in place and mapped
    "cli/streams.py": {"open"},  # the null device, put in the place of a closed stream
}


def packaged(call: ast.Call, own: set[str]) -> bool:
    """Whether what is read ships with the package: `resources.files(...)`, or a folder that a constant of the module names."""
    for node in ast.walk(call.func):
        if isinstance(node, ast.Attribute) and node.attr == "files" and ast.unparse(node.value).endswith("resources"):
            return True
        if isinstance(node, ast.Name) and node.id in own:
            return True
    return False


def constants(tree: ast.Module) -> set[str]:
    """Names that a module gives to places inside the package."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            text = ast.unparse(node.value)
            if "__file__" in text or "resources.files" in text or any(name in text for name in found):
                found.add(node.targets[0].id)
    return found


def openings(path: Path) -> list[tuple[int, str]]:
    """(line, call) of everything in a module that opens a file and is not packaged data."""
    tree = ast.parse(path.read_text("utf-8"))
    own, found = constants(tree), []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        module = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
        loads = module in ("np", "numpy") and name in ("load", "memmap", "fromfile", "loadtxt", "genfromtxt")
        if (loads or name in OPENING) and not packaged(node, own):
            found.append((node.lineno, name))
    return found


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_is_opened_by_the_guarded_functions_only(path):
    place = path.relative_to(ROOT).as_posix()
    allowed = ALLOWED.get(place, set())
    imported = {a.asname or a.name for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.ImportFrom)
                and (n.module or "").startswith("forebear.") for a in n.names}  # fmt: skip
    others = [(line, name) for line, name in openings(path) if name not in allowed and name not in imported]
    assert not others, "open it with forebear.core.bounded (small files) or PositionedFile (weights)"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("def f(p):\n    return open(p).read()", 1),
        ("def f(p):\n    return p.read_bytes()", 1),
        ("import os\ndef f(p):\n    return os.open(p, 0)", 1),
        ("import io\ndef f(p):\n    return io.open(p)", 1),
        ("import numpy as np\ndef f(p):\n    return np.load(p)", 1),
        ("from importlib import resources\ndef f(n):\n    return resources.files('a').joinpath(n).read_text()", 0),
        ("from pathlib import Path\nHERE = Path(__file__).parent\nINNER = HERE / 'a'\ndef f(n):\n    return (INNER / n).read_text()", 0),
        ("def f(HERE, n):\n    return (HERE / n).read_text()", 1),
    ],
)
def test_the_rule_sees_what_opens_a_file(text, count, tmp_path):
    (tmp_path / "m.py").write_text(text)
    assert len(openings(tmp_path / "m.py")) == count
