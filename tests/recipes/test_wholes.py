"""Models put side by side in one file are found whole; a part of a model, or one model alone, is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import forebear
from forebear.models.checkpoint import Checkpoint, open_checkpoint
from forebear.recipes.rederive import joined
from forebear.recipes.steps.model import Model
from tests.real import real_path
from tests.recipes.arrays import llama


def both(seed: int) -> tuple[Model, Model, Model]:
    """Two models and a file with both, under other names, the matrices of one turned."""
    a, b = llama(seed, layers=1), llama(seed + 1, layers=1)
    arrays = {f"first.{name}": array for name, array in a.arrays.items()}
    arrays |= {f"second.{name}": np.ascontiguousarray(array.T) for name, array in b.arrays.items()}
    return a, b, Model(arrays, {})


def opened(folder: Path, *models: Model) -> list[Checkpoint]:
    return [open_checkpoint(model.save(folder / str(place))) for place, model in enumerate(models)]


def test_two_models_whole_are_found_and_a_third_is_not(tmp_path: Path, seed: int) -> None:
    a, b, file = both(seed)
    subject, *given = opened(tmp_path, file, a, b, llama(seed + 2, layers=1))
    (found,) = joined(subject, given, ["a", "b", "c"])
    assert [row["id"] for row in found.parameters["models"]] == ["a", "b"]
    assert (found.grade, found.parameters["left"]) == ("re-derived", 0)


def test_a_model_with_one_other_value_is_not_whole(tmp_path: Path, seed: int) -> None:
    a, b, file = both(seed)
    arrays = dict(b.arrays)
    arrays["model.norm.weight"] = np.nextafter(arrays["model.norm.weight"], np.float32(9))
    subject, *given = opened(tmp_path, file, a, Model(arrays, b.config))
    assert joined(subject, given, ["a", "b"]) == []


@pytest.mark.real
def test_an_ensemble_is_two_real_models_whole() -> None:
    folder = real_path("text2tashkeel")
    given = [folder / f"{name}.int8.onnx" for name in ("rawi", "rawi_v2", "rawi_v3")]
    document = forebear.recipe(folder / "rawi_ensemble.int8.onnx", given)
    (step,) = document["steps"]
    assert (step["op"], step["grade"], step["parameters"]["left"]) == ("models-joined", "re-derived", 0)
    assert [Path(row["id"]).name for row in step["parameters"]["models"]] == ["rawi_v2.int8.onnx", "rawi_v3.int8.onnx"]
