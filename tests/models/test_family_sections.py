"""Every family that ships has every section, or says in its file why not."""

from __future__ import annotations

import pytest

from forebear.models.architecture.registry import index, shipped
from forebear.models.architecture.sections import SECTIONS

FAMILIES = [entry.family for entry in index()]


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_has_a_section_or_a_reason_why_not(family: str, section: str) -> None:
    definition = shipped(family)
    assert bool(getattr(definition, section)) is not bool(definition.without.get(section)), (family, section)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_rule_of_norms_decides_or_says_why_not(family: str) -> None:
    norms = shipped(family).norms
    assert norms is not None
    for rule in (norms.usual, *(rule for _, rule in norms.variants)):
        assert rule.decides is not bool(rule.undecided), family
