"""How something new began, once training moved everything: told where that shows, else told as not known with what fits (0113)."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from forebear.recipes.detectors.gains import find as gains
from forebear.recipes.detectors.how_far import CURVE, how_far, lengths
from forebear.recipes.detectors.new_rows import begun
from forebear.recipes.detectors.side import Side
from forebear.recipes.detectors.sight import Sight
from forebear.recipes.detectors.vocabulary import partners
from forebear.recipes.replay.held import as_checkpoint
from forebear.recipes.replay.run import run
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.registry import apply
from forebear.recipes.told import told
from forebear.reports.catalogue import LANGUAGES, catalogue

DEMO = Path(str(resources.files("forebear"))) / "demo_data"
WORN = 0.5


@pytest.fixture(scope="module")
def base() -> Model:
    model = Model.load(DEMO / "base")
    return Model({n: a.astype(np.float32) for n, a in model.arrays.items()}, model.config)


def moved(model: Model, size: float) -> Model:
    """Every matrix moved in a few directions, and a little in all, as training does. size: share of a tensor's spread."""
    rng = np.random.default_rng(113)
    arrays = dict(model.arrays)
    for name, array in arrays.items():
        if array.ndim == 2:
            few = rng.normal(size=(len(array), 3)) @ rng.normal(size=(3, array.shape[1])) / np.sqrt(3)
            change = 0.8 * few + 0.6 * rng.normal(size=array.shape)
            arrays[name] = (array + size * array.std() * change).astype(np.float32)
    return Model(arrays, model.config)


def step_of(subject: Model, candidate: Model, op: str) -> dict:
    return dict(next(s for s in run(Side(as_checkpoint(subject)), candidate).steps if s.op == op).parameters)


def tables(seed: int):
    rng = np.random.default_rng(seed)
    old = rng.normal(0.03, 0.1, (300, 32)).astype(np.float32)
    return rng, old, rng.normal(0.0, 0.15, 32), old[rng.integers(0, 300, (40, 2))]


def test_rows_that_training_moved_alike_are_told_by_what_they_differ_by(seed):
    rng, old, shift, pieces = tables(seed)
    noise = rng.normal(0, 0.004, (40, 32))
    assert begun((0.95 * pieces[:, 0] + shift + noise).astype(np.float32), old, {}, WORN).name == "copied"
    assert begun((rng.normal(0, 0.019, (40, 32)) + shift).astype(np.float32), old, {}, WORN).name == "drawn"
    same = begun((np.zeros((40, 32)) + shift).astype(np.float32), old, {}, WORN)
    assert (same.name, same.said["rows_one_of"]) == (None, ["zeros", "global-mean"])
    sampled = begun((rng.multivariate_normal(old.mean(axis=0), np.cov(old.T), 40) + shift).astype(np.float32), old, {}, WORN)
    assert sampled.name is None
    assert "sampled" in sampled.said["rows_one_of"]


def test_rows_that_only_became_shorter_are_told_by_their_pieces(seed):
    _, old, _, pieces = tables(seed)
    made = begun((0.93 * pieces.mean(axis=1)).astype(np.float32), old, {}, WORN)
    assert made.name == "mean-of-pieces"
    assert begun(0.93 * np.tile(old.mean(axis=0), (40, 1)), old, {}, WORN).name == "global-mean"


def test_a_row_that_came_nearer_to_its_twin_stays_in_its_place(seed):
    rng = np.random.default_rng(seed)
    first = rng.normal(size=(100, 32))
    old = np.repeat(first, 2, axis=0) + 0.2 * rng.normal(size=(200, 32))
    mine = (old + 0.5 * rng.normal(size=old.shape)).astype(np.float32)
    found = partners(mine, old.astype(np.float32))
    assert float(np.mean(found == np.arange(200))) > 0.98
    other = partners(rng.normal(size=(200, 32)).astype(np.float32), old.astype(np.float32))
    assert (other < 0).all()


@pytest.mark.parametrize("kind", ["zeros", "drawn"])
def test_new_channels_are_told_until_old_ones_moved_as_far(base, seed, kind):
    grown = apply("width-grown", base, seed, factor=1.5, kind=kind)
    assert step_of(grown, base, "width-grown")["kind"] == kind
    trained = step_of(moved(grown, 0.6), base, "width-grown")
    assert (trained["kind"], trained["kind_one_of"]) == (None, ["zeros", "drawn"])


@pytest.mark.parametrize("silent", [True, False])
@pytest.mark.parametrize("kind", ["append", "interleave"])
def test_whether_new_neurons_were_silent_is_told_until_old_ones_moved_as_far(base, seed, kind, silent):
    wider = apply("mlp-widened", base, seed, factor=1.5, kind=kind, silent=silent)
    assert step_of(wider, base, "mlp-widened")["silent"] is silent
    trained = step_of(moved(wider, 0.6), base, "mlp-widened")
    assert (trained["kind"], trained["silent"]) == (kind, None)


def test_rows_that_training_made_longer_are_no_scaled_residual(base):
    longer = moved(base, 0.6)
    names = [n for n in longer.arrays if n.endswith(("embed_tokens.weight", "o_proj.weight", "down_proj.weight"))]
    longer = Model({n: a * np.float32(1.2) if n in names else a for n, a in longer.arrays.items()}, longer.config)
    assert not [p for p in gains(Sight(Side(as_checkpoint(longer)), Side(as_checkpoint(base)))) if p.found.op == "residual-scale"]
    scaled = apply("residual-scale", base, 3, factor=1.2)
    assert [p.found.op for p in gains(Sight(Side(as_checkpoint(scaled)), Side(as_checkpoint(base))))] == ["residual-scale"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_fits_is_said_in_every_language(base, seed, language):
    subject = moved(apply("width-grown", base, seed, factor=1.5, kind="zeros"), 0.6)
    step = next(s for s in run(Side(as_checkpoint(subject)), base).steps if s.op == "width-grown")
    words = catalogue(language)
    said = [words.text(one.document()) for one in told(step)]
    assert any(words("recipe.word.drawn") in one and words("recipe.word.zeros") in one for one in said)


@pytest.mark.parametrize(
    ("change", "key"), [(0.01, "less"), (0.4, "up_to"), (0.6, "between"), (1.2, "from"), (1.5, "more"), (0.309, "less")]
)
def test_how_far_training_went_is_said_as_far_as_the_bench_shows(change, key):
    said = how_far(change)
    assert said.key == f"recipe_far.{key}"
    for language in LANGUAGES:
        assert str(34) in catalogue(language).text(said.document())


def test_the_lengths_hold_every_run_that_the_curve_was_made_of():
    for length, *ends in CURVE:
        for change in ends:
            low, high = lengths(change)
            assert (low or 0) <= length * 1.0001
            assert (high or 9) >= length * 0.9999


def test_further_training_alone_says_how_far_and_after_another_step_it_does_not(base, seed):
    (alone,) = run(Side(as_checkpoint(moved(base, 0.6))), base).steps
    assert [one.key for one in alone.said] == ["recipe_far.between"]
    wider = moved(apply("mlp-widened", base, seed, factor=1.5, kind="append"), 0.6)
    trained = next(s for s in run(Side(as_checkpoint(wider)), base).steps if s.op == "continued-training")
    assert trained.said == ()
