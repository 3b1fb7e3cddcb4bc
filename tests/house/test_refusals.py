"""Every refusal of the rooms whose refusals documents repeat is made of keys, so that it has words in every language."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import forebear
from forebear.core.wording import english_words

ROOT = Path(forebear.__file__).parent
ROOMS = ("files", "models", "tokens")
WITHOUT = {
    "models/architecture/expressions.py": "read by the author of a definition while writing it; no document repeats it",
    "models/architecture/parse.py": "the same",
    "models/architecture/presence.py": "the same",
    "models/architecture/sections.py": "the same",
    "models/architecture/conditions.py": "the same",
    "models/architecture/registry.py": "the same",
    **dict.fromkeys((f"files/formats/{name}.py" for name in ("dcp", "megatron", "pieced", "records", "shares", "tars", "zero")),
                    "checkpoints in pieces: written at the same time as this rule, their sentences have no keys yet"),
    "models/axes.py": "arguments of a caller's own program: orders and signs to rewrite a model with",
}  # fmt: skip
"""Modules whose refusals may be English alone, with the reason."""
RAISED = {"RefusedError", "IncomparableError", "CannotEncodeError"}


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))


def english_alone(path: Path) -> list[int]:
    """Lines that make a refusal of a sentence without its message."""
    made = [call for call in calls(path) if getattr(call.func, "id", "") in RAISED]
    fail = [call for call in calls(path) if getattr(call.func, "attr", "") == "fail" and call.args]
    said = [call.lineno for call in made if not any(word.arg == "said" for word in call.keywords)]
    return said + [call.lineno for call in fail if isinstance(call.args[0], ast.Constant | ast.JoinedStr)]


MODULES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_refusal_has_words_in_every_language(path: Path) -> None:
    if path.relative_to(ROOT).as_posix() not in WITHOUT:
        assert english_alone(path) == []


@pytest.mark.parametrize("name", WITHOUT)
def test_an_exception_is_needed(name: str) -> None:
    assert english_alone(ROOT / name)


def test_a_sentence_would_be_noticed(tmp_path: Path) -> None:
    path = tmp_path / "m.py"
    path.write_text('raise RefusedError("is odd", where=w)\nraise refusal(message("unfit.empty"), where=w)\nt.fail(f"is {x}")\n')
    assert english_alone(path) == [1, 3]


def test_refusals_of_quantised_layouts_name_keys_that_there_are() -> None:
    """`Recognised.refuse` and `Messages.refuse_field` put the table before the key, which other tests do not see."""
    words = english_words()
    found = 0
    for path in (ROOT / "files").rglob("*.py"):
        for call in calls(path):
            name, of = getattr(call.func, "attr", ""), {"refuse": ("quant", 1), "refuse_field": ("proto", 0)}
            if name not in of or len(call.args) <= of[name][1]:
                continue
            table, at = of[name]
            given = {word.arg for word in call.keywords}
            for node in ast.walk(call.args[at]):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and not call_of_message(call.args[at]):
                    found += 1
                    wanted = words[f"{table}.{node.value}"]
                    assert all(f"{{{slot}" in wanted for slot in given), (path.name, node.value)
    assert found > 25


def call_of_message(node: ast.AST) -> bool:
    """Whether an argument is a message itself."""
    return any(isinstance(inner, ast.Call) for inner in ast.walk(node))
