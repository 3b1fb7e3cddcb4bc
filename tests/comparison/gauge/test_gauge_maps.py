"""Alignment in words on known answers: layers, experts, neurons of wider MLPs, tokens under other ids (METHODS §10)."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import forebear
from forebear.comparison.demo import demo_folder
from forebear.comparison.gauge import run
from forebear.comparison.gauge.copies import LeftOver, placed
from forebear.comparison.gauge.wider import Wider
from forebear.comparison.gauge.words import wider_words
from forebear.core.seeds import generator
from forebear.recipes.steps.compose import reparameterise
from forebear.recipes.steps.depth import restack
from forebear.recipes.steps.draft import Draft
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.registry import apply
from tests.comparison.gauge.conftest import mapped
from tests.comparison.variants import load, save
from tests.said import paragraph, said

BASE = demo_folder() / "base"
NEURONS = 176


@pytest.fixture(scope="module")
def base():
    return Model.load(BASE)


def told(subject, candidate=BASE, *, whole=False):
    """Document and words; unless whole, without what maps do not rest on."""
    document = forebear.compare(subject, [candidate]) if whole else mapped(subject, candidate)
    assert whole or document["alignment"]["gauge"]["decided"] or document["verdict"]["relation"] == "no-evidence"
    return document, said(document["alignment"]["words"])


def stacked(model, sources):
    draft = Draft(model)
    restack(draft, sources)
    return draft.finish()


def test_a_stack_that_repeats_its_end_is_told_with_the_layers_it_repeats(base, tmp_path):
    subject = reparameterise(stacked(base, [0, 1, 2, 3, 2, 3]), 1).save(tmp_path / "m")
    _, words = told(subject)
    pairs = " ".join(w for w in words if w.startswith("layer"))
    assert "layers 0-1 of the subject correspond to the candidate's layers 0-1" in pairs or (
        "layers 0-3 of the subject correspond to the candidate's layers 0-3" in pairs
    )
    assert "of the subject resemble the candidate's layers 2-3 as well (repeated)" in pairs
    assert "no counterpart" not in pairs


def test_a_candidate_that_repeats_layers_of_the_subject_is_told_the_other_way_round(base, tmp_path):
    candidate = reparameterise(stacked(base, [0, 1, 1, 2, 3]), 1).save(tmp_path / "m")
    _, words = told(BASE, candidate)
    assert any(w.endswith("of the candidate resembles the subject's layer 1 as well (repeated)") for w in words)
    assert not any("no counterpart" in w for w in words)


def test_new_layers_have_no_counterpart(base, tmp_path):
    subject = reparameterise(apply("layers-inserted", base, 2, kind="new", where=[1]), 1).save(tmp_path / "m")
    _, words = told(subject)
    assert "layers 0-1 of the subject correspond to the candidate's layers 0-1" in words
    assert "layers 3-4 of the subject correspond to the candidate's layers 2-3" in words
    assert "layer 2 of the subject has no counterpart in the candidate" in words


@pytest.mark.parametrize("settings", [{}, {"noise": 0.1}, {"noise": 0.1, "redrawn": 0.3}])
def test_eight_experts_copied_from_one_mlp_are_told_in_one_line(base, tmp_path, settings):
    made = apply("dense-to-moe", base, 3, experts=8, **settings)
    hardest = "redrawn" in settings
    document, words = told(reparameterise(made, 1).save(tmp_path / "m"), whole=hardest)
    assert not hardest or document["verdict"]["relation"] == "related"
    assert "experts of layers 0-3 of the subject correspond to layers 0-3 of the candidate as 0-7 → MLP" in words


def test_experts_that_hold_slices_are_told_with_the_neurons_they_hold(base, tmp_path):
    """Every expert's slice is known from the order in which the experts were shuffled."""
    made = apply("dense-to-moe", base, 3, experts=8, slices=8)
    rewritten = reparameterise(made, 1, ["residual-rotation", "neuron-permutation"])
    document, words = told(rewritten.save(tmp_path / "m"), whole=True)
    assert document["verdict"]["relation"] == "related"
    size = NEURONS // 8
    expected = "; ".join(f"{e} → MLP [{e * size}-{(e + 1) * size - 1}]" for e in range(8))
    assert f"experts of layers 0-3 of the subject correspond to layers 0-3 of the candidate as {expected}" in words


def test_experts_answer_to_the_experts_they_come_from(base, tmp_path):
    made = apply("dense-to-moe", base, 3, experts=4, redrawn=0.6)
    source = made.save(tmp_path / "whole")
    _, words = told(reparameterise(made, 7, ["residual-rotation", "neuron-permutation"]).save(tmp_path / "m"), source)
    assert (
        "experts of layers 0-3 of the subject correspond to layers 0-3 of the candidate as 0 → 0; 1 → 1; 2 → 2; 3 → 3"
        in words
    )


def test_experts_in_another_order_answer_one_to_one(base, tmp_path):
    made = apply("dense-to-moe", base, 3, experts=4, redrawn=0.6)
    source = made.save(tmp_path / "whole")
    document, words = told(reparameterise(made, 7).save(tmp_path / "m"), source, whole=True)
    assert document["verdict"]["relation"] == "related"
    maps = [
        dict(p.split(" → ") for p in w.split(" as ")[1].split("; ")) for w in words if w.startswith("experts of layer")
    ]
    assert maps
    assert all(sorted(m) == sorted(m.values()) == ["0", "1", "2", "3"] for m in maps)
    assert any(m[e] != e for m in maps for e in m)


@pytest.mark.parametrize(("kind", "moves", "order"), [
    ("append", ["residual-rotation"], "(appended)"), ("interleave", ["residual-rotation"], "(interleaved)"),
    ("duplicate", "all", "(duplicated)"), ("append", "all", "does not show"),
])  # fmt: skip
def test_a_wider_mlp_is_told_with_how_its_neurons_came_in(base, tmp_path, kind, moves, order):
    made = apply("mlp-widened", base, 4, factor=1.5, kind=kind)
    document, words = told(reparameterise(made, 1, moves).save(tmp_path / "m"), whole=moves == "all")
    assert moves != "all" or document["verdict"]["relation"] == "related"
    line = next(w for w in words if w.startswith("MLPs of the subject have 264 neurons for the candidate's 176"))
    assert order in line
    found = int(line.split(": ")[1].split(" of ")[0].replace(",", ""))
    assert found == 1056 if kind == "duplicate" else 704 <= found <= 715


@pytest.mark.parametrize(("by", "moves", "order"), [
    ("first", ["residual-rotation"], "they are the candidate's first"),
    ("norm", ["residual-rotation"], "they are in the candidate's order"), ("norm", "all", "does not show which"),
])  # fmt: skip
def test_a_narrower_mlp_is_told_with_what_was_left_out(base, tmp_path, by, moves, order):
    made = apply("mlp-narrowed", base, 4, share=0.75, by=by)
    document, words = told(reparameterise(made, 1, moves).save(tmp_path / "m"), whole=moves == "all")
    assert moves != "all" or document["verdict"]["relation"] == "related"
    line = next(w for w in words if w.startswith("MLPs of the subject have 132 neurons for the candidate's 176"))
    assert order in line
    assert "528 of 528" in line


def test_mlps_of_equal_width_are_not_called_wider(base, tmp_path):
    _, words = told(reparameterise(base, 1).save(tmp_path / "m"))
    assert not any(w.startswith("MLPs of the subject") for w in words)
    assert not any(w.startswith("experts") for w in words)


def reordered(folder, target):
    """The same model with its tokens under other ids and no vocabulary beside it."""
    arrays = load(folder)
    order = generator("test/gauge/ids").permutation(512)
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        arrays[name] = arrays[name][order]
    return save(target, arrays, folder, tokenizer=False)


def test_tokens_under_other_ids_without_a_vocabulary_are_found_by_their_content(rewritten, tmp_path):
    document, words = told(reordered(rewritten(demo_folder() / "descendant", 1), tmp_path / "m"), whole=True)
    found = document["verdict"]
    assert (found["relation"], found["reparameterised"]) == ("related", True)
    line = next(w for w in words if "embedding rows that were compared" in w)
    assert line.endswith("most under another token id")
    assert int(line.split(" of ")[0]) >= 200
    assert [p["path"] for p in document["alignment"]["paths"]] == ["raw coordinates", "gauge fixing"]


def test_a_strangers_tokens_under_other_ids_are_not_found(rewritten, tmp_path):
    document, words = told(reordered(rewritten(demo_folder() / "independent", 4), tmp_path / "m"))
    assert document["verdict"]["relation"] == "no-evidence"
    assert not any("embedding rows that were compared" in w for w in words)


def test_both_ways_are_told_with_what_each_would_have_found(rewritten):
    document, words = told(rewritten(demo_folder() / "independent", 4))
    raw, fixed = document["alignment"]["paths"]
    assert (raw["ran"], fixed["ran"]) == (True, True)
    assert "smallest correlation in place" in paragraph(raw["power"])
    assert "rewritten without changing its outputs" in paragraph(fixed["power"])
    assert any(w.startswith("raw coordinates did not settle the pair, so it was compared again") for w in words)


def test_a_pair_settled_in_raw_coordinates_says_that_gauge_fixing_was_not_needed():
    document, words = told(demo_folder() / "descendant", whole=True)
    assert document["alignment"]["paths"][1]["ran"] is False
    assert "raw coordinates settled the pair, so gauge fixing was not needed" in words


def test_every_try_after_gauge_fixing_is_paid_for(rewritten):
    """Four tries at most: plain and searched order, with an embedding and without."""
    document, _ = told(rewritten(demo_folder() / "base", 2))
    evidence = next(e for e in document["evidence"] if e["test"] == "two-views")
    assert evidence["looks_log10"] == pytest.approx(np.log10(4), abs=1e-3)


def with_a_worn_copy(base, noise):
    """Five layers, the last a copy of the one before, under noise of this multiple of each matrix's spread."""
    made = stacked(base, [0, 1, 2, 3, 3])
    rng = generator("test/gauge/worn")
    arrays = dict(made.arrays)
    for name, old in arrays.items():
        if ".4." in name and old.ndim == 2:
            arrays[name] = old + (noise * old.std() * rng.standard_normal(old.shape)).astype(old.dtype)
    return Model(arrays, made.config, made.tokenizer, made.dtypes, made.history)


WORN = "layer 4 of the subject resembles the candidate's layer 3 as well (repeated)"


def unlucky(screened):
    """A screen that drew, of the last layer, few of the neurons that answer."""

    def screen(*given):
        shares = screened(*given)
        shares[4] *= 0.1
        return shares

    return screen


@pytest.mark.parametrize(("wear", "named"), [(1.4, True), (3.0, False)])
def test_a_copy_that_a_screen_hardly_saw_is_asked_again_and_named_when_it_is_one(
    base, tmp_path, monkeypatch, wear, named
):
    subject = reparameterise(with_a_worn_copy(base, wear), 1).save(tmp_path / "m")
    monkeypatch.setattr(run, "screen", unlucky(run.screen))
    words = told(subject)[1]
    assert (WORN in words) is named
    assert any("layers 0-3 of the subject correspond" in w for w in words)
    monkeypatch.setattr(run, "left_over", lambda *_: LeftOver())
    assert WORN not in told(subject)[1]


def test_a_candidate_that_holds_a_copy_the_screen_hardly_saw_is_told_the_other_way_round(base, tmp_path, monkeypatch):
    candidate = reparameterise(with_a_worn_copy(base, 1.4), 1).save(tmp_path / "m")
    screened = run.screen

    def screen(*given):
        shares = screened(*given)
        shares[:, 4] *= 0.1
        return shares

    monkeypatch.setattr(run, "screen", screen)
    assert "layer 4 of the candidate resembles the subject's layer 3 as well (repeated)" in told(BASE, candidate)[1]


def test_layers_left_over_are_paired_where_both_are_free_and_the_order_holds_else_named_as_copies():
    paired = [(0, 0), (2, 2)]
    assert placed({(3, 3): 20, (4, 3): 30}, paired, {1, 3, 4}, {1, 3}) == LeftOver(((4, 3),), {3: 3}, {})
    assert placed({(1, 3): 20}, paired, {1, 3}, {1, 3}) == LeftOver((), {1: 3}, {3: 1})  # it would cross (2, 2)
    assert placed({(1, 2): 20, (2, 3): 9}, paired, {1}, {1, 3}) == LeftOver((), {1: 2}, {3: 2})
    assert placed({}, paired, {1}, {1}) == LeftOver()
    assert placed({(1, 3): 200, (1, 4): 20}, [(2, 2)], {1}, {3, 4}).repeats == {1: 3}  # the stronger cell
    assert placed({(1, 0): 200, (1, 3): 20}, [(0, 0)], {1}, {3}) == LeftOver((), {1: 0}, {3: 1})  # a copy is no pair
    assert placed({(2, 3): 20}, [(0, 0)], set(), {3}) == LeftOver((), {}, {3: 2})  # a layer the screen knows already


def test_mlps_of_several_sizes_are_told_apart_and_a_chance_neuron_tells_no_order():
    def cell(sizes, found, order):
        return SimpleNamespace(sizes=sizes, experts=(None, None), wider=Wider(sizes[0], found, 0, order))

    tested = SimpleNamespace(pairs=[cell((96, 128), 90, "appended"), cell((256, 128), 128, "appended")])
    narrow, wide = said(wider_words(tested))
    assert narrow.startswith("MLPs of the subject have 96 neurons for the candidate's 128: 90 of 96")
    assert "its others are left out" in narrow
    assert wide.startswith("MLPs of the subject have 256 neurons for the candidate's 128: 128 of 256")
    assert wide.endswith("(appended)")
    (chance,) = said(wider_words(SimpleNamespace(pairs=[cell((132, 176), 1, "interleaved")])))
    assert chance.endswith("does not show which of the candidate's were left out")
