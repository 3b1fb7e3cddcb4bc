"""What the gauge measurements rest on: rewritings that keep outputs, maps known in advance, counts that add up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from bench.checkpoint import load, save
from bench.gauge import found_among_plain, summary, wilson
from bench.gauge_large import Drawn, Rewritten, Size, Turn, write
from bench.gauge_models import EXPERTS, MADE, models, steps_done
from bench.gauge_rows import CHAINS, MOVES, PARTS, Row, changed, drawn_order, experts_told, held, without_tables
from bench.network import forward
from bench.shapes import SHAPES, Floats, initial
from forebear.comparison.demo import demo_folder
from forebear.core.messages import message
from forebear.recipes.steps.experts import permute_experts
from forebear.recipes.steps.model import Model

SIZE = Size(layers=3, width=48, neurons=96, heads=4, vocabulary=200)


@pytest.fixture(scope="module")
def trained() -> dict[str, Floats]:
    """A small llama's arrays, its gains spread and two channels large, as in trained models."""
    rng = np.random.default_rng(5)
    arrays = initial(SHAPES["llama64"], 5)
    for name, values in arrays.items():
        values *= np.exp(0.3 * rng.standard_normal(values.shape[-1:])).astype(np.float32)
        if "norm" not in name and values.ndim == 2:
            values[:, :2] *= 6
    return arrays


def logits(folder: Path) -> Floats:
    arrays, shape = load(folder)
    tokens = torch.arange(24).reshape(2, 12)
    with torch.no_grad():
        return np.asarray(forward({n: torch.from_numpy(a) for n, a in arrays.items()}, shape, tokens), np.float64)


def test_a_turn_is_orthogonal_and_moves_every_channel() -> None:
    matrix = Turn(48, "t")(np.eye(48, dtype=np.float32))
    assert np.allclose(matrix @ matrix.T, np.eye(48), atol=1e-5)
    assert np.abs(matrix).max() < 0.9
    assert not np.allclose(matrix, Turn(48, "u")(np.eye(48, dtype=np.float32)))


def test_a_drawn_model_rewritten_without_noise_answers_alike_and_shares_no_tensor(
    trained: dict[str, Floats], tmp_path: Path
) -> None:
    drawn = Drawn(trained, SIZE, "a")
    base = write(drawn, tmp_path / "base", range(3))
    made = write(Rewritten(drawn, 0.0, "r"), tmp_path / "made", range(3))
    a, b = logits(base), logits(made)
    assert np.abs(a).max() > 0.1
    assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.999
    left, right = load(base)[0], load(made)[0]
    assert not any(np.array_equal(left[n], right[n]) for n in left)


def test_a_drawn_model_rewritten_with_noise_is_found_and_a_stranger_is_not(
    trained: dict[str, Floats], tmp_path: Path
) -> None:
    drawn = Drawn(trained, SIZE, "a")
    base = write(drawn, tmp_path / "base", range(3))
    made = write(Rewritten(drawn, 0.3, "r"), tmp_path / "made", range(3))
    stranger = write(Drawn(trained, SIZE, "b"), tmp_path / "stranger", range(3))
    assert held(made, base)[0]["decided"] is True
    assert held(stranger, base)[0]["decided"] is False


def test_drawn_matrices_keep_the_outlier_channels_and_the_size(trained: dict[str, Floats]) -> None:
    rows = Drawn(trained, SIZE, "a").rows("gate", 0)
    source = trained["model.layers.0.mlp.gate_proj.weight"]
    sizes, theirs = np.sort(np.linalg.norm(rows, axis=0)), np.sort(np.linalg.norm(source, axis=0))
    assert rows.shape == (96, 48)
    assert sizes[-1] / np.median(sizes) == pytest.approx(theirs[-1] / np.median(theirs), rel=0.4)
    assert np.sqrt(np.mean(rows**2)) == pytest.approx(np.sqrt(np.mean(source**2)), rel=1e-3)


def test_layers_that_are_not_whole_hold_the_rows_a_comparison_reads(trained: dict[str, Floats], tmp_path: Path) -> None:
    folder = write(Drawn(trained, Size(3, 48, 2400, 4, 200), "a"), tmp_path / "m", [0])
    arrays = load(folder)[0]
    zeros = [(arrays[f"model.layers.{n}.mlp.up_proj.weight"] == 0).all(axis=1).sum() for n in (0, 1)]
    assert zeros[0] == 0
    assert 1200 < zeros[1] < 1376
    assert not (arrays["model.layers.1.input_layernorm.weight"] == 0).any()


def test_the_order_of_experts_is_read_from_a_marked_copy(tmp_path: Path) -> None:
    shape = SHAPES["moe-64"]
    save(tmp_path / "m", initial(shape, 3), shape)
    model = Model.load(tmp_path / "m")
    order = drawn_order(tmp_path / "m")
    moved = steps_done(model, (("expert-permutation", {}),), "m")
    alone = permute_experts(model, np.random.default_rng(0))
    assert sorted(order) == [0, 1, 2, 3]
    assert all(sorted(o) == [0, 1, 2, 3] for o in order.values())
    assert len({tuple(o) for o in order.values()}) > 1  # each layer its own
    assert moved.arrays.keys() == alone.arrays.keys()


def test_destroyed_tables_share_nothing_and_leave_the_layers(tmp_path: Path) -> None:
    shape = SHAPES["llama64"]
    save(tmp_path / "m", initial(shape, 3), shape)
    model = Model.load(tmp_path / "m")
    bare = without_tables(model, "s")
    changed_names = {n for n in model.arrays if not np.array_equal(model.arrays[n], bare.arrays[n])}
    assert changed_names == {"model.embed_tokens.weight", "lm_head.weight"}
    old, new = (np.asarray(m.arrays["lm_head.weight"], np.float64).ravel() for m in (model, bare))
    assert abs(np.corrcoef(old, new)[0, 1]) < 0.05


def test_a_step_that_refuses_is_a_row(tmp_path: Path) -> None:
    shape = SHAPES["llama64"]
    save(tmp_path / "m", initial(shape, 3), shape)
    row = changed(tmp_path / "m", (("expert-permutation", {}),), "s", lambda path: {"decided": True})
    assert "refused" in row
    assert "decided" not in row


def test_intervals_are_wilson_s() -> None:
    assert wilson(10, 10) == pytest.approx((0.7225, 1.0), abs=1e-3)
    assert wilson(0, 0) == (0.0, 1.0)


def test_only_operations_found_plain_count_and_misses_are_named() -> None:
    rows = [{"operation": o, "move": m, "decided": d} for o, m, d in (
        ("a", "none", True), ("a", "rotation", True), ("a", "all moves", False),
        ("b", "none", False), ("b", "rotation", False), ("b", "all moves", False))]  # fmt: skip
    rows.append({"operation": "a", "move": "router-shift", "refused": "no router"})
    found = found_among_plain(rows)
    assert found["alone"]["found"] == found["alone"]["of"] == 1
    assert (found["together"]["found"], found["together"]["of"]) == (0, 1)
    assert found["plain_not_found"] == ["b"]
    assert [(m["operation"], m["move"]) for m in found["missed"]] == [("a", "all moves")]


def test_a_summary_leaves_refused_rows_out_and_counts_right_maps() -> None:
    good: Row = {
        "ran": True,
        "decided": True,
        "matched": 8,
        "of": 8,
        "by_layer": [8],
        "mismatched": 0.5,
        "pairs_right": True,
    }
    rows: list[Row] = [
        {"chain": "c"} | good,
        {"chain": "c"} | good | {"matched": 7, "pairs_right": False},
        {"chain": "c", "refused": "x"},
    ]
    (line,) = summary(rows, "chain")
    assert (line["called"], line["of"], line["all_neurons"], line["pairs_right"]) == (2, 2, 1, 1)


def test_chains_name_models_that_are_made() -> None:
    names = {made.name for made in models()}
    assert {name.format(0) for name, _, _ in CHAINS.values() if name} <= names
    assert CHAINS["eight experts, rewritten"][1] == (EXPERTS, MOVES)
    assert all(made.folder.parent == MADE for made in models())
    assert len(PARTS) == 10


def test_expert_maps_are_read_from_the_statements_that_documents_hold(tmp_path: Path) -> None:
    base = Model.load(demo_folder() / "base")
    whole = base.save(tmp_path / "base")
    _, outcome = held(steps_done(base, (EXPERTS, MOVES), "t").save(tmp_path / "grown"), whole)
    assert experts_told(outcome.words) == {layer: [(e, "MLP") for e in range(8)] for layer in range(4)}
    layers = {"subject": message("span.one", first=2), "candidate": message("span.one", first=1)}
    words = [message("experts.paired_one", **layers, map="0, 2-3 → 4 [0-87]; 1 → MLP")]
    assert experts_told(words) == {2: [(0, "4"), (2, "4"), (3, "4"), (1, "MLP")]}
    assert experts_told([message("layers.paired", **layers)]) == {}
