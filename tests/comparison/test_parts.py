"""MLPs, attention and single layers of one model inside another: each is named with its figures, and nothing else is.

`python -m pytest -m slow tests/comparison/test_parts.py` stitches single layers without noise as well.
"""

from __future__ import annotations

import numpy as np
import pytest

import forebear
from forebear.comparison.demo import demo_folder
from forebear.core.seeds import generator
from forebear.recipes.steps.compose import reparameterise
from forebear.recipes.steps.model import Model
from tests.comparison.variants import load, save
from tests.said import paragraph

MLP, ATTENTION = (".mlp.", "post_attention_layernorm"), ("self_attn", "input_layernorm")


def stitched(target, words, layers=range(9), noise=0.0):
    """The demo's independent with tensors of its base, each with noise of so many of its own standard deviations."""
    own, other = load(demo_folder() / "independent"), load(demo_folder() / "base")
    rng = generator("test/parts")
    for name in own:
        if any(w in name for w in words) and any(f".layers.{n}." in name for n in layers):
            size = noise * float(other[name].std())
            own[name] = (other[name] + size * rng.standard_normal(other[name].shape)).astype(np.float32)
    return save(target, own, demo_folder() / "independent")


def named(subject, candidate=None):
    document = forebear.compare(subject, candidate or demo_folder() / "base")
    found = {
        (c["name"], tuple(a for a, _ in c.get("layers", ())))
        for c in document["alignment"]["components"]
        if c["state"] == "shared" and c["name"] != "layers"
    }
    return document["verdict"], found


STITCHED = (
    (MLP, range(9), {("mlp", ())}),
    (ATTENTION, range(9), {("attention", ())}),
    ((*MLP, *ATTENTION), (1, 2), {("mlp", (1, 2)), ("attention", (1, 2))}),
    (ATTENTION, (2,), {("attention", (2,))}),
)


@pytest.mark.parametrize(
    ("words", "layers", "expected", "noise"),
    [*((*case, 0.3) for case in STITCHED), *((*case, 0.0) for case in STITCHED[:2]),
     *(pytest.param(*case, 0.0, marks=pytest.mark.slow) for case in STITCHED[2:])],
)  # fmt: skip
def test_parts_of_another_model_are_named_and_no_more(tmp_path, words, layers, expected, noise):
    verdict, found = named(stitched(tmp_path / "m", words, layers, noise))
    assert verdict["relation"] == "shares-components"
    assert found == expected


def test_what_is_not_shared_is_named_with_its_figures_too(tmp_path):
    verdict, _ = named(stitched(tmp_path / "m", MLP))
    words = paragraph(verdict["words"])
    assert "in some components: MLPs (1.00; aligned independent: 0." in words
    missing = words.split("Nothing shared was found in:")[1].split(".  ")[0]
    assert "attention (" in missing
    assert "embedding (" in missing


def test_stitched_mlps_are_named_after_every_move(tmp_path):
    moved = reparameterise(Model.load(stitched(tmp_path / "m", MLP)), 7).save(tmp_path / "moved")
    verdict, found = named(moved)
    assert (verdict["relation"], verdict["reparameterised"]) == ("shares-components", True)
    assert found == {("mlp", ())}


def test_a_rotated_head_is_compared_in_the_coordinates_of_the_other_parts(tmp_path):
    moved = reparameterise(Model.load(demo_folder() / "base"), 9).save(tmp_path / "moved")
    document = forebear.compare(moved, demo_folder() / "base")
    head = next(c for c in document["alignment"]["components"] if c["name"] == "head")
    assert (head["state"], head["row_cosine"]) == ("shared", pytest.approx(1.0, abs=1e-3))


def test_another_head_on_a_rotated_model_is_not_called_shared(tmp_path):
    arrays = load(demo_folder() / "base") | {"lm_head.weight": load(demo_folder() / "independent")["lm_head.weight"]}
    moved = reparameterise(Model.load(save(tmp_path / "m", arrays, demo_folder() / "base")), 9).save(tmp_path / "moved")
    document = forebear.compare(moved, demo_folder() / "base")
    head = next(c for c in document["alignment"]["components"] if c["name"] == "head")
    assert document["verdict"]["relation"] == "related"
    assert head["state"] in ("open", "not-found")
    assert head["row_cosine"] < 0.9


def test_neither_of_two_independents_shares_a_part():
    verdict, found = named(demo_folder() / "independent")
    assert verdict["relation"] == "no-evidence"
    assert not found
