"""What strangers share without copying accuses nobody, and what other code does to a file hides no relation."""

from __future__ import annotations

import re

import numpy as np
import pytest

import forebear
from bench.hostile_cases import table_of
from bench.hostile_names import dressed
from forebear.comparison.findings.evidence import Axis, Deck, Evidence, Sign, Strength
from forebear.comparison.findings.parts import Component
from forebear.comparison.findings.words import as_told
from forebear.comparison.reading.folded import Side
from forebear.comparison.reading.norms import norm_rule
from forebear.comparison.tests.branches import _order_alone
from forebear.comparison.tests.strength_outcome import StrengthOutcome
from forebear.comparison.tests.strength_whole import _over_zeros
from forebear.models.checkpoint import open_checkpoint_from
from forebear.stats.strength import neurons
from forebear.stats.strength_thresholds import WIDEST
from forebear.stats.tables import follows_a_formula
from forebear.stats.zero_share import common_zeros, lengthened
from tests.memory import MemoryContainer
from tests.models.builders import llama_arrays
from tests.said import paragraph

CONFIG = {
    "model_type": "llama", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8, "vocab_size": 96,
}  # fmt: skip
EMBEDDING = "model.embed_tokens.weight"


def stored(folder, arrays, config=CONFIG):
    from forebear.recipes.steps.model import Model

    Model(arrays, config).save(folder)
    return folder


def strangers(count=2):
    return [llama_arrays(np.random.default_rng(seed), CONFIG) for seed in range(count)]


def changed(arrays, seed):
    rng = np.random.default_rng(100 + seed)
    return {n: (a + 0.2 * rng.standard_normal(a.shape)).astype(np.float32) for n, a in arrays.items()}


@pytest.mark.parametrize("formula", ["waves", "bits"])
def test_a_table_that_both_wrote_by_a_formula_is_no_component_that_is_shared(tmp_path, formula):
    sides = []
    for name, arrays in zip(("a", "b"), strangers(), strict=True):
        sides.append(stored(tmp_path / name, arrays | {EMBEDDING: table_of(formula, (96, 32))}))
    document = forebear.compare(*sides)
    assert document["verdict"]["relation"] in ("no-evidence", "cannot-tell")
    assert "formula that anybody may write" in paragraph(document["verdict"]["words"])
    assert any(one["check"] == "formula" and one["alarm"] for one in document["audit"])


def test_a_table_that_was_drawn_and_copied_is_still_shared(tmp_path):
    one, other = strangers()
    document = forebear.compare(stored(tmp_path / "a", one | {EMBEDDING: other[EMBEDDING]}), stored(tmp_path / "b", other))
    assert document["verdict"]["relation"] == "shares-components"
    said = paragraph(document["verdict"]["words"])
    assert "or the values they started from" in said
    assert "computed from the same text by one method" in said


def sign_and_deck(*withheld, sign=-30.0):
    deck = Evidence(test="deck", axis=Axis.NEURONS, kind="exact", assumption="x", log10_p=-300.0, decides=True, symmetry="order",
                    private=True, matched=700, of=704, figures=Deck(4.0))  # fmt: skip
    signs = Evidence(test="sign", axis=Axis.NEURONS, kind="exact", assumption="x", log10_p=sign, decides=not withheld, symmetry="sign",
                     private=True, withheld=withheld, figures=Sign(20.0, 26.0))  # fmt: skip
    return [deck, signs]


def test_order_stands_alone_where_signs_are_withheld_or_show_nothing():
    from forebear.core.messages import message

    assert _order_alone(sign_and_deck(message("audit.sign_convention")), Axis.NEURONS)
    assert _order_alone(sign_and_deck(sign=-0.2), Axis.NEURONS)
    assert not _order_alone(sign_and_deck(), Axis.NEURONS)


def test_layers_of_an_aligned_stranger_are_not_told_as_shared():
    parts = [Component("layers", "shared"), Component("head", "alike")]
    assert [c.state for c in as_told(parts, close=False)] == ["within-reach", "alike"]
    assert as_told(parts, close=True) == parts


def test_experts_that_lack_a_matrix_are_left_out_of_a_pooled_layer():
    rng = np.random.default_rng(5)
    arrays = {n: a for n, a in llama_arrays(rng, CONFIG).items() if ".mlp." not in n}
    for layer in range(3):
        at = f"model.layers.{layer}.block_sparse_moe."
        arrays[f"{at}gate.weight"] = rng.standard_normal((3, 32)).astype(np.float32)
        for expert in range(3):
            for word, shape in (("w1", (64, 32)), ("w3", (64, 32)), ("w2", (32, 64))):
                arrays[f"{at}experts.{expert}.{word}.weight"] = rng.standard_normal(shape).astype(np.float32)
    del arrays["model.layers.1.block_sparse_moe.experts.2.w1.weight"]
    checkpoint = open_checkpoint_from(MemoryContainer(arrays), CONFIG | {"model_type": "mixtral", "num_local_experts": 3})
    rule = norm_rule(checkpoint)
    assert rule is not None
    side = Side(checkpoint, rule)
    assert [rows.shape for rows in side.pooled(0)] == [(192, 32)] * 3
    assert [rows.shape for rows in side.pooled(1)] == [(128, 32)] * 3


@pytest.mark.parametrize("dress", ["fused as vLLM writes", "prefix ema_model.module.", "two copies: student and teacher", "layers from 1"])
def test_another_dress_changes_no_verdict(tmp_path, dress):
    base, stranger = strangers()
    candidate = stored(tmp_path / "base", base)
    for name, arrays, wanted in (("kin", changed(base, 1), "related"), ("stranger", stranger, "no-evidence")):
        plain = forebear.compare(stored(tmp_path / f"{name}-plain", arrays), candidate)
        other, config = dressed(dress, arrays, CONFIG)
        found = forebear.compare(stored(tmp_path / name, other, config), candidate)
        assert plain["verdict"]["relation"] == found["verdict"]["relation"] == wanted


def test_banks_with_a_floor_and_matrices_of_signs_are_formulas():
    bank = np.zeros((40, 20), np.float32)
    for column in range(20):
        bank[column : column + 5, column] = (0.3, 0.7, 1.0, 0.6, 0.2)
    assert follows_a_formula(np.log(bank + np.float32(1e-6)))
    hadamard = np.array([[(-1.0) ** bin(i & j).count("1") for j in range(64)] for i in range(64)], np.float32)
    assert follows_a_formula(hadamard / 8)
    rng = np.random.default_rng(3)
    assert follows_a_formula(hadamard * rng.choice([-1, 1], 64).astype(np.float32))
    assert not follows_a_formula(rng.choice([-1, 1], (64, 64)).astype(np.float32))
    assert not follows_a_formula(rng.standard_normal((64, 64)).astype(np.float32))


def test_a_verdict_that_leaves_the_start_open_says_so_in_its_first_line():
    from forebear.comparison.findings.plain import plain_of
    from forebear.core.messages import message
    from forebear.reports.catalogue import LANGUAGES, catalogue

    effects = [{"part": "q", "distance": 0.9, "cosine": 0.6}]
    told = {}
    for key in ("verdict.related_or_start", "verdict.related_weights"):
        verdict = {"relation": "related", "reparameterised": False, "words": [message(key, found=[])]}
        told[key] = plain_of(verdict, effects, [], ("a", "b"), 0.9)
    assert "or only the values they started from" in catalogue().text(told["verdict.related_or_start"].document())
    assert "started" not in catalogue().text(told["verdict.related_weights"].document())
    for language in LANGUAGES:
        text = catalogue(language).text(told["verdict.related_or_start"].document())
        assert re.search("0[.]60", text)


def pruned(arrays, judge, share):
    """Matrices of layers with zeros where those of another model are small."""
    out = dict(arrays)
    for name, array in arrays.items():
        if array.ndim == 2 and ".layers." in name:
            size = np.abs(judge[name])
            out[name] = array * (size >= np.quantile(size, share))
    return out


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_an_aligned_stranger_with_the_candidates_zeros_is_no_relative(tmp_path, share):
    """Cosine 0.3 with the candidate in place stands for what the strongest aligner reaches; then its zeros are taken over."""
    base, stranger = strangers()
    aligned = {n: (0.3 * base[n] + np.sqrt(1 - 0.3**2) * a).astype(np.float32) for n, a in stranger.items()}
    candidate = stored(tmp_path / "base", pruned(base, base, share))
    document = forebear.compare(stored(tmp_path / "framed", pruned(aligned, base, share)), candidate)
    assert document["verdict"]["relation"] == "cannot-tell"
    kin = forebear.compare(stored(tmp_path / "kin", pruned(changed(base, 1), base, share)), candidate)
    assert kin["verdict"]["relation"] == "related"


def test_zeros_that_both_hold_lengthen_what_an_aligner_reaches():
    width = WIDEST + 100
    draw = np.random.default_rng(20261201)
    rows = [draw.standard_normal((300, width)).astype(np.float32) for _ in range(4)]
    mask = draw.random((300, width)) < 0.25
    near = 0.4 * rows[0] + np.sqrt(1 - 0.4**2) * rows[1]
    dense = [neurons([rows[0], rows[2]])], [neurons([near, rows[2]])]
    masked = [neurons([rows[0] * mask, rows[2] * mask])], [neurons([near * mask, rows[2] * mask])]
    assert common_zeros(*dense, [(0, 0)]) == 0.0
    assert common_zeros(dense[0], masked[1], [(0, 0)]) == 0.0
    share = common_zeros(*masked, [(0, 0)])
    assert share == pytest.approx(0.75, abs=0.02)
    assert lengthened(0.4, share) == pytest.approx(0.8, abs=0.03)
    found = StrengthOutcome(True, (), Strength(0.6, 0.4, 1.5, (0.6,), (0.4,), ((0, 0),), "in place", True, 1.2, None))
    assert _over_zeros(found, *dense, [], [(0, 0)], 1, draw) is found
    assert not _over_zeros(found, *masked, [], [(0, 0)], 1, draw).holds


def test_without_zeros_nothing_is_set_over_kept_places():
    from forebear.stats.strength import neurons
    from forebear.stats.zero_share import zero_share
    from forebear.stats.zeros import over_places

    rng = np.random.default_rng(8)
    rows = [rng.standard_normal((48, 16)).astype(np.float32) for _ in range(3)]
    layers = [neurons(rows), neurons([r[::-1] for r in rows]), neurons([r @ np.diag(np.arange(1, 17)).astype(np.float32) for r in rows])]
    belong = [(k, k) for k in range(3)]
    start = [np.eye(16, dtype=np.float32)]
    assert over_places(layers, layers, belong, start, 0.3, rng, placed=True) == []
    mask = rng.random((48, 16)) < 0.5
    sparse = [neurons([v * mask for v in layer.views]) for layer in layers]
    for c in (0.3, 0.9):  # beside the first s needs no aligner, beside the second one runs
        found = over_places(layers, sparse, belong, start, c, rng, placed=True)
        assert len(found) == 1
        assert found[0].value > 0.99 > found[0].ceiling
    assert zero_share(rows[0]) < 0.01
    assert abs(zero_share(rows[0] * mask) - 0.5) < 0.1
    wide = rng.standard_normal((48, 64)) * (rng.random((48, 64)) < 0.5)
    assert zero_share(wide - wide.mean(axis=1, keepdims=True)) > 0.3
