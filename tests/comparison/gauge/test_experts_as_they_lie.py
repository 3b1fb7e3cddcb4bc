"""Experts made from the MLPs of a dense model of few layers are found where they lie; those of strangers are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import forebear
from bench.shapes import SHAPES, initial
from forebear.recipes.steps.compose import reparameterise
from forebear.recipes.steps.model import Model
from tests.said import paragraph, said

TOKENIZER = (Path(forebear.__file__).parent / "demo_data" / "base" / "tokenizer.json").read_bytes()
PARTS = (("w1", "gate_proj"), ("w3", "up_proj"), ("w2", "down_proj"))


def drawn(shape: str, seed: int) -> Model:
    return Model(initial(SHAPES[shape], seed), SHAPES[shape].config(), TOKENIZER)


def made_from(dense: Model, mixture: Model) -> Model:
    """The mixture with the dense model's MLPs, each with noise of its own, as its experts; all else its own."""
    rng = np.random.default_rng(4)
    arrays = dict(mixture.arrays)
    for name in [n for n in arrays if ".experts." in n]:
        layer, _, expert = name.split(".")[2], None, name.split(".")[-2]
        source = dense.arrays[f"model.layers.{layer}.mlp.{dict(PARTS)[expert]}.weight"]
        arrays[name] = (source + 0.1 * source.std() * rng.standard_normal(source.shape)).astype(np.float32)
    return Model(arrays, {**mixture.config, "intermediate_size": SHAPES["llama48"].neurons}, TOKENIZER)


@pytest.fixture(scope="module")
def dense(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn("llama48", 2500).save(tmp_path_factory.mktemp("lying") / "dense")


def test_experts_from_a_dense_model_of_three_layers_are_named(dense: Path, tmp_path: Path) -> None:
    mixture = made_from(Model.load(dense), drawn("moe-48", 2501))
    document = forebear.compare(mixture.save(tmp_path / "mixture"), [dense])
    assert document["verdict"]["relation"] == "shares-components"
    shared = [c["name"] for c in document["alignment"]["components"] if c["state"] == "shared"]
    assert "experts" in shared
    sentences = " ".join(said(document["alignment"]["words"]))
    assert "as they lie" in sentences
    assert "rotated back" not in sentences


@pytest.mark.parametrize("other_way", [False, True])
def test_experts_of_strangers_are_not(dense: Path, tmp_path: Path, other_way: bool) -> None:
    mixture = drawn("moe-48", 2502).save(tmp_path / "mixture")
    pair = (dense, mixture) if other_way else (mixture, dense)
    document = forebear.compare(pair[0], [pair[1]])
    assert document["verdict"]["relation"] == "no-evidence"
    assert "as they lie as well" in paragraph(document["verdict"]["words"])


def test_a_rewritten_mixture_does_not_lie_there_any_more(dense: Path, tmp_path: Path) -> None:
    mixture = reparameterise(made_from(Model.load(dense), drawn("moe-48", 2501)), 3)
    verdict = forebear.compare(mixture.save(tmp_path / "mixture"), [dense])["verdict"]
    assert verdict["relation"] in ("no-evidence", "cannot-tell")
