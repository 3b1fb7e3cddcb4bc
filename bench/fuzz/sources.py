"""What a run's inputs and answers depend on: digests over a target's generators and its readers, with all that they import."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from bench.fuzz.target import PLACES, find_target

ROOT = Path(__file__).parent.parent.parent


def generators_digest(name: str) -> str:
    """Of the module that makes a target's inputs: the same inputs come from the same digest."""
    module, _, _ = PLACES[name].partition(":")
    return _digest([module], ("bench.fuzz", "tests.hostile"))


def readers_digest(name: str) -> str:
    """Of the modules that a target measures: another digest, and its inputs have to be thrown anew."""
    return _digest(find_target(name).measured, ("forebear",))


def _digest(modules: Sequence[str], rooms: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for path in sorted(_reached([path for module in modules for path in _below(module)], rooms)):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _reached(paths: list[Path], rooms: tuple[str, ...]) -> set[Path]:
    """The files, and every file of these rooms that one of them imports at any depth."""
    reached, left, inside = set[Path](), paths, tuple(f"{room}." for room in rooms)
    while left:
        path = left.pop()
        if path not in reached:
            reached.add(path)
            left += [found for name in _imported(path) if f"{name}.".startswith(inside) for found in _file(name)]
    return reached


@cache
def _imported(path: Path) -> tuple[str, ...]:
    return tuple(_names(ast.parse(path.read_bytes())))


def _names(tree: ast.Module) -> Iterator[str]:
    """Whatever an import may name, at the top or in a function: modules, and things in them, which are no files."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _file(name: str) -> list[Path]:
    path = ROOT.joinpath(*name.split("."))
    return [found for found in (path.with_suffix(".py"), path / "__init__.py") if found.is_file()]


def _below(module: str) -> list[Path]:
    """A module, or a package with all its modules. Raises: LookupError where there is neither."""
    found = [*_file(module), *ROOT.joinpath(*module.split(".")).rglob("*.py")]
    if not found:
        raise LookupError(f"{module}: no such module; a target measures what has moved")
    return found
