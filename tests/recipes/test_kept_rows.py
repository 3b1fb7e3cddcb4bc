"""Rows of tables that were kept: found in long tables by their order, and written down as runs."""

from __future__ import annotations

import numpy as np
import pytest

from forebear.recipes.detectors import vocabulary
from forebear.recipes.detectors.kept_rows import in_order, map_of, rising
from forebear.recipes.detectors.side import Side, unit
from forebear.recipes.replay.held import as_checkpoint
from forebear.recipes.replay.run import run
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.registry import apply
from tests.recipes.test_recipe import DEMO


@pytest.fixture(scope="module")
def base() -> Model:
    model = Model.load(DEMO / "base")
    return Model({n: a.astype(np.float32) for n, a in model.arrays.items()}, model.config)


def test_rows_that_were_kept_in_order_are_found_whatever_was_dropped_between_them(rng):
    table = rng.standard_normal((5000, 24)).astype(np.float32)
    table[4000:4010] = table[3990]  # rows that are equal are named one at a time
    kept = np.sort(rng.choice(5000, 1700, replace=False))
    worn = table[kept] + 0.1 * rng.standard_normal((1700, 24)).astype(np.float32)
    found = in_order(unit(worn), unit(table))
    assert float(np.mean(found == kept)) > 0.99
    assert (np.diff(found[found >= 0]) > 0).mean() > 0.99


def test_rows_in_another_order_or_of_a_stranger_are_not_found_by_order(rng):
    table = rng.standard_normal((3000, 24)).astype(np.float32)
    assert (in_order(unit(table[rng.permutation(3000)[:1200]]), unit(table)) < 0).all()
    stranger = rng.standard_normal((1200, 24)).astype(np.float32)
    assert (in_order(unit(stranger), unit(table)) < 0).all()


def test_the_longest_rising_run_leaves_out_what_falls_back():
    assert rising(np.array([3, 1, 2, 9, 4, 5, 5, 6])) == [1, 2, 4, 6, 7]
    assert rising(np.array([], dtype=np.intp)) == []


@pytest.mark.parametrize("most", [vocabulary.MOST_SEARCHED, 100], ids=["short", "as long ones are"])
def test_a_trimmed_table_is_told_with_the_map_of_its_rows(most, base, rng, monkeypatch):
    monkeypatch.setattr(vocabulary, "MOST_SEARCHED", most)
    keep = np.sort(rng.choice(len(base.arrays["model.embed_tokens.weight"]), 200, replace=False))
    steps = run(Side(as_checkpoint(apply("vocabulary-trimmed", base, 1, keep=keep.tolist()))), base).steps
    assert [(step.op, step.parameters["keep"], step.grade) for step in steps] == [("vocabulary-trimmed", 200, "re-derived")]
    found = [tuple(int(n) for n in run_.split(":")) for run_ in steps[0].where["rows"]["map"].split()]
    assert [first + at for _, first, count in found for at in range(count)] == keep.tolist()
    assert map_of(keep) == steps[0].where["rows"]["map"]


def test_a_shorter_table_with_new_rows_at_its_end_is_told_and_no_error(base, rng):
    """Of a long table whose rows were few in place, more were asked for than there are."""
    made = apply("vocabulary-trimmed", base, 1, keep=300)
    table = np.array(made.arrays["model.embed_tokens.weight"])
    table[150:] = rng.standard_normal((150, table.shape[1])) * table.std()
    arrays = {**made.arrays, "model.embed_tokens.weight": table}
    steps = run(Side(as_checkpoint(Model(arrays, made.config))), base).steps
    assert {step.op for step in steps} <= {"vocabulary-stitched", "embeddings-untied", "vocabulary-trimmed"}
    assert "vocabulary-stitched" in {step.op for step in steps}
