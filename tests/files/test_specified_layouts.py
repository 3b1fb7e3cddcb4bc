"""Layouts whose writers need a GPU or are not installed here: encoders after the published specification, value by value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from forebear.core.errors import RefusedError
from forebear.core.seeds import generator
from forebear.files.formats.safetensors import SafetensorsContainer
from forebear.files.views.quantised import dequantised
from forebear.models.undecoded import undecoded
from tests.files import quantised_make as make
from tests.files.make import encode_arrays, write
from tests.files.test_quantised import check, matrix, opened

Stored = dict[str, np.ndarray]


@pytest.mark.parametrize("group", [32, 64, 128])
def test_awq_for_products_with_one_vector_comes_back(tmp_path: Path, group: int) -> None:
    weight = matrix(24, 256)
    stored, steps = make.awq_rows(weight, group)
    settings = {"quant_method": "awq", "version": "gemv", "group_size": group}
    container, _ = opened(tmp_path / "m", {f"a.{k}": v for k, v in stored.items()}, {"quantization_config": settings})
    assert container.tensors["a.weight"].dtype == "AWQ 4-bit (gemv)"
    check(container, "a.weight", weight, steps)


def test_awq_without_its_padding_is_left_undecoded(tmp_path: Path) -> None:
    stored, _ = make.awq_rows(matrix(24, 256), 32)
    stored["scales"] = stored["scales"][:, :8]
    settings = {"quant_method": "awq", "group_size": 32}
    container, _ = opened(tmp_path / "m", {f"a.{k}": v for k, v in stored.items()}, {"quantization_config": settings})
    assert "a.weight" not in container.tensors
    assert "a.qweight" in undecoded(container.tensors)


@pytest.mark.parametrize("bits", [[4, 4, 4, 4], [8, 6, 5, 4], [4, 3, 3, 2], [2]])
@pytest.mark.parametrize("ordered", [True, False])
def test_exl2_comes_back(tmp_path: Path, bits: list[int], ordered: bool) -> None:
    weight = matrix(16, 32 * len(bits))
    inputs = np.arange(weight.shape[1])
    order = inputs if ordered else generator("tests/files/exl2", 0).permutation(inputs)
    stored, steps = make.exl2(weight, bits, [int(i) for i in order])
    container, _ = opened(tmp_path / "m", {f"a.{k}": v for k, v in stored.items()})
    assert container.tensors["a.weight"].dtype.startswith(f"EXL2 {sum(bits) / len(bits):.1f}")
    check(container, "a.weight", weight, steps * 1.5)


def test_exl2_without_groups_is_left_undecoded_and_a_false_order_refused(tmp_path: Path) -> None:
    stored, _ = make.exl2(matrix(16, 64), [4, 4], list(range(64)))
    blank = {**stored, "q_groups": np.zeros(4, np.int16)}
    container, _ = opened(tmp_path / "m", {f"a.{k}": v for k, v in blank.items()})
    assert "a.q_weight" in undecoded(container.tensors)
    twice = {**stored, "q_invperm": np.zeros(64, np.int32)}
    with pytest.raises(RefusedError, match="no permutation"):
        opened(tmp_path / "m", {f"a.{k}": v for k, v in twice.items()})


@pytest.mark.parametrize("linear", ["bitlinear", "autobitlinear"])
def test_bitnet_comes_back(tmp_path: Path, linear: str) -> None:
    ternary = generator("tests/files/bitnet", 0).integers(-1, 2, size=(16, 24)).astype(np.int8)
    scale = np.array([8.0], ml_dtypes.bfloat16)
    settings = {"quant_method": "bitnet", "linear_class": linear}
    container, _ = opened(tmp_path / "m", {"a.weight": make.bitnet(ternary), "a.weight_scale": scale},
                          {"quantization_config": settings})  # fmt: skip
    np.testing.assert_array_equal(container.read("a.weight"), ternary * (8.0 if linear == "autobitlinear" else 0.125))
    np.testing.assert_array_equal(container.take("a.weight", [9, 2]), container.read("a.weight")[[9, 2]])


def four_bit_floats(weight: np.ndarray, of_all: float) -> tuple[Stored, np.ndarray]:
    """As ModelOpt writes NVFP4: bytes of two, scales of eight-bit floats, one scale of the whole that multiplies."""
    rows, inputs = weight.shape
    scale = (np.abs(weight).reshape(rows, -1, 16).max(axis=2) / 6 / of_all).astype(ml_dtypes.float8_e4m3fn)
    real = np.repeat(scale.astype(np.float32) * np.float32(of_all), 16, axis=1)
    pairs = [
        [make.four_bit_code(float(v / s)) for v, s in zip(w, r, strict=True)] for w, r in zip(weight, real, strict=True)
    ]
    codes = np.array([[c for c, _ in row] for row in pairs], np.uint8)
    steps = np.array([[s for _, s in row] for row in pairs]) * real * 1.2
    return {
        "weight": codes[:, ::2] | codes[:, 1::2] << 4,
        "weight_scale": scale,
        "weight_scale_2": np.float32([of_all])[0],
    }, steps


def test_nvfp4_of_modelopt_comes_back_whatever_the_configuration_says(tmp_path: Path) -> None:
    weight = matrix(8, 64)
    stored, steps = four_bit_floats(weight, 1 / 500)
    tensors: dict[str, Any] = {f"a.{k}": np.asarray(v) for k, v in stored.items()} | {
        "a.input_scale": np.float32([1.0])
    }
    for config in ({}, {"quantization_config": {"quant_method": "modelopt", "quant_algo": "NVFP4"}}):
        container, _ = opened(tmp_path / "m", tensors, config)
        assert set(container.tensors) == {"a.weight"}
        assert container.tensors["a.weight"].dtype == "NVFP4"
        check(container, "a.weight", weight, steps)


def test_bytes_with_one_scale_of_an_unknown_kind_are_left_undecoded(tmp_path: Path) -> None:
    tensors = {"a.weight": np.ones((4, 32), np.uint8), "a.weight_scale": np.ones(1, np.float32)}
    container, said = opened(tmp_path / "m", tensors)
    assert said == []
    assert "a.weight" in undecoded(container.tensors)


@pytest.mark.parametrize("scale", [np.float32(0.25), np.float32([0.25]), np.full((6, 1), 0.25, np.float32)])
def test_scale_weight_multiplies(tmp_path: Path, scale: Any) -> None:
    weight = matrix(6, 16)
    codes = (weight * 4).astype(ml_dtypes.float8_e4m3fn)
    tensors = {"a.weight": codes, "a.scale_weight": np.asarray(scale), "a.scale_input": np.float32([1.0])}
    container, _ = opened(tmp_path / "m", tensors)
    assert set(container.tensors) == {"a.weight"}
    np.testing.assert_array_equal(container.read("a.weight"), codes.astype(np.float32) / 4)


@pytest.mark.parametrize("ending", ["weight_scale", "weight_scale_inv"])
@pytest.mark.parametrize("stated", [True, False])
def test_scales_of_one_byte_are_exponents(tmp_path: Path, ending: str, stated: bool) -> None:
    weight = matrix(8, 64)
    exponent = np.ceil(np.log2(np.abs(weight).reshape(8, 2, 32).max(axis=2) / 448)).astype(int)
    real = np.repeat(2.0**exponent, 32, axis=1)
    codes = (weight / real).astype(ml_dtypes.float8_e4m3fn)
    tensors = {"a.weight": codes, f"a.{ending}": (exponent + 127).astype(np.uint8)}
    config = {"quantization_config": {"quant_method": "mxfp8", "weight_block_size": [1, 32]}} if stated else {}
    container, _ = opened(tmp_path / "m", tensors, config)
    assert container.tensors["a.weight"].dtype == "MXFP8"
    np.testing.assert_array_equal(container.read("a.weight"), (codes.astype(np.float64) * real).astype(np.float32))


def test_an_exponent_of_all_ones_is_not_a_number(tmp_path: Path) -> None:
    tensors = {
        "a.weight": np.ones((2, 64), ml_dtypes.float8_e4m3fn),
        "a.weight_scale": np.array([[127, 255]] * 2, np.uint8),
    }
    container, _ = opened(tmp_path / "m", tensors)
    got = container.read("a.weight")
    assert (got[:, :32] == 1).all()
    assert np.isnan(got[:, 32:]).all()


def test_mlx_mixed_widths_are_those_of_each_module(tmp_path: Path) -> None:
    """Two modules of one file, one with an entry of its own; without a configuration the width stays open."""
    words = np.arange(64, dtype=np.uint32).reshape(4, 16)
    tensors: Stored = {}
    for stem in ("a", "b"):
        tensors |= {
            f"{stem}.weight": words,
            f"{stem}.scales": np.ones((4, 2), np.float32),
            f"{stem}.biases": np.ones((4, 2), np.float32),
        }
    container, _ = opened(
        tmp_path / "m", tensors, {"quantization": {"group_size": 64, "bits": 4, "b": {"group_size": 32, "bits": 8}}}
    )
    assert [container.tensors[f"{s}.weight"].dtype for s in "ab"] == ["MLX 4-bit", "MLX 8-bit"]
    assert [container.tensors[f"{s}.weight"].shape for s in "ab"] == [(4, 128), (4, 64)]
    left, _ = opened(tmp_path / "m", tensors)
    assert undecoded(left.tensors) == {"a.weight", "b.weight"}


def test_mlx_experts_come_back_as_a_stack(tmp_path: Path) -> None:
    words = generator("tests/files/mlx", 0).integers(0, 2**32, size=(3, 4, 8), dtype=np.uint64).astype(np.uint32)
    tensors = {
        "a.weight": words,
        "a.scales": np.ones((3, 4, 2), np.float16),
        "a.biases": np.zeros((3, 4, 2), np.float16),
    }
    container, _ = opened(tmp_path / "m", tensors, {"quantization": {"group_size": 32, "bits": 4}})
    expected = (words[..., None] >> np.arange(0, 32, 4, dtype=np.uint32) & 15).reshape(3, 4, 64)
    np.testing.assert_array_equal(container.read("a.weight"), expected)
    np.testing.assert_array_equal(container.take("a.weight", [2, 0]), expected[[2, 0]])


def test_torchao_int4_comes_back(tmp_path: Path) -> None:
    """Int4Tensor: signed codes, the low half first; scales and zero points by group and output, which is added."""
    random = generator("tests/files/int4", 0)
    codes = random.integers(-8, 8, size=(6, 64))
    scale, zero = random.normal(size=(2, 6)).astype(np.float32), random.normal(size=(2, 6)).astype(np.float32)
    raw = (codes[:, ::2] & 15 | (codes[:, 1::2] & 15) << 4).astype(np.uint8)
    tensors = {"a._weight_qdata": raw, "a._weight_scale": scale, "a._weight_zero_point": zero}
    content = encode_arrays(tensors, {"a.weight": '{"_type": "Int4Tensor", "_data": {"block_size": [1, 32]}}'})
    container, _ = dequantised(SafetensorsContainer(write(tmp_path / "m", content)), {})
    expected = codes * np.repeat(scale.T, 32, axis=1) + np.repeat(zero.T, 32, axis=1)
    np.testing.assert_allclose(container.read("a.weight"), expected, rtol=1e-6)


def test_quanto_without_a_configuration_has_no_shape_and_is_left_undecoded(tmp_path: Path) -> None:
    tensors = {"a.weight._data._data": np.ones((4, 32), np.uint8), "a.weight._scale": np.ones((8, 1), np.float32),
               "a.weight._shift": np.ones((8, 1), np.float32)}  # fmt: skip
    container, _ = opened(tmp_path / "m", tensors)
    assert undecoded(container.tensors) == {"a.weight._data._data"}
