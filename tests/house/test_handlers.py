"""No handler turns a fault of ours into a refusal of an input: broad ones raise again or say that the fault is ours."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "forebear"
BROAD = {"Exception", "BaseException"}
SLIPS = {"TypeError", "AttributeError", "AssertionError", "NameError", "UnboundLocalError"}
"""What a slip in our own code raises; an input is looked at before it is used, so that these mean nothing else."""
SAID_AS_FAULTS = {
    "cli/main.py": "exit code 4, what is known aside",
    "comparison/worker.py": "sent to the parent, which raises it as a fault",
    "comparison/reading/beside.py": "raised again by whoever asks for the answer",
}
OF_PACKAGES = {"comparison/tests/registry.py", "core/plugins.py", "files/formats/format.py", "engines/ray.py", "casefile/bitext/semantic.py"}
"""Where the code of an installed package runs: its fault is named as that package's, no refusal of an input."""
STILL_THERE = {
    "casefile/claims/run.py", "casefile/document.py", "files/views/quantised_blocks.py", "recipes/steps/tokenizer.py",
}  # fmt: skip
"""Modules that still take a slip for a bad input; the list may only become shorter."""


def handlers(source: str) -> Iterator[tuple[ast.ExceptHandler, set[str]]]:
    """Every handler with the names it catches; a bare one catches BaseException."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler):
            parts = [] if node.type is None else list(ast.walk(node.type))
            names = {part.id for part in parts if isinstance(part, ast.Name)}
            yield node, names | {part.attr for part in parts if isinstance(part, ast.Attribute)} or {"BaseException"}


def raises_again(handler: ast.ExceptHandler) -> bool:
    """Whether its last statement raises what was caught."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def refuses(handler: ast.ExceptHandler) -> bool:
    """Whether anything in it raises or makes another error."""
    inner = [node for statement in handler.body for node in ast.walk(statement)]
    made = {node.func.id for node in inner if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    return any(isinstance(node, ast.Raise) and node.exc is not None for node in inner) or bool(
        {name for name in made if name.endswith("Error") or "refuse" in name or "damaged" in name}
    )


def broad_ones(source: str) -> list[int]:
    return [h.lineno for h, names in handlers(source) if names & BROAD and not raises_again(h)]


def slips(source: str) -> list[int]:
    return [h.lineno for h, names in handlers(source) if names & SLIPS and refuses(h)]


def modules() -> dict[str, str]:
    return {p.relative_to(PACKAGE).as_posix(): p.read_text("utf-8") for p in PACKAGE.rglob("*.py")}


def test_every_broad_handler_raises_again_or_says_that_the_fault_is_ours() -> None:
    found = {name for name, source in modules().items() if broad_ones(source)}
    assert found <= set(SAID_AS_FAULTS) | OF_PACKAGES
    for name in found - OF_PACKAGES:
        for handler, names in handlers((PACKAGE / name).read_text("utf-8")):
            assert not (names & BROAD and refuses(handler)), name


def test_no_further_module_takes_a_slip_of_ours_for_a_bad_input() -> None:
    assert {name for name, source in modules().items() if slips(source)} <= STILL_THERE | OF_PACKAGES


@pytest.mark.parametrize(("handler", "broad", "slip"), [
    ("except Exception as e:\n    raise RefusedError('x') from e", True, False), ("except:\n    pass", True, False),
    ("except (ValueError, BaseException):\n    x = RefusedError('x')", True, False), ("except BaseException:\n    f()\n    raise", False, False),
    ("except builtins.Exception:\n    pass", True, False), ("except (KeyError, TypeError):\n    raise RefusedError('x')", False, True),
    ("except AttributeError:\n    return refuse(x)", False, True), ("except TypeError:\n    raise", False, False),
    ("except ValueError:\n    raise RefusedError('x')", False, False),
])  # fmt: skip
def test_the_rule_sees_what_it_is_for(handler: str, broad: bool, slip: bool) -> None:
    source = f"def g():\n    try:\n        f()\n{''.join(f'    {line}' + chr(10) for line in handler.splitlines())}"
    assert (bool(broad_ones(source)), bool(slips(source))) == (broad, slip)
