"""Every refusal of the rooms whose refusals documents repeat is made of keys, so that it has words in every language."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import forebear
from forebear.core.wording import english_words

ROOT = Path(forebear.__file__).parent
ROOMS = ("attest", "casefile", "core", "files", "library", "models", "stats", "tokens")
INNER = ("comparison/tests", *(f"recipes/{room}" for room in ("coordinates", "detectors", "exchange", "rederive", "replay")))
"""What of a room documents repeat; refusals of `recipes/steps` answer a program that calls a step."""
RAISED = {"RefusedError", "IncomparableError", "CannotEncodeError"}
PROGRAMMING = {"AttributeError", "ValueError", "TypeError", "KeyError", "UsageError", "ExpectationError", "PluginError", "ForebearError"}
"""Errors which no document repeats: of a call's words or expectation, a program that calls wrongly, an installed package, and of ours."""
SENTENCE = re.compile(r"[A-Za-z}]+ [A-Za-z{]+")


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))


def is_sentence(node: ast.expr) -> bool:
    """Whether an expression is, or may become, words of English: two words side by side in a text."""
    texts = [node.value] if isinstance(node, ast.Constant) else []
    if isinstance(node, ast.JoinedStr):
        texts = ["".join(v.value if isinstance(v, ast.Constant) else "{}" for v in node.values)]
    return any(isinstance(text, str) and SENTENCE.search(text) for text in texts)


def english_alone(path: Path) -> list[int]:
    """Lines that make a refusal of a sentence without its message, by an error, a helper, or a value of another message."""
    found = []
    tree = ast.parse(path.read_text("utf-8"))
    ours = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name.endswith("Error")}
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = getattr(call.func, "id", getattr(call.func, "attr", ""))
        given = [word.value for word in call.keywords]
        if name in RAISED:
            wrong = not any(word.arg == "said" for word in call.keywords)
        elif name in {"message", "dict"}:
            own = [node.args[0] for value in given for node in ast.walk(value) if is_text_of(node, ours, tree)]
            wrong = bool(own) or any(is_sentence(node) for value in given for node in ast.walk(value))
        else:
            refuses = "refuse" in name or name == "fail" or (name.endswith("Error") and name not in PROGRAMMING)
            wrong = refuses and any(map(is_sentence, call.args))
        found += [call.lineno] * wrong
    return found + of_reasons(tree)


def is_text_of(node: ast.AST, ours: set[str], tree: ast.AST) -> bool:
    """Whether a value is str(error) of an error that the module itself defines."""
    if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "str" and node.args):
        return False
    caught = [handler for handler in ast.walk(tree) if isinstance(handler, ast.ExceptHandler) and handler.name]
    own = {h.name for h in caught if h.type is not None and ours & {getattr(n, "id", "") for n in ast.walk(h.type)}}
    return getattr(node.args[0], "id", "") in own


def of_reasons(tree: ast.AST) -> list[int]:
    """Lines where a function that gives a reason, or None for none, gives it as a sentence."""
    reasons = (f for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) and f.returns and ast.unparse(f.returns) == "str | None")
    given = (node for f in reasons for node in ast.walk(f) if isinstance(node, ast.Return) and node.value is not None)
    return [node.lineno for node in given if any(is_sentence(inner) for inner in ast.walk(node.value))]


MODULES = [path for room in (*ROOMS, *INNER) for path in sorted((ROOT / room).rglob("*.py"))]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_refusal_has_words_in_every_language(path: Path) -> None:
    assert english_alone(path) == []


def test_a_sentence_would_be_noticed(tmp_path: Path) -> None:
    path = tmp_path / "m.py"
    lines = {
        'raise RefusedError("odd", where=w)': True,
        'raise refusal(message("unfit.empty"), where=w)': False,
        't.fail(f"is {x}")': True,
        '_refuse(f"{name} is odd", where)': True,
        '_refuse(message("unfit.empty"), where)': False,
        'raise _MismatchError("no shapes are stated")': True,
        'raise _MismatchError(message("zero.no_shapes"))': False,
        'raise ValueError("blocks are not paired")': False,
        'said = message("folder.zero_copies", reason=f"{count} partitions are here")': True,
        'said = message("folder.zero_copies", reason=reason, name="model.pt")': False,
        'def wrong(): return "has pieces that overlap"': False,
        'def wrong() -> str | None: return f"has {n} pieces" if n else None': True,
    }
    path.write_text("\n".join(lines) + "\n")
    assert sorted(english_alone(path)) == [number for number, odd in enumerate(lines.values(), 1) if odd]


def test_the_text_of_an_error_of_ones_own_is_seen_in_a_message(tmp_path: Path) -> None:
    path = tmp_path / "m.py"
    path.write_text(
        "class MyError(Exception):\n    pass\ntry:\n    do()\nexcept MyError as error:\n    said = message('a.b', why=str(error))\n"
        "except OSError as failed:\n    said = message('a.b', why=str(failed))\n"
    )
    assert english_alone(path) == [6]


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
