"""Matrices quantised by the libraries that define each layout are read to those libraries' numbers (scripts/make_layout_fixtures.py)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from forebear.core.errors import RefusedError
from forebear.files.formats.safetensors import SafetensorsContainer
from forebear.files.views.quantised import dequantised
from forebear.models.architecture.stated_shapes import stated_shapes

LAYOUTS = Path(__file__).resolve().parent.parent / "data" / "layouts"
INDEX = json.loads((LAYOUTS / "index.json").read_text("utf-8"))
WEIGHT = "model.layers.0.mlp.up_proj.weight"
ROUNDING = 2.0**-7
"""Some libraries compute in bfloat16: a product of rounded numbers, in shares of its size; the whole then differs by a third of that."""


@pytest.mark.parametrize("name", INDEX)
def test_what_a_library_wrote_is_read_to_its_own_numbers(name: str) -> None:
    config = INDEX[name]["config"]
    stored = SafetensorsContainer(LAYOUTS / f"{name}.safetensors")
    expected = SafetensorsContainer(LAYOUTS / f"{name}.values.safetensors").read(WEIGHT)
    container, said = dequantised(stored, config, stated_shapes(config))
    assert set(container.tensors) == {WEIGHT}, sorted(container.tensors)
    assert container.tensors[WEIGHT].shape == expected.shape
    assert len(said) == 1
    got = container.read(WEIGHT)
    np.testing.assert_allclose(got, expected, rtol=ROUNDING, atol=ROUNDING * np.abs(expected).max() / 8)
    assert np.linalg.norm(got - expected) <= ROUNDING / 3 * np.linalg.norm(expected)
    picked = [31, 0, 5, 6]
    np.testing.assert_array_equal(container.take(WEIGHT, picked), got[picked])
    np.testing.assert_array_equal(container.rows(WEIGHT, 2, 5), got[2:5])


def test_every_required_library_wrote_some() -> None:
    written = {row["source"].split(" ")[0] for row in INDEX.values()}
    assert written >= {"mlx", "torchao", "optimum-quanto", "compressed-tensors", "hqq", "nvidia-modelopt"}
    assert len(INDEX) >= 35


def test_factors_of_inputs_that_do_not_fit_are_refused_and_a_rest_of_low_rank_leaves_a_matrix_undecoded(tmp_path: Path) -> None:
    """A matrix of ModelOpt's SmoothQuant was read without its factors: 1.79 away from the model, and nothing was said."""
    name, stem = "modelopt-int8-smoothquant", WEIGHT.removesuffix(".weight")
    stored = SafetensorsContainer(LAYOUTS / f"{name}.safetensors")
    arrays = {part: stored.read(part) for part in (f"{stem}.weight_scale", f"{stem}.pre_quant_scale")}
    arrays[WEIGHT] = stored.read(WEIGHT).astype(np.int8)
    save_file({**arrays, f"{stem}.pre_quant_scale": np.ones(64, np.float32)}, tmp_path / "cut")
    with pytest.raises(RefusedError, match=r"has factors of its inputs of shape \(64,\)"):
        dequantised(SafetensorsContainer(tmp_path / "cut"), {})
    save_file({**arrays, f"{stem}.svdquant_lora_a": np.ones((4, 128), np.float32)}, tmp_path / "rest")
    container, said = dequantised(SafetensorsContainer(tmp_path / "rest"), {})
    assert container.tensors[WEIGHT].dtype == "I8"
    assert not said
