"""Layouts that no family stores are read by shapes and by what agrees (decision 0118)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import forebear
from bench.hostile_names import dressed, fits
from bench.layout_held import HELD
from bench.shapes import SHAPES, initial
from forebear.comparison.reading.allowance import Allowance
from forebear.comparison.reading.cuts import Cut, admissible, cut_of
from forebear.comparison.reading.laid_out import laid_out
from forebear.comparison.reading.pair import Pair
from forebear.comparison.reading.recut import recut
from forebear.comparison.reading.slots import sources
from forebear.comparison.tests import attention
from forebear.models.checkpoint import open_checkpoint
from forebear.recipes.steps.compose import reparameterise
from forebear.recipes.steps.model import Model
from tests.memory import MemoryContainer
from tests.said import paragraph

SHAPE = SHAPES["tiny"]
MIXTURE = SHAPES["moe-48"]
GPT = SHAPES["gpt2-48"]


def stored(folder: Path, model: Model, word: str = "") -> Path:
    arrays, config = dressed(word, model.arrays, model.config) if word else (model.arrays, model.config)
    return Model(dict(arrays), dict(config)).save(folder)


def near(model: Model, seed: int) -> Model:
    """The same trained a little: noise of a fifth of every matrix."""
    rng = np.random.default_rng(seed)
    made = {n: a + 0.2 * a.std() * rng.standard_normal(a.shape) if a.ndim > 1 else a for n, a in model.arrays.items()}
    return Model({n: a.astype(np.float32) for n, a in made.items()}, model.config)


def fresh(shape, seed: int) -> Model:
    return Model(initial(shape, seed), shape.config())


@pytest.mark.parametrize("word", ["fused as Megatron writes", "input-major linears", "fused, up before gate"])
@pytest.mark.parametrize("move", ["near", "rewritten"])
def test_a_relative_in_another_layout_is_related(tmp_path, word, move):
    base = fresh(SHAPE, 1)
    subject = near(base, 2) if move == "near" else reparameterise(base, 3)
    document = forebear.compare(stored(tmp_path / "a", subject, word), stored(tmp_path / "b", base))
    assert document["verdict"]["relation"] == "related", paragraph(document["verdict"]["words"])
    assert "every p-value" in paragraph(document["alignment"]["words"])
    assert "no axis holds" not in paragraph(document["limits"])


@pytest.mark.parametrize("word", ["fused as Megatron writes", "input-major linears", "fused, up before gate"])
def test_a_stranger_in_another_layout_stays_one(tmp_path, word):
    document = forebear.compare(stored(tmp_path / "a", fresh(SHAPE, 4), word), stored(tmp_path / "b", fresh(SHAPE, 1)))
    assert document["verdict"]["relation"] in ("no-evidence", "cannot-tell")


@pytest.mark.parametrize("word", ["experts in one tensor", "experts fused", "experts fused, input-major"])
def test_experts_of_a_relative_are_found_in_one_tensor(tmp_path, word):
    base = fresh(MIXTURE, 1)
    document = forebear.compare(stored(tmp_path / "a", near(base, 2), word), stored(tmp_path / "b", base))
    assert document["verdict"]["relation"] == "related", paragraph(document["verdict"]["words"])


def test_both_sides_in_a_layout_that_only_the_configuration_names(tmp_path):
    base, word = fresh(SHAPE, 1), "fused as Megatron writes"
    document = forebear.compare(stored(tmp_path / "a", near(base, 2), word), stored(tmp_path / "b", base, word))
    assert document["verdict"]["relation"] == "related"


def shape_for(word: str):
    return next(shape for shape in (SHAPE, MIXTURE, GPT) if fits(word, shape.config()["model_type"]))


@pytest.mark.parametrize("word", HELD)
def test_layouts_that_were_written_after_the_rules_read_alike(tmp_path, word):
    shape = shape_for(word)
    base = fresh(shape, 1)
    for name, subject in (("near", near(base, 2)), ("rewritten", reparameterise(base, 3))):
        document = forebear.compare(stored(tmp_path / name, subject, word), stored(tmp_path / "b", base))
        assert document["verdict"]["relation"] == "related", (name, paragraph(document["verdict"]["words"]))


@pytest.mark.parametrize("word", HELD)
def test_strangers_in_layouts_that_were_written_after_the_rules_stay_strangers(tmp_path, word):
    shape = shape_for(word)
    document = forebear.compare(stored(tmp_path / "a", fresh(shape, 4), word), stored(tmp_path / "b", fresh(shape, 1)))
    assert document["verdict"]["relation"] in ("no-evidence", "cannot-tell")


def test_a_cut_that_the_pair_says_and_no_other_is_taken(tmp_path):
    base = fresh(SHAPE, 1)
    plain = open_checkpoint(stored(tmp_path / "b", base))
    for word, parts in (("fused as vLLM writes", None), ("fused, up before gate", ["up", "gate"])):
        side = open_checkpoint(stored(tmp_path / word.replace(" ", "-"), near(base, 2), word))
        found = recut(side, plain, 2**29)
        assert (found is None) is (parts is None)
        if found is not None:
            assert [said.values["parts"] for said in found.said] == [tuple(parts)] or [
                list(s.values["parts"]) for s in found.said
            ] == [parts]
            gate = found.side.piece("gate", 0)
            assert np.allclose(found.side.units(gate, "neuron"), side.container.read(gate.tensor)[None, SHAPE.neurons :])


@pytest.mark.parametrize("word", ["c_attn by head, outputs first", "c_attn by head, LayerNorm folded"])
def test_heads_of_a_family_that_always_fuses_them_are_cut_as_the_pair_says(tmp_path, word):
    base = fresh(GPT, 1)
    document = forebear.compare(stored(tmp_path / "a", near(base, 2), word), stored(tmp_path / "b", base))
    assert f"{GPT.heads} times over" in paragraph(document["alignment"]["words"])
    told = {one["name"]: one["state"] for one in document["alignment"]["components"]}
    assert told["attention"] == "shared"
    plain = forebear.compare(stored(tmp_path / "c", near(base, 2)), stored(tmp_path / "b", base))
    assert "times over" not in paragraph(plain["alignment"]["words"])


@pytest.mark.parametrize("chosen", [False, True])
def test_attention_whose_queries_the_pair_chose_is_measured_and_decides_nothing(tmp_path, monkeypatch, chosen):
    base = fresh(GPT, 1)
    sides = [open_checkpoint(stored(tmp_path / name, model)) for name, model in (("a", near(base, 2)), ("b", base))]
    pair = Pair(*sides, Allowance(sides[0].container, sides[1].container, None), attention_chosen=chosen)
    found = attention.AttentionOutcome(holds=True, shared=((0, 0),), nothing=((1, 1),))
    monkeypatch.setattr(attention, "_measured", lambda *_: found)
    monkeypatch.setattr(attention, "starting_rotations", lambda *_: [])
    told = attention.measure_attention(pair, [(n, n) for n in range(sides[0].layers)], None, None)
    assert (told.holds, told.shared, told.nothing) == ((False, (), ((1, 1),)) if chosen else (True, ((0, 0),), ((1, 1),)))


def test_layouts_say_whether_queries_were_chosen(tmp_path):
    base = fresh(GPT, 1)
    plain = open_checkpoint(stored(tmp_path / "b", base))
    by_head = open_checkpoint(stored(tmp_path / "a", near(base, 2), "c_attn by head, outputs first"))
    assert laid_out(by_head, plain, None)[-1] is True
    assert laid_out(open_checkpoint(stored(tmp_path / "c", near(base, 2))), plain, None)[-1] is False
    llama = fresh(SHAPE, 1)
    other, gated = open_checkpoint(stored(tmp_path / "d", llama)), stored(tmp_path / "e", near(llama, 2), "fused, up before gate")
    assert recut(open_checkpoint(gated), other, 2**29).attention is False


def test_no_evidence_names_the_order_of_parts_its_power_holds_for(tmp_path):
    words = []
    for name, word in (("fused", "fused as vLLM writes"), ("apart", "")):
        sides = [stored(tmp_path / f"{name}-{seed}", fresh(SHAPE, seed), word) for seed in (4, 1)]
        document = forebear.compare(*sides)
        assert document["verdict"]["relation"] == "no-evidence"
        words.append(paragraph(document["verdict"]["words"]))
    assert ["order of parts" in one for one in words] == [True, False]


def test_cuts_cover_every_row_once():
    for cut in admissible((8, 4, 4)):
        rows = np.concatenate([cut.rows((8, 4, 4), part) for part in range(3)])
        assert sorted(rows.tolist()) == list(range(16))
        assert cut_of([cut.span((8, 4, 4), part) for part in range(3)]) in (cut, Cut(cut.order, cut.runs))
    assert len(admissible((8, 4, 4))) == 3 * 6


def test_names_with_a_serial_number_alone_are_layers_in_turn():
    shapes = [(4, 4), (8, 4)] * 3
    arrays = {f"onnx::MatMul_{1000 + 7 * k}": np.zeros(shape, np.float32) for k, shape in enumerate(shapes)}
    found = sources(MemoryContainer(arrays), 3)
    assert {source.shape: sorted(source.names) for source in found} == {
        shape: [(0, None), (1, None), (2, None)] for shape in ((4, 4), (8, 4))
    }
    odd = {f"onnx::MatMul_{k}": np.zeros((k + 1, 4), np.float32) for k in (3, 9, 11, 30)}
    assert all(layer is None for source in sources(MemoryContainer(odd), 2) for layer, _ in source.names)


def test_nothing_found_in_a_layout_that_was_guessed_is_no_finding(tmp_path):
    word = "Wqkv by group, keys first, w12 row by row"
    base = fresh(SHAPE, 1)
    sides = stored(tmp_path / "a", reparameterise(base, 3), word), stored(tmp_path / "b", base, word)
    document = forebear.compare(*sides)
    assert document["verdict"]["relation"] != "no-evidence"
    if document["verdict"]["relation"] == "cannot-tell":
        assert "several readings" in paragraph(document["verdict"]["words"]) or document["evidence"]


def test_two_sides_with_every_matrix_turned_are_read_where_shapes_mark_a_family(tmp_path):
    word, base = "c_attn by head, outputs first", fresh(GPT, 1)
    document = forebear.compare(stored(tmp_path / "a", near(base, 2), word), stored(tmp_path / "b", base, word))
    assert document["verdict"]["relation"] == "related"
