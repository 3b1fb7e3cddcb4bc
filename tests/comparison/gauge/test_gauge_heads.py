"""Attention after gauge fixing, through `compare`: heads are named, told, and never decide."""

from __future__ import annotations

import pytest

from forebear.comparison.demo import demo_folder
from forebear.recipes.steps.compose import reparameterise
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.registry import apply
from tests.comparison.gauge.conftest import INDEPENDENTS, mapped
from tests.said import paragraph


def heads(document):
    return next((e for e in document["evidence"] if e["test"] == "two-products"), None)


def test_every_head_of_a_rewritten_copy_is_named_by_both_products(rewritten):
    """All moves: value mixing, turned planes, groups and query heads in another order."""
    document = mapped(rewritten(demo_folder() / "base", 2), demo_folder() / "base")
    found = heads(document)
    assert found["matched"] == found["of"] == 16
    assert found["written_cosine"] == pytest.approx(1.0, abs=1e-3)
    assert found["scored_cosine"] == pytest.approx(1.0, abs=1e-3)
    assert found["mismatched_mean"] <= 2
    assert not found["decides"]
    assert found["kind"] == "described"
    assert "in 4 layer pairs 16 of 16 attention heads are named alike" in paragraph(document["alignment"]["words"])


def test_heads_left_alone_by_a_rotation_stand_in_their_places(rewritten):
    document = mapped(
        rewritten(demo_folder() / "base", 3, ("residual-rotation", "neuron-permutation")), demo_folder() / "base"
    )
    assert [h["partners"] for h in document["alignment"]["gauge"]["heads"]] == [(0, 1, 2, 3)] * 4
    assert [h["groups"] for h in document["alignment"]["gauge"]["heads"]] == [(0, 1)] * 4
    assert "they are in their places" in paragraph(document["alignment"]["words"])


def test_keys_given_to_every_query_head_are_regrouped_and_said(tmp_path):
    made = apply("keys-repeated", Model.load(demo_folder() / "base"), 1)
    subject = reparameterise(made, 2).save(tmp_path / "m")
    document = mapped(subject, demo_folder() / "base")
    assert heads(document)["matched"] == 16
    told = paragraph(document["alignment"]["words"])
    assert "4 key-value groups of 1 query head in the subject correspond to 2 of 2 in the candidate" in told


def test_heads_of_strangers_are_not_told_at_all(rewritten):
    document = mapped(INDEPENDENTS / "0", INDEPENDENTS / "3")
    assert heads(document) is None
    assert "attention heads" not in paragraph(document["alignment"]["words"])


def test_heads_of_a_descendant_outweigh_those_of_layers_that_do_not_belong_together(rewritten):
    found = heads(mapped(rewritten(demo_folder() / "descendant", 1), demo_folder() / "base"))
    assert found["matched"] >= 12
    assert found["written_cosine"] > 4 * abs(found["mismatched_written"])
    assert found["scored_cosine"] > 4 * abs(found["mismatched_scored"])
