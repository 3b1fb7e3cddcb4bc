"""A sample of neurons in place settles what is nearly equal, and nothing else (decision 0051)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import forebear
from bench.framed_align import framed
from bench.shapes import SHAPES, initial
from forebear.comparison.tests import strength
from forebear.recipes.steps.model import Model

SHAPE = SHAPES["llama64"]
ACCUSES = ("identical", "related", "shares-components", "shared-start")


def untrained(seed: int) -> Model:
    return Model(initial(SHAPE, seed), SHAPE.config())


def noisy(made: Model, noise: float, seed: int, layers: tuple[int, ...] = (0, 1, 2, 3)) -> Model:
    rng = np.random.default_rng(seed)
    arrays = {}
    for name, array in made.arrays.items():
        values = np.array(array, dtype=np.float32)
        if any(f".layers.{n}." in name for n in layers):
            values += noise * values.std() * rng.standard_normal(values.shape).astype(np.float32)
        arrays[name] = values
    return Model(arrays, made.config)


def told(subject: Model, candidate: Model, folder: Path) -> tuple[str, dict[str, Any]]:
    subject.save(folder / "subject")
    candidate.save(folder / "candidate")
    document = forebear.compare(folder / "subject", folder / "candidate")
    found = [e for e in document["evidence"] if e["test"] == "strength" and e["axis"] == "neurons"]
    return document["verdict"]["relation"], dict(found[0]) if found else {}


@pytest.fixture
def of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strength, "SURE_BYTES", 0)


def test_a_light_fine_tune_is_settled_by_the_sample(tmp_path: Path, of_any_size: None) -> None:
    base = untrained(101)
    relation, figures = told(noisy(base, 0.1, 1), base, tmp_path)
    assert (relation, figures["how"]) == ("related", "far")
    assert figures["drawn"]


def test_small_models_are_measured_whole(tmp_path: Path) -> None:
    base = untrained(101)
    relation, figures = told(noisy(base, 0.1, 1), base, tmp_path)
    assert (relation, figures["how"]) == ("related", "in place")


def test_a_worn_relative_and_one_with_a_worn_layer_are_measured_whole(tmp_path: Path, of_any_size: None) -> None:
    base = untrained(102)
    for name, subject in (("worn", noisy(base, 1.0, 2)), ("layer", noisy(base, 1.5, 3, layers=(2,)))):
        relation, figures = told(subject, base, tmp_path / name)
        assert (relation, figures["how"]) == ("related", "in place"), name


@pytest.mark.parametrize("how", ["signs", "procrustes and assignment", "joint"])
def test_an_aligned_independent_is_never_settled(how: str, tmp_path: Path, of_any_size: None) -> None:
    candidate = untrained(104)
    relation, figures = told(framed(untrained(103), candidate, how, 0), candidate, tmp_path)
    assert relation not in ACCUSES
    assert figures.get("how") != "far"
