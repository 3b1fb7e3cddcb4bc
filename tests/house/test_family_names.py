"""No family has its name in Python: what forebear knows of one is in its file under forebear/models/architectures."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from forebear.models.architecture.registry import FOLDER, index, shipped

ROOT = Path(__file__).resolve().parents[2]
TOKENIZERS = {
    "forebear/tokens": "kinds of tokenizers are called after the model that had them first (tokenizers, tokenizer.ggml.pre)",
    "forebear/models/published/gguf_tokens.py": "tokenizer.ggml.model of the GGUF specification",
}
"""Files whose strings name tokenizers, and why."""
ORDINARY = {"opt", "clip", "phi", "solar", "yi", "glm"}
"""Names that are words or abbreviations of their own; only a string that is nothing else counts as the family's name."""
MODULES = [
    path
    for path in sorted((ROOT / "forebear").rglob("*.py"))
    if not any(path.is_relative_to(ROOT / exempt) for exempt in TOKENIZERS)
]


@cache
def names() -> frozenset[str]:
    """Families, model types, GGUF architectures, classes, and words for models, in small letters."""
    found: set[str] = set()
    for entry in index():
        found |= {entry.family, *entry.model_types, *entry.gguf, *entry.called}
        found |= {rule.class_name for rule in shipped(entry.family).steps.values()}
    return frozenset(name.lower() for name in found)


@cache
def words() -> re.Pattern[str]:
    """Any name as a word or as a part of an identifier."""
    listed = sorted(map(re.escape, names() - ORDINARY), key=len, reverse=True)
    return re.compile(r"(?<![a-z0-9])(" + "|".join(listed) + r")(?![a-z0-9])")


def test_every_file_is_found() -> None:
    assert {"llama", "gpt2", "mixtral", "llamaforcausallm", "qwen2_moe", "gptneox"} <= names()
    assert {"forebear/recipes/steps/routing.py", "forebear/inspection/residue.py"} <= {
        path.relative_to(ROOT).as_posix() for path in MODULES
    }
    assert all((ROOT / exempt).exists() for exempt in TOKENIZERS)


def strings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every string that is no docstring, with its line; f-strings by their constant parts."""
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.lineno, node.value


def named(tree: ast.Module) -> list[str]:
    """Strings and identifiers that name a family; llama.cpp is a program."""
    found = [
        f"line {line}: {text[:60]!r}"
        for line, text in strings(tree)
        if text.lower() in names() or words().search(text.lower().replace("llama.cpp", ""))
    ]
    for node in ast.walk(tree):
        field = {ast.Name: "id", ast.FunctionDef: "name", ast.ClassDef: "name", ast.Attribute: "attr"}.get(type(node))
        if field and words().search(getattr(node, field).lower()):
            found.append(f"line {node.lineno}: {getattr(node, field)}")
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_names_a_family(path: Path) -> None:
    assert named(ast.parse(path.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    "code",
    [
        "x = 'llama'",
        "if kind == 'bert': pass",
        "x = {'qwen2_moe': 1}",
        "_LLAMA = 1",
        "f'{x} is no gpt2 model'",
        "x = 'opt'",
    ],
)
def test_a_name_would_be_seen(code: str) -> None:
    assert named(ast.parse(code))


@pytest.mark.parametrize(
    "code", ["'''Names of llama.'''", "x = 'llama.cpp orders rows'", "x = 'optional'", "x = clip(y)"]
)
def test_what_is_no_name_is_left_alone(code: str) -> None:
    assert named(ast.parse(code)) == []


def test_no_other_file_of_data_tells_facts_of_families() -> None:
    known = names() - ORDINARY
    for path in (p for p in (ROOT / "forebear").rglob("*.toml") if p.parent != FOLDER):
        tables = re.findall(r"(?m)^\[+([a-z0-9_.]+)\]", path.read_text("utf-8"))
        assert not known & {word for table in tables for word in table.split(".")}, path
