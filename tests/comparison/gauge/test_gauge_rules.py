"""A folding rule that no null audit covers describes what it sees and decides nothing (METHODS §8, §9)."""

from __future__ import annotations

from pathlib import Path

import pytest

import forebear
from forebear.models.architecture.registry import FOLDER, index, shipped
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.registry import apply
from tests.comparison.gauge.test_layouts_alike import LAYOUTS
from tests.said import said

DEMO = Path(forebear.__file__).parent / "demo_data"
AUDITED = {"llama", "mixtral", "qwen_moe", "gpt2"}
"""Families with null audits of their own under bench/results."""
BEFORE = {"starcoder2", "bert", "baichuan", "internlm2", "phi3", "gpt_bigcode", "opt"}
"""Families whose rules decided before rules had to say so."""
TRAINED = {"gemma", "gpt_neox", "phi", "olmo2", "falcon", "olmo", "stablelm", "nemotron", "cohere", "arcee"}
"""Families whose usual rule decides by an audit of models of their class (decisions 0050, 0062) ..."""
TRAINED_VARIANTS = [
    ("falcon", "new_decoder_architecture"), ("falcon", "num_ln_in_parallel_attn"), ("falcon", "parallel_attn"),
    ("gemma", "model_type"), ("glm", "model_type"), ("stablelm", "use_parallel_residual"),
]  # fmt: skip
"""... and variants that do."""


@pytest.fixture(scope="module")
def rewritten(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rules") / "rewritten"
    moved = apply("residual-rotation", Model.load(DEMO / "base"), 9)
    return apply("neuron-permutation", moved, 9).save(folder)


@pytest.fixture(scope="module")
def unaudited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's own family, its rule no longer said to be covered by an audit."""
    text = (FOLDER / "llama.toml").read_text("utf-8")
    assert "decides = true\n" in text
    path = tmp_path_factory.mktemp("rules") / "unaudited.toml"
    path.write_text(text.replace("decides = true\n", "", 1))
    return path


def test_an_audited_rule_decides(rewritten: Path) -> None:
    assert forebear.compare(rewritten, [DEMO / "base"])["verdict"]["relation"] == "related"


def test_an_unaudited_rule_shows_the_same_figures_and_decides_nothing(rewritten: Path, unaudited: Path) -> None:
    document = forebear.compare(rewritten, [DEMO / "base"], architecture=unaudited)
    assert document["verdict"]["relation"] not in ("related", "identical", "shared-start")
    views = [e for e in document["evidence"] if e["test"] == "two-views"]
    assert [(e["decides"], e["matched"] == e["of"]) for e in views] == [(False, True)]
    sentences = said(document["limits"])
    assert any("no null audit covers" in sentence for sentence in sentences)
    assert any("704 of 704 neurons are named alike" in sentence for sentence in sentences)


def test_an_independent_shows_nothing_under_an_unaudited_rule(unaudited: Path) -> None:
    document = forebear.compare(DEMO / "independent", [DEMO / "base"], architecture=unaudited)
    assert document["verdict"]["relation"] not in ("related", "identical", "shared-start")
    assert not [e for e in document["evidence"] if e["test"] == "two-views" and e["decides"]]


def test_only_audited_rules_decide_those_that_did_before_and_those_that_compute_the_same() -> None:
    found = {entry.family: norms for entry in index() if (norms := shipped(entry.family).norms) is not None}
    assert {family for family, norms in found.items() if norms.usual.decides} == AUDITED | BEFORE | set(LAYOUTS) | TRAINED
    variants = [(family, when.key) for family, norms in found.items() for when, rule in norms.variants if rule.decides]
    assert sorted(variants) == TRAINED_VARIANTS
