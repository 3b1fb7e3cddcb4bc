"""SECURITY.md states the bounds that the code has."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from forebear.core.sizes import parse_size

PAGE = Path(__file__).resolve().parents[2] / "SECURITY.md"
ROWS = re.findall(r"^\| [^|]+ \| ([^|]+) \| `([\w.]+)` \|$", PAGE.read_text("utf-8"), re.MULTILINE)


def test_the_page_lists_every_bound_of_the_code_that_a_file_meets() -> None:
    assert len(ROWS) >= 15
    listed = {place.rpartition(".")[2] for _, place in ROWS}
    bounds = {name for name in vars(import_module("forebear.core.limits")) if name.startswith("MAX_")}
    assert bounds - listed <= {"MAX_METADATA_ENTRIES"}


@pytest.mark.parametrize(("stated", "place"), ROWS)
def test_a_bound_is_the_one_in_the_code(stated: str, place: str) -> None:
    module, _, name = place.rpartition(".")
    value = getattr(import_module(module), name)
    plain = stated.replace(",", "")
    assert value == (int(plain) if plain.isdigit() else parse_size(plain.replace(" ", ""), "SECURITY.md"))


def test_what_cannot_be_protected_is_said() -> None:
    text = PAGE.read_text("utf-8")
    for needed in (
        "python -m forebear` without `-P`",
        "python -P -m forebear",
        "PYTHONPATH",
        "How to report",
        "Memory",
        "Who may read what",
    ):
        assert needed in text
