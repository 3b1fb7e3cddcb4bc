"""Aligners leave every output as it was, bring a stranger nearer, and never over the factor; strata are what they say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bench.checkpoint import save
from bench.framed import document, summary
from bench.framed_align import ALIGNERS, framed, layers_of, start_rotation
from bench.framed_cases import OUTPUTS_KEPT, folded, output_change, pruned
from bench.shapes import SHAPES, initial
from forebear.core.seeds import generator
from forebear.recipes.steps.draft import Draft
from forebear.recipes.steps.model import Model
from forebear.stats.ceiling import compare_strength
from forebear.stats.strength import strength
from forebear.stats.strength_thresholds import FACTOR, LONE_FACTOR

FAMILIES = {
    "llama": SHAPES["llama64"].sized(width=32, neurons=80, layers=3),
    "gpt2": SHAPES["gpt2-64"].sized(width=32, neurons=96, layers=3),
    "qwen2": SHAPES["qwen2-64"].sized(width=32, neurons=80, layers=3),
    "moe": SHAPES["moe-64"].sized(width=32, neurons=40, experts=3, layers=3),
}


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def strangers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Model]:
    """Two independents whose gains and biases are not what they start as."""
    shape, made = FAMILIES[request.param], []
    for seed in (11, 12):
        arrays = initial(shape, seed)
        rng = generator("test/framed", request.param, seed)
        for name, array in arrays.items():
            if array.ndim == 1:
                arrays[name] = (array + 0.2 * rng.standard_normal(array.shape)).astype(np.float32)
        folder: Path = tmp_path_factory.mktemp("framed") / f"{request.param}-{seed}"
        save(folder, arrays, shape)
        made.append(Model.load(folder))
    return made[0], made[1]


def in_place(one: Model, other: Model) -> float:
    """Pooled strength of two models as they are stored."""
    return float(np.mean([strength(a, b) for a, b in zip(layers_of(Draft(one)), layers_of(Draft(other)), strict=True)]))


def measured(one: Model, other: Model) -> tuple[float, float]:
    """s / c pooled, and of the nearest layer beside the pooled ceiling."""
    a, b = Draft(other), Draft(one)
    belong = [(i, i) for i in range(len(a.parts.layers))]
    found = compare_strength(
        layers_of(a), layers_of(b), belong, [start_rotation(a, b)], np.inf, generator("test/framed")
    )
    assert found.ratio is not None
    assert found.ceiling is not None
    return found.ratio, max(found.by_layer) / found.ceiling.value


def test_every_aligner_keeps_the_outputs_and_brings_a_stranger_nearer(strangers: tuple[Model, Model]) -> None:
    candidate, stranger = strangers
    before = in_place(stranger, candidate)
    reached = {}
    for how in ALIGNERS:
        moved = framed(stranger, candidate, how, 0)
        assert output_change(moved, stranger) < OUTPUTS_KEPT, how
        reached[how] = in_place(moved, candidate)
    assert all(reached[how] > before + 0.05 for how in ALIGNERS if how != "procrustes"), reached
    assert sorted(reached, key=lambda how: reached[how])[-2:] == ["joint", "annealed"], reached
    assert reached["procrustes and assignment"] > reached["procrustes"] + 0.05


def test_the_strongest_does_not_pass_the_factor(strangers: tuple[Model, Model]) -> None:
    candidate, stranger = strangers
    assert measured(framed(stranger, candidate, "joint", 0), candidate)[0] < FACTOR
    assert measured(framed(stranger, candidate, "annealed", 0), candidate)[0] < FACTOR
    assert measured(framed(stranger, candidate, "one layer", 1), candidate)[0] < FACTOR


def test_a_copy_passes_it(strangers: tuple[Model, Model]) -> None:
    ratio, nearest = measured(strangers[0], strangers[0])
    assert ratio > LONE_FACTOR
    assert nearest > LONE_FACTOR


def test_heads_come_nearer_by_mixing_inside_them(strangers: tuple[Model, Model]) -> None:
    candidate, stranger = strangers
    plain, mixed = (framed(stranger, candidate, how, 0) for how in ("procrustes and assignment", "heads"))

    def values(made: Model) -> float:
        a, b = Draft(made), Draft(candidate)
        pairs = [(a.weight(x.v), b.weight(y.v)) for x, y in zip(a.parts.layers, b.parts.layers, strict=True)]
        return float(np.mean([(v * w).sum() / np.linalg.norm(v) / np.linalg.norm(w) for v, w in pairs]))

    assert values(mixed) > values(plain) + 0.1


def test_gains_of_a_gemma_toy_are_folded_and_its_outputs_stay(tmp_path: Path) -> None:
    shape = SHAPES["gemma-96"].sized(width=24, neurons=40, layers=2)
    arrays = initial(shape, 5)
    for name in (n for n in arrays if n.endswith("norm.weight")):
        arrays[name] = arrays[name] + np.linspace(-0.3, 0.3, shape.width, dtype=np.float32)
    save(tmp_path, arrays, shape)
    plain = Model.load(tmp_path)
    made = folded(plain)
    assert made.config["model_type"] == "gemma"
    assert output_change(made, plain) <= OUTPUTS_KEPT
    inner = [a for n, a in made.arrays.items() if ".layers." in n and n.endswith("norm.weight")]
    assert all(np.abs(np.asarray(a)).max() < 1e-6 for a in inner)


@pytest.mark.parametrize(("how", "share"), [("2:4", 0.5), ("75", 0.75), ("97", 0.97)])
def test_one_mask_leaves_the_same_places_zero(strangers: tuple[Model, Model], how: str, share: float) -> None:
    candidate, stranger = strangers
    one, other = pruned(stranger, candidate, how), pruned(candidate, candidate, how)
    name = next(n for n in one.arrays if n.endswith((".down_proj.weight", "c_proj.weight", ".w2.weight")))
    zero = np.asarray(one.arrays[name]) == 0
    assert (zero == (np.asarray(other.arrays[name]) == 0)).all()
    assert zero.mean() == pytest.approx(share, abs=0.02)


def test_the_document_sums_up_every_stratum() -> None:
    rows = [
        {
            "name": str(n),
            "stratum": "framed, joint",
            "s": v,
            "c": 0.3,
            "ratio": v / 0.3,
            "aligned_ratio": 1.0,
            "lone_ratio": 0.9,
        }
        for n, v in enumerate((0.30, 0.32, 0.31))
    ]
    found = summary([*rows, {"name": "x", "stratum": "framed, joint", "why": "no neuron is usable"}])
    assert found[0]["count"] == 3
    assert found[0]["without_ceiling"] == 1
    assert summary([{"stratum": "ruled", "s": 0.4, "why": "copies"}]) == [
        {"stratum": "ruled", "count": 0, "without_ceiling": 1}
    ]
    assert found[0]["s"] == [0.3, 0.31, 0.32]
    assert json.loads(json.dumps(document("llama64", rows, {"forebear": "def"})))["rows"][0]["s"] == 0.30
