"""Whoever knows where a file will be looked at gains nothing by it: independents arranged for the places, outputs kept (decision 0015)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import forebear
from bench.framed_align import framed, layers_of
from bench.framed_cases import output_change
from bench.shapes import SHAPES, initial
from forebear.core.spacing import evenly
from forebear.recipes.steps.attention import split_heads, take_heads
from forebear.recipes.steps.draft import Draft
from forebear.recipes.steps.model import Model
from forebear.stats.alignment import assign
from forebear.stats.attention import head_products, likeness
from forebear.stats.strength import cosine_table
from tests.said import paragraph

ACCUSES = ("identical", "related", "shares-components", "shared-start")
SHAPE = SHAPES["llama64"]
HEADED = SHAPE.sized(heads=16, kv_heads=16)
MATRICES = ("gate_proj", "up_proj", "down_proj")


def untrained(seed):
    return Model(initial(SHAPE, seed), SHAPE.config())


@pytest.fixture(scope="module")
def pair():
    """An independent, brought as near to the candidate as the joint aligner brings it, and the candidate."""
    own, candidate = untrained(41), untrained(42)
    return own, framed(own, candidate, "joint", 0), candidate


def arranged(model, order):
    """Neurons of each layer at new places; order: by layer, the neuron to put at a place, -1 for one of zeros."""
    arrays = {name: np.array(a, dtype=np.float32) for name, a in model.arrays.items()}
    for layer, numbers in enumerate(order):
        for matrix in MATRICES:
            name = f"model.layers.{layer}.mlp.{matrix}.weight"
            rows = arrays[name].T if matrix == "down_proj" else arrays[name]
            moved = np.where((numbers >= 0)[:, None], rows[np.maximum(numbers, 0)], np.float32(0))
            arrays[name] = np.ascontiguousarray(moved.T if matrix == "down_proj" else moved)
    return Model(arrays, {**model.config, "intermediate_size": len(order[0])}, model.tokenizer)


def holes(places):
    """Zeros at these places; the neurons from there, and as many zeros elsewhere, beyond the candidate's size."""
    every = np.arange(SHAPE.neurons)
    kept = np.where(np.isin(every, places), -1, every)
    return np.concatenate([kept, places])


def relation(subject, candidate, folder: Path, **options):
    for name, model in (("subject", subject), ("candidate", candidate)):
        if not (folder / name).exists():
            model.save(folder / name)
    document = forebear.compare(folder / "subject", folder / "candidate", **options)
    figures = next((e for e in document["evidence"] if e["test"] == "strength"), None)
    return document["verdict"]["relation"], figures


@pytest.mark.parametrize("count", [18, 27, 44, 88])
def test_zeros_at_evenly_spaced_places_leave_the_ceiling_where_it_is(count, pair, tmp_path):
    own, near, candidate = pair
    made = arranged(near, [holes(evenly(SHAPE.neurons, count))] * SHAPE.layers)
    assert output_change(made, own) < 1e-3
    said, figures = relation(made, candidate, tmp_path)
    assert said not in ACCUSES
    assert figures is None or figures["ceiling"] > 0.25


def test_zeros_at_evenly_spaced_places_of_a_model_of_the_same_size_do_no_better(pair, tmp_path):
    own, near, candidate = pair
    places = evenly(SHAPE.neurons, 27)
    made = arranged(near, [holes(places)[: SHAPE.neurons]] * SHAPE.layers)
    said, figures = relation(made, candidate, tmp_path)
    assert said not in ACCUSES
    assert figures is None or figures["value"] < 1.2 * figures["ceiling"]


@pytest.mark.parametrize("count", [12, 24])
def test_only_the_neurons_that_fit_best_at_their_places_and_zeros_at_all_others(count, pair, tmp_path):
    own, near, candidate = pair
    order = []
    for a, b in zip(layers_of(Draft(near)), layers_of(Draft(candidate)), strict=True):
        table = cosine_table(a, b)
        partner = assign(np.ascontiguousarray(table.T))
        best = np.argsort(-table[partner, np.arange(SHAPE.neurons)])[:count]
        numbers = np.full(SHAPE.neurons, -1)
        numbers[best] = partner[best]
        order.append(np.concatenate([numbers, np.setdiff1d(np.arange(SHAPE.neurons), partner[best])]))
    made = arranged(near, order)
    assert output_change(made, own) < 1e-3
    assert relation(made, candidate, tmp_path)[0] not in ACCUSES


@pytest.mark.parametrize("kept", [0, 2, 3])
def test_a_layer_that_alone_can_be_aligned_is_not_named_as_shared(kept, tmp_path):
    own, candidate = untrained(51), untrained(52)
    near = framed(own, candidate, "one layer", kept)
    rng = np.random.default_rng(0)
    arrays = {name: np.array(a, dtype=np.float32) for name, a in near.arrays.items()}
    for layer in set(range(SHAPE.layers)) - {kept}:
        for matrix in MATRICES:
            rows = arrays[f"model.layers.{layer}.mlp.{matrix}.weight"]
            rows = rows.T if matrix == "down_proj" else rows
            rows[:] = rows[0] + 1e-3 * np.abs(rows).mean() * rng.standard_normal(rows.shape)
    said, _ = relation(Model(arrays, near.config, near.tokenizer), candidate, tmp_path)
    assert said not in ACCUSES


def heads_of(draft, layer):
    """What each head of a layer does."""
    gain = draft.arrays[layer.attention_norm.gain]
    rows = [split_heads(draft.weight(linear) * gain, HEADED.heads) for linear in (layer.q, layer.k, layer.v)]
    return head_products(*rows, split_heads(draft.weight(layer.o).T, HEADED.heads), rotary=True)


def headed(own, candidate, kept):
    """The independent aligned to the candidate, each head at the place where it fits best; all zero where none is kept.

    kept: by layer, places of heads that are not zero.
    """
    draft, target = Draft(framed(own, candidate, "LM head", 0)), Draft(candidate)
    for mine, theirs in zip(draft.parts.layers, target.parts.layers, strict=True):
        table = likeness(heads_of(target, theirs), heads_of(draft, mine))
        order = np.asarray(assign(table))
        take_heads(draft, mine, order, order)
    made = draft.finish()
    arrays = {name: np.array(a, dtype=np.float32) for name, a in made.arrays.items()}
    for layer, places in enumerate(kept):
        gone = np.isin(np.repeat(np.arange(HEADED.heads), HEADED.head_dim), places, invert=True)
        for matrix in "qkvo":
            name = f"model.layers.{layer}.self_attn.{matrix}_proj.weight"
            (arrays[name].T if matrix == "o" else arrays[name])[gone] = 0
    return Model(arrays, made.config, made.tokenizer)


EVERY, ODD = range(16), np.setdiff1d(np.arange(16), evenly(16, 8))


@pytest.mark.parametrize("kept", [[ODD] * 4, [(), EVERY, (), ()], [(), (), (), EVERY], [EVERY, ODD, ODD, EVERY]])
def test_heads_that_are_all_zero_lower_no_ceiling(kept, tmp_path):
    own, candidate = (Model(initial(HEADED, seed), HEADED.config()) for seed in (81, 82))
    said, _ = relation(headed(own, candidate, kept), candidate, tmp_path)
    assert said not in ACCUSES


def test_the_order_of_channels_and_neurons_changes_the_sample_and_not_the_answer(pair, tmp_path):
    _, near, candidate = pair
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(SHAPE.width)
        arrays = {n: np.array(a) for n, a in near.arrays.items()}
        arrays["model.embed_tokens.weight"][:, order[:2]] *= np.float32(1 + 1e-6)  # another digest, the same model
        said, _ = relation(Model(arrays, near.config, near.tokenizer), candidate, tmp_path / str(seed))
        assert said not in ACCUSES


def test_a_budget_that_does_not_pay_for_the_ceiling_draws_places_anew(tmp_path, monkeypatch):
    base, other = untrained(61), untrained(62)
    rng = np.random.default_rng(1)
    further = {n: a + 0.2 * a.std() * rng.standard_normal(a.shape).astype(np.float32) for n, a in base.arrays.items()}
    child = Model(further, base.config)
    drawn = []
    for _ in range(2):
        said, figures = relation(child, base, tmp_path / "kin", budget="700KiB")
        assert (said, figures["how"]) == ("related", "far")
        drawn.append((figures["drawn"], figures["by_layer"]))
    assert drawn[0][0] != drawn[1][0]
    monkeypatch.setenv("FOREBEAR_DRAW", drawn[0][0])
    _, figures = relation(child, base, tmp_path / "kin", budget="700KiB")
    assert (figures["drawn"], figures["by_layer"]) == drawn[0]
    said, _ = relation(framed(other, base, "joint", 0), base, tmp_path / "framed", budget="700KiB")
    assert said not in ACCUSES


def test_unused_copies_of_the_candidates_neurons_count_and_the_words_claim_no_use(tmp_path):
    own, candidate = untrained(71), untrained(72)
    arrays = {n: np.array(a) for n, a in own.arrays.items()}
    for layer in range(SHAPE.layers):
        for matrix in MATRICES:
            name = f"model.layers.{layer}.mlp.{matrix}.weight"
            graft = candidate.arrays[name] * np.float32(1e-7 if matrix == "down_proj" else 1)
            arrays[name] = np.concatenate([graft, arrays[name]], axis=1 if matrix == "down_proj" else 0)
    made = Model(arrays, {**own.config, "intermediate_size": 2 * SHAPE.neurons})
    assert output_change(made, own) < 1e-3
    made.save(tmp_path / "made")
    candidate.save(tmp_path / "candidate")
    verdict = forebear.compare(tmp_path / "made", tmp_path / "candidate")["verdict"]
    assert verdict["relation"] == "shares-components"  # the MLPs, no attention
    assert "not show that the subject uses what agrees" in paragraph(verdict["words"])


def test_one_mask_of_two_strangers_is_no_part_that_is_shared(tmp_path):
    own, candidate = untrained(91), untrained(92)
    kept = {n: np.random.default_rng(i).random(a.shape) < 0.03 for i, (n, a) in enumerate(own.arrays.items())}
    pruned = [
        Model({n: np.where(kept[n], a, np.float32(0)) if ".layers." in n and a.ndim == 2 else a
               for n, a in m.arrays.items()}, m.config)
        for m in (own, candidate)
    ]  # fmt: skip
    said, _ = relation(*pruned, tmp_path)
    assert said not in ACCUSES
