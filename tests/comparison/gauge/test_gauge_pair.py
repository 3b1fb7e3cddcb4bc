"""Rewritten without changing an output: a copy, a descendant and a stranger, seen through `compare`."""

from __future__ import annotations

import itertools
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import forebear
from bench.speed_verdicts import differences
from forebear.comparison.demo import demo_folder
from forebear.comparison.gauge import cells
from forebear.comparison.gauge.blind import Look
from forebear.comparison.gauge.cells import map_cost
from forebear.comparison.reading import folded
from forebear.comparison.reading.allowance import Allowance
from forebear.comparison.reading.folded import Side
from forebear.comparison.reading.norms import norm_rule
from forebear.comparison.reading.pair import Pair
from forebear.core import threads
from forebear.core.documents import canonical_json
from forebear.models.checkpoint import open_checkpoint
from forebear.recipes.steps.compose import reparameterise
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.registry import apply
from tests.comparison.gauge.conftest import INDEPENDENTS, mapped
from tests.comparison.variants import load, save
from tests.said import paragraph, said, text


@cache
def verdict(subject, candidate, **settings):
    """Document and verdict of a pair, compared once: several tests look at one document."""
    document = forebear.compare(subject, [candidate], **settings)
    return document, document["verdict"]


def views(document):
    return next(e for e in document["evidence"] if e["test"] == "two-views")


def test_a_descendant_rewritten_by_every_move_is_found_with_its_layers(rewritten):
    """The demo's descendant has two layers inserted (1 and 4) and was trained on; then every output-preserving move."""
    document, found = verdict(rewritten(demo_folder() / "descendant", 1), demo_folder() / "base")
    assert (found["relation"], found["reparameterised"], found["kind"]) == ("related", True, "calibrated")
    assert document["alignment"]["layers"]["pairs"] == ((0, 0), (2, 1), (3, 2), (5, 3))
    assert views(document)["matched"] >= 600
    assert views(document)["of"] == 704
    assert views(document)["mismatched_mean"] <= 1.5
    assert "layers 2-3 of the subject correspond to the candidate's layers 1-2" in said(document["alignment"]["words"])


def test_the_positive_control_agrees_on_every_neuron(rewritten):
    """A against itself rewritten (METHODS §9)."""
    document, found = verdict(demo_folder() / "base", rewritten(demo_folder() / "base", 2))
    assert (found["relation"], found["reparameterised"]) == ("related", True)
    assert views(document)["matched"] == views(document)["of"] == 704
    assert document["alignment"]["gauge"]["rotation"]["fit"] > 0.999


@pytest.mark.parametrize(
    "move", ["residual-permutation", "residual-rotation", "gain-replacement", "neuron-permutation", "neuron-scaling"]
)
def test_each_move_alone_is_seen_through(rewritten, move):
    _, found = verdict(rewritten(demo_folder() / "descendant", 3, (move,)), demo_folder() / "base")
    assert found["relation"] == "related"


def test_neurons_left_in_place_under_a_rotation_still_have_exact_tests(rewritten):
    """Rotations made for quantisation move no neuron: deck and sign are exact after the rotation (METHODS §9, end)."""
    document = mapped(rewritten(demo_folder() / "descendant", 1, ("residual-rotation",)), demo_folder() / "base")
    exact = [e for e in document["evidence"] if e.get("gauge") and e["kind"] == "exact"]
    assert {e["test"] for e in exact} == {"deck", "sign"}
    assert all(e["log10_p"] < -100 for e in exact)


@pytest.mark.parametrize("kept", [None, 0])
@pytest.mark.parametrize("subject", ["descendant", "independent"])
def test_threads_and_layers_kept_change_no_figure(rewritten, subject, kept, monkeypatch):
    """Every block is the product it would be alone, and a layer read once is the layer read again; kept 0: layers one at a time."""
    pair = rewritten(demo_folder() / subject, 1), demo_folder() / "base"
    before = verdict(*pair)[0]
    begun = []
    monkeypatch.setattr(threads, "_cores", 3)
    monkeypatch.setattr(threads, "_alone", lambda work, part: begun.append(work) or work(part))
    if kept is not None:
        monkeypatch.setattr(folded, "KEPT_BYTES", kept)
        monkeypatch.setattr(cells, "AT_ONCE_BYTES", kept)
    after = forebear.compare(*pair)
    assert begun
    assert differences(json.loads(canonical_json(before)), json.loads(canonical_json(after))) == []
    assert after["read"]["candidate_bytes"] > before["read"]["candidate_bytes"] or kept is None


@pytest.mark.parametrize(("left", "right"), list(itertools.combinations(range(6), 2))[::4])
def test_no_independent_is_called_related(left, right):
    document, found = verdict(INDEPENDENTS / str(left), INDEPENDENTS / str(right))
    assert found["relation"] == "no-evidence"
    assert views(document)["matched"] <= 8
    assert not views(document)["decides"]


def test_a_stranger_stays_a_stranger_when_it_is_rewritten(rewritten):
    document, found = verdict(rewritten(demo_folder() / "independent", 4), demo_folder() / "base")
    assert (found["relation"], found["reparameterised"]) == ("no-evidence", False)
    assert "would have been found down to a correlation of" in paragraph(found["words"])
    assert "nothing corresponds" in paragraph(document["alignment"]["words"])


def test_a_pair_settled_in_raw_coordinates_is_not_gauge_fixed():
    document, found = verdict(demo_folder() / "descendant", demo_folder() / "base")
    assert found["relation"] == "related"
    assert not found["reparameterised"]
    assert "gauge" not in document["alignment"]


def test_a_budget_too_small_for_gauge_fixing_is_said(rewritten):
    """And it is kept: what was read beyond the header stays under it."""
    document, found = verdict(rewritten(demo_folder() / "descendant", 1), demo_folder() / "base", budget="40000")
    assert found["relation"] in ("no-evidence", "cannot-tell")
    assert any("rewritten without changing its outputs was not looked for" in s for s in said(document["limits"]))
    header = 8192
    assert document["read"]["subject_bytes"] <= 40000 + header


def without_embedding(folder, target):
    """The same weights with an embedding and head of noise, and no vocabulary: only layers are left to compare."""
    rng = np.random.default_rng(7)
    arrays = load(folder)
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        arrays[name] = (arrays[name].std() * rng.standard_normal(arrays[name].shape)).astype(np.float32)
    return save(target, arrays, folder)


def test_a_copy_whose_embedding_was_replaced_is_found_by_layers_that_played_no_part(rewritten, tmp_path):
    subject = without_embedding(rewritten(demo_folder() / "base", 2), tmp_path / "replaced")
    document, found = verdict(subject, demo_folder() / "base")
    assert (found["relation"], found["reparameterised"]) == ("related", True)
    assert "Nothing shared was found in: embedding" in paragraph(found["words"])
    assert text(document["alignment"]["gauge"]["rotation"]["how"]) == "neurons of 2 layers, tested on others"
    assert views(document)["matched"] >= 350
    assert views(document)["of"] == 352


def test_a_stranger_without_an_embedding_stays_a_stranger(rewritten, tmp_path):
    subject = without_embedding(rewritten(demo_folder() / "independent", 4), tmp_path / "replaced")
    _, found = verdict(subject, demo_folder() / "base")
    assert found["relation"] == "no-evidence"
    assert "A rotation from neurons alone was given up after 5 rounds: in 2 layers" in paragraph(found["words"])
    _, whole = verdict(subject, demo_folder() / "base", full=True)
    assert whole["relation"] == "no-evidence"
    assert "A rotation from neurons alone was tried as well" in paragraph(whole["words"])


def test_nobody_looks_early_where_the_budget_would_pay_for_less_of_the_test_after_it(rewritten, tmp_path):
    sides = [open_checkpoint(demo_folder() / name) for name in ("independent", "base")]
    ready = Side(sides[0], norm_rule(sides[0])), Side(sides[1], norm_rule(sides[1]))
    pairs = [(1, 1), (3, 3)]
    cost = max(map_cost(ready, pairs, True))
    for budget, looked in ((None, True), (2 * cost, True), (2 * cost - 1, False)):
        pair = Pair(sides[0], sides[1], Allowance(sides[0].container, sides[1].container, budget))
        assert (Look.affordable(pair, ready, pairs) is not None) == looked
        assert not pair.allowance.refused


def test_a_rotation_from_neurons_never_claims_held_out_tokens(rewritten, tmp_path):
    subject = without_embedding(rewritten(demo_folder() / "base", 2), tmp_path / "replaced")
    document = mapped(subject, demo_folder() / "base")
    told = paragraph(document["alignment"]["words"])
    assert "held-out tokens" not in told
    assert "it was fitted on name each other" in told


SAME_SEED = Path(__file__).parents[2] / "data" / "same_seed"


@pytest.mark.parametrize("moves", ["all", ("residual-rotation",), ("neuron-permutation", "gain-replacement")])
def test_one_seed_with_other_data_is_never_called_related_after_a_rewriting(rewritten, moves):
    """Gains are gone from their place, so what tells a shared start must be read from columns (METHODS §1)."""
    for subject, candidate in (("a", "b"), ("b", "a")):
        _, found = verdict(rewritten(SAME_SEED / subject, 5, moves), SAME_SEED / candidate)
        assert found["relation"] in ("shared-start", "cannot-tell", "no-evidence", "related-channels-only")


def test_a_descendant_rewritten_is_told_apart_from_a_shared_start_by_its_gains(rewritten):
    document, found = verdict(rewritten(demo_folder() / "descendant", 1), demo_folder() / "base")
    start = next(e for e in document["evidence"] if e["test"] == "shared-start" and e.get("gauge"))
    assert start["decision"] == "shared-training"
    assert start["rho"] >= 0.25
    assert "training left the same marks in both" in paragraph(found["words"])


def test_two_rewritten_copies_without_one_gain_in_its_place_are_held_by_how_close_they_are(rewritten):
    document, found = verdict(rewritten(demo_folder() / "base", 5), rewritten(demo_folder() / "base", 6))
    assert (found["relation"], found["reparameterised"]) == ("related", True)
    start = next(e for e in document["evidence"] if e["test"] == "shared-start" and e.get("gauge"))
    assert start["decision"] in ("shared-training", "close")


@pytest.mark.parametrize("seed", [0, 1])
def test_a_shuffle_of_channels_that_leaves_an_outlier_in_place_makes_no_shared_start(seed, tmp_path):
    """With seed 0 trace and sign of neurons see that one channel, while gains are compared with others' gains."""
    moved = apply("residual-permutation", Model.load(demo_folder() / "base"), seed).save(tmp_path / "moved")
    document, found = verdict(moved, demo_folder() / "base")
    assert (found["relation"], found["reparameterised"]) == ("related", True)
    assert any(e.get("displaced") for e in document["evidence"]) is (seed == 0)
    stranger = apply("residual-permutation", Model.load(demo_folder() / "independent"), seed).save(tmp_path / "other")
    assert verdict(stranger, demo_folder() / "base")[1]["relation"] == "no-evidence"


def test_a_mixture_with_a_new_vocabulary_is_found_whatever_the_order_of_its_experts(tmp_path):
    def mixture(name: str) -> Model:
        return apply("dense-to-moe", Model.load(demo_folder() / name), 5, experts=3, noise=0.3)

    base = mixture("base").save(tmp_path / "base")
    for name, expected in (("base", "related"), ("independent", "no-evidence")):
        moved = reparameterise(apply("vocabulary-replaced", mixture(name), 6), 7).save(tmp_path / f"moved-{name}")
        assert verdict(moved, base)[1]["relation"] == expected
