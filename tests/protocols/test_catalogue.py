"""The page of architectures says what the definitions and proofs say."""

from __future__ import annotations

from forebear.models.architecture.registry import index
from tests.protocols.catalogue import PAGE, page
from tests.protocols.families import CASES


def test_the_page_is_current() -> None:
    assert PAGE.read_text("utf-8") == page(), "run: python -m tests.protocols.catalogue > docs/architectures.md"


def test_every_family_that_ships_has_a_proof_and_every_proof_a_family() -> None:
    assert {entry.family for entry in index()} == {case.family for case in CASES}


def test_every_model_type_that_ships_is_on_the_page() -> None:
    text = page()
    assert [kind for entry in index() for kind in entry.model_types if kind not in text] == []
