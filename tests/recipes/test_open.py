"""What is not determined is told as not determined, and what can be told apart is (decision 0095)."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from forebear.recipes.detectors.new_rows import begun
from forebear.recipes.detectors.remains import CAUSES, OPEN
from forebear.recipes.detectors.side import Side
from forebear.recipes.found import Found
from forebear.recipes.replay.held import as_checkpoint
from forebear.recipes.replay.run import run
from forebear.recipes.steps.compose import reparameterise
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.registry import STEPS, apply
from forebear.recipes.told import first_words, told
from forebear.reports.catalogue import LANGUAGES, catalogue

DEMO = Path(str(resources.files("forebear"))) / "demo_data"
MOVES = {name for name, one in STEPS.items() if one.kind == "preserving"}


@pytest.fixture(scope="module")
def base() -> Model:
    model = Model.load(DEMO / "base")
    return Model({n: a.astype(np.float32) for n, a in model.arrays.items()}, model.config)


def steps_of(subject: Model, candidate: Model) -> list[Found]:
    return [step for step in run(Side(as_checkpoint(subject)), candidate).steps if step.op not in MOVES]


def test_noise_of_experts_under_a_grid_is_not_told_as_none(base, seed):
    made = apply("quantised-fp8", apply("dense-to-moe", base, seed, experts=3, noise=0.04), seed)
    moe = next(step for step in steps_of(made, base) if step.op == "dense-to-moe")
    assert moe.parameters["noise"] is None
    assert 0.03 < moe.parameters["noise_at_most"] < 0.08
    plain = apply("quantised-fp8", apply("dense-to-moe", base, seed, experts=3), seed)
    assert next(step for step in steps_of(plain, base) if step.op == "dense-to-moe").parameters["noise"] == 0.0


def changed(model: Model, size: float) -> Model:
    """Every matrix changed by even draws, as neither noise nor training does."""
    rng = np.random.default_rng(95)
    arrays = {n: a + size * a.std() * rng.uniform(-1.7, 1.7, a.shape).astype(np.float32) if a.ndim == 2 else a
              for n, a in model.arrays.items()}  # fmt: skip
    return Model(arrays, model.config)


def test_a_change_that_fits_nothing_is_open_and_a_structured_one_is_training(base):
    (step,) = steps_of(changed(base, 0.05), base)
    assert step.op == OPEN
    assert step.parameters["one_of"] == list(CAUSES)
    assert 0.03 < step.parameters["change"] < 0.07
    rng = np.random.default_rng(96)
    arrays = dict(base.arrays)
    for name, values in base.arrays.items():
        if values.ndim == 2:  # few directions, and rows of very different sizes
            left, right = (rng.standard_normal((n, 12)) * np.geomspace(1, 0.1, 12) for n in values.shape)
            change = (left * rng.exponential(1, (len(left), 1))) @ right.T
            change += 0.05 * np.linalg.norm(change) / np.sqrt(change.size) * rng.standard_normal(change.shape)
            arrays[name] = (values + 0.1 * np.linalg.norm(values) * change / np.linalg.norm(change)).astype(np.float32)
    assert [one.op for one in steps_of(Model(arrays, base.config), base)] == ["continued-training"]


def test_noise_of_a_growth_and_a_grid_after_it_are_told_under_every_move(base):
    grown = apply("width-grown", base, "grown", factor=1.5, kind="zeros", noise=0.03)
    for op in ("", "quantised-fp8"):
        made = apply(op, grown, "values") if op else grown
        steps = steps_of(reparameterise(made, "rewritten"), base)
        assert [one.op for one in steps] == ["width-grown", *([op] if op else [])]
        assert abs(steps[0].parameters["noise"] - 0.03) < 0.003


def test_how_worn_rows_began():
    rng = np.random.default_rng(15)
    sizes = np.geomspace(2, 0.1, 48)
    old = (rng.standard_normal((200, 48)) * sizes + 0.3).astype(np.float32)
    pieces = np.array([old[[i, 2 * i + 1, 190 - i]].mean(axis=0) for i in range(24)])
    worn = (pieces + 0.03 * old.std() * rng.standard_normal(pieces.shape)).astype(np.float32)
    assert begun(worn, old, {}, 0.04).name == "mean-of-pieces"
    mean = np.tile(old.mean(axis=0), (24, 1)) + 0.02 * rng.standard_normal(pieces.shape)
    assert begun(mean.astype(np.float32), old, {}, 0.04).name == "global-mean"
    like = (rng.standard_normal((24, 48)) * sizes + 0.3).astype(np.float32)
    assert begun(like, old, {}, 0.01).name == "sampled"
    assert begun(like, old, {}, 0.5).name is None
    assert begun(0.97 * old[30:60], old, {}, 0.5).name == "copied"


def test_channels_negated_in_place_are_no_rows_from_elsewhere(base):
    sign = np.where(np.arange(base.arrays["model.embed_tokens.weight"].shape[1]) % 3 == 0, -1.0, 1.0).astype(np.float32)
    made = {}
    for name, values in base.arrays.items():
        last = values.ndim == 2 and not any(part in name for part in ("o_proj", "down_proj"))
        first = values.ndim == 2 and not last
        made[name] = values * sign if last else values * sign[:, None] if first else values
    assert [one.op for one in run(Side(as_checkpoint(Model(made, base.config))), base).steps] == ["residual-signs"]


def test_an_identity_that_was_trained_since_is_none_of_its_source_s_copies(base):
    rng = np.random.default_rng(97)
    for kind in ("identity", "copy"):
        made = apply("layers-inserted", base, 5, count=1, kind=kind, where=[1])
        arrays = {n: (a + 0.4 * (a.std() or 0.05) * rng.standard_normal(a.shape)).astype(np.float32) if a.ndim == 2 else a
                  for n, a in made.arrays.items()}  # fmt: skip
        inserted = next(s for s in steps_of(Model(arrays, made.config), base) if s.op == "layers-inserted")
        assert inserted.parameters["kind"] == kind
        assert inserted.where["after"] == [1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_open_is_said_in_every_language(language):
    words = catalogue(language)
    steps = (
        Found("dense-to-moe", {}, {"experts": 3, "slices": 1, "router": None, "noise": None, "noise_at_most": 0.05}),
        Found("width-grown", {}, {"factor": 2.0, "kind": None, "noise": None, "noise_at_most": 0.05}),
        Found("vocabulary-replaced", {}, {"size": 9, "rows": None}),
        Found(OPEN, {"parts": ["q"]}, {"change": 0.04, "one_of": list(CAUSES)}),
    )
    said = [words.text(one.document()) for step in steps for one in told(step)]
    assert sum("5.0" in one for one in said) == 2
    assert all("{" not in one and "recipe" not in one for one in said)
    assert first_words("a", "b", ["related"], steps, type("Left", (), {"left": 0.1})())
