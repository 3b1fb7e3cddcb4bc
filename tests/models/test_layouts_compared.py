"""A base changed by a fifth, in every quantised layout, against the base: related, and the change is a fifth."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file

import forebear
from forebear.core.seeds import generator
from forebear.files.formats.safetensors import SafetensorsContainer
from forebear.files.views.quantised import dequantised
from tests.files import quantised_make as make
from tests.files.make import encode_arrays, write
from tests.files.test_nibbles import quantised, stored
from tests.said import said

BASE = Path(__file__).resolve().parent.parent / "data" / "tried" / "base"
Arrays = dict[str, np.ndarray]
Encoder = Callable[[np.ndarray], "Arrays | None"]
"""A matrix (out, in) -> what follows its stem; None: it does not fit this layout and stays as it is."""


def changed(seed: int = 0) -> Arrays:
    random = generator("tests/models/layouts_compared", seed)
    found = {}
    for name, values in load_file(BASE / "model.safetensors").items():
        noise = random.normal(size=values.shape)
        share = 0.2 * np.linalg.norm(values) / np.linalg.norm(noise) if values.ndim == 2 else 0.0
        found[name] = (values + share * noise).astype(np.float32)
    return found


def saved(folder: Path, encoder: Encoder, settings: Mapping[str, Any], everywhere: bool = False) -> Path:
    folder.mkdir()
    tensors: Arrays = {}
    for name, values in changed().items():
        inside = values.ndim == 2 and (everywhere or ".layers." in name)
        stored = encoder(values) if inside else None
        stem = name.removesuffix(".weight")
        tensors |= {name: values} if stored is None else {f"{stem}.{part}": array for part, array in stored.items()}
    write(folder / "model.safetensors", encode_arrays(tensors))
    (folder / "config.json").write_text(json.dumps({**json.loads((BASE / "config.json").read_text()), **settings}))
    return folder


def groups(values: np.ndarray, group: int, bits: int) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Codes (out, in), step and least value (out, groups) of each group; None where groups do not divide the inputs."""
    if values.shape[1] % group:
        return None
    grouped = values.reshape(values.shape[0], -1, group)
    low, step = grouped.min(axis=2), np.ptp(grouped, axis=2) / (2**bits - 1)
    codes = np.rint((grouped - low[..., None]) / step[..., None]).astype(np.int64)
    return codes.reshape(values.shape), step, low


def mlx(bits: int, group: int) -> Encoder:
    def encode(values: np.ndarray) -> Arrays | None:
        found = groups(values, group, bits)
        if found is None or values.shape[1] * bits % 32:
            return None
        codes, step, low = found
        stream = (codes[..., None] >> np.arange(bits) & 1).astype(np.uint8).reshape(len(codes), -1)
        return {"weight": np.packbits(stream, axis=1, bitorder="little").view("<u4"), "scales": step.astype(np.float32),
                "biases": low.astype(np.float32)}  # fmt: skip

    return encode


def hqq_down(values: np.ndarray) -> Arrays | None:
    """HQQ along axis 0: the values as a table of 64 rows, a scale and a zero for every column."""
    table = values.reshape(64, -1)
    low, step = table.min(axis=0, keepdims=True), np.ptp(table, axis=0, keepdims=True) / 15
    codes = np.rint((table - low) / step).astype(np.int64)
    return {"W_q": (codes[:32] << 4 | codes[32:]).astype(np.uint8), "scale": step.astype(np.float16),
            "zero": (-low / step).astype(np.float16), "shape": np.array(values.shape, np.int64),
            "packing": np.frombuffer(b"4bit_u8", np.uint8)}  # fmt: skip


def hqq(values: np.ndarray) -> Arrays | None:
    grouped = values.reshape(-1, 64)
    found = groups(grouped, 64, 4)
    assert found is not None
    codes, step, low = found
    half = len(codes) // 2
    return {"W_q": (codes[:half] << 4 | codes[half:]).astype(np.uint8), "scale": step.astype(np.float16),
            "zero": (-low / step).astype(np.float16), "shape": np.array(values.shape, np.int64),
            "packing": np.frombuffer(b"4bit_u8", np.uint8)}  # fmt: skip


def nvfp4(values: np.ndarray) -> Arrays | None:
    of_all = np.float32(np.abs(values).max() / 6 / 448)
    scale = (np.abs(values).reshape(len(values), -1, 16).max(axis=2) / 6 / of_all).astype(ml_dtypes.float8_e4m3fn)
    real = np.repeat(scale.astype(np.float32) * of_all, 16, axis=1)
    table = np.array(make.FP4)
    codes = np.abs(np.abs(values / real)[..., None] - table).argmin(axis=2) | np.where(values < 0, 8, 0)
    packed = (codes[:, ::2] | codes[:, 1::2] << 4).astype(np.uint8)
    return {"weight": packed, "weight_scale": scale, "weight_scale_2": np.asarray(of_all), "input_scale": np.float32(1)}


def mxfp8(values: np.ndarray) -> Arrays | None:
    if values.shape[1] % 32:
        return None
    exponent = np.ceil(np.log2(np.abs(values).reshape(len(values), -1, 32).max(axis=2) / 448)).astype(int)
    return {"weight": (values / np.repeat(2.0**exponent, 32, axis=1)).astype(ml_dtypes.float8_e4m3fn),
            "weight_scale_inv": (exponent + 127).astype(np.uint8)}  # fmt: skip


def scaled(values: np.ndarray) -> Arrays | None:
    scale = np.float32(np.abs(values).max() / 448)
    return {"weight": (values / scale).astype(ml_dtypes.float8_e4m3fn), "scale_weight": np.asarray(scale)}


def by_row(codes: str, scale: str) -> Encoder:
    def encode(values: np.ndarray) -> Arrays:
        step = np.abs(values).max(axis=1, keepdims=True) / 127
        return {codes: np.rint(values / step).astype(np.int8), scale: step.astype(np.float32)}

    return encode


def gptq(v2: bool, filled: bool) -> Encoder:
    def encode(values: np.ndarray) -> Arrays | None:
        stored = make.gptq(values, 4, 16, v2=v2)[0]
        return stored if filled else {**stored, "g_idx": np.zeros_like(stored["g_idx"])}

    return encode


def gptq_by_activity(values: np.ndarray) -> Arrays | None:
    """GPTQ with desc_act: every input has its group wherever it stands."""
    order = generator("tests/models/act_order", values.shape[1]).permutation(values.shape[1]) // 16
    return make.gptq(values, 4, 16, order=[int(group) for group in order])[0]


def awq_columns(plain: bool) -> Encoder:
    def encode(values: np.ndarray) -> Arrays | None:
        parts = stored("a", quantised(values, 16), plain=plain)
        return {name.removeprefix("a."): value for name, value in parts.items()}

    return encode


def four_bits(kind: str, nested: int, storage: str) -> Encoder:
    """bitsandbytes: all names behind `weight.`; storage: the type that the codes are called."""

    def encode(values: np.ndarray) -> Arrays | None:
        found = make.nf4(values, 64, nested=nested, kind=kind)[0]
        codes = np.ascontiguousarray(found.pop("").reshape(-1)).view(np.uint8)
        named = codes.view(ml_dtypes.bfloat16) if storage == "bfloat16" else codes
        return {"weight": named[:, None]} | {f"weight.{part}": value for part, value in found.items()}

    return encode


def awq(values: np.ndarray) -> Arrays | None:
    return None if values.shape[1] % 32 else make.awq_rows(values, 32)[0]


def exl2(values: np.ndarray) -> Arrays | None:
    if values.shape[1] != 64:
        return None
    return make.exl2(values, [5, 4], [int(i) for i in generator("tests/models/exl2", 0).permutation(64)])[0]


GPTQ = {"quant_method": "gptq", "bits": 4, "group_size": 16, "desc_act": False}
LAYOUTS: dict[str, tuple[Encoder, dict[str, Any]]] = {
    "mlx 4-bit": (mlx(4, 32), {"quantization": {"group_size": 32, "bits": 4}}),
    "mlx 6-bit": (mlx(6, 16), {"quantization": {"group_size": 16, "bits": 6}}),
    "mlx 5-bit told by the width": (mlx(5, 32), {"quantization": {}}),
    "hqq": (hqq, {"quantization_config": {"quant_method": "hqq"}}),
    "nvfp4 as modelopt": (nvfp4, {"quantization_config": {"quant_method": "modelopt", "quant_algo": "NVFP4"}}),
    "mxfp8": (mxfp8, {"quantization_config": {"quant_method": "mxfp8", "weight_block_size": [1, 32]}}),
    "scale_weight": (scaled, {}),
    "torchao int8": (by_row("_weight_qdata", "_weight_scale"), {"quantization_config": {"quant_method": "torchao"}}),
    "quanto int8": (by_row("weight._data", "weight._scale"), {}),
    "gptq with zero points as stored": (
        gptq(True, True),
        {"quantization_config": {**GPTQ, "checkpoint_format": "gptq"}},
    ),
    "gptq with g_idx never filled": (gptq(False, False), {"quantization_config": GPTQ}),
    "awq gemv": (awq, {"quantization_config": {"quant_method": "awq", "version": "gemv", "group_size": 32}}),
    "exl2": (exl2, {"quantization_config": {"quant_method": "exl2"}}),
    "hqq along axis 0": (hqq_down, {"quantization_config": {"quant_method": "hqq"}}),
    "gptq by activity": (gptq_by_activity, {"quantization_config": {**GPTQ, "desc_act": True}}),
    "gptq with zero points less one": (
        gptq(False, True),
        {"quantization_config": {**GPTQ, "checkpoint_format": "gptq_v2"}},
    ),
    "awq": (awq_columns(plain=False), {"quantization_config": {"quant_method": "awq", "version": "gemm"}}),
    "awq in plain order, stated": (
        awq_columns(plain=True),
        {"quantization_config": {"quant_method": "quark", "export": {"pack_method": "order"}}},
    ),
    "awq in plain order, stated otherwise": (
        awq_columns(plain=True),
        {"quantization_config": {"quant_method": "awq", "version": "gemm"}},
    ),
    "awq in plain order, not stated": (awq_columns(plain=True), {}),
    "nf4": (four_bits("nf4", 0, "uint8"), {"quantization_config": {"quant_method": "bitsandbytes"}}),
    "nf4 with maxima coded again": (four_bits("nf4", 16, "uint8"), {}),
    "fp4 with maxima coded again": (four_bits("fp4", 16, "uint8"), {}),
    "nf4 stored as a float": (four_bits("nf4", 16, "bfloat16"), {}),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_changed_base_is_related_by_the_change_that_was_made(tmp_path: Path, layout: str) -> None:
    encoder, settings = LAYOUTS[layout]
    found = forebear.compare(saved(tmp_path / "m", encoder, settings, everywhere=layout.startswith("mlx")), BASE)
    assert found["verdict"]["relation"] == "related"
    assert found["subject"]["width"] == 64
    assert found["subject"]["parameters"] == found["candidate"]["parameters"]
    distances = {row["part"]: row["distance"] for row in found["effects"]}
    assert set(distances) == {"embedding", "q", "k", "v", "o", "gate", "up", "down", "head"}
    assert all(0.18 < distance < 0.26 for distance in distances.values()), distances
    inspected = forebear.inspect(tmp_path / "m")
    assert inspected["parameters"] == found["subject"]["parameters"]
    assert inspected["width"] == 64


SMALL = {"float8_e4m3fn": (448, "F8_E4M3"), "float8_e5m2": (57344, "F8_E5M2")}


def eight_bits(kind: str, size: tuple[int, int], scale: str) -> Encoder:
    """Codes of eight bits with a scale for every block (height, width); 0: as far as the matrix goes. scale: its name, "": lost."""

    def encode(values: np.ndarray) -> Arrays | None:
        height, width = size[0] or values.shape[0], size[1] or values.shape[1]
        if values.shape[0] % height or values.shape[1] % width:
            return None
        blocks = values.reshape(values.shape[0] // height, height, values.shape[1] // width, width)
        steps = (np.abs(blocks).max(axis=(1, 3)) / SMALL[kind][0]).astype(np.float32)
        codes = (blocks / steps[:, None, :, None]).reshape(values.shape).astype(getattr(ml_dtypes, kind))
        return {"weight": codes} | ({scale: steps} if scale else {})

    return encode


@pytest.mark.parametrize("size", [(1, 0), (0, 1), (32, 32), (1, 16), (16, 0)])
def test_blocks_that_nothing_states_are_told_by_the_shape_of_the_scales(tmp_path: Path, size: tuple[int, int]) -> None:
    """`weight_scale_inv` is 128 x 128 where that fits, else one a row, one a column, or blocks of powers of two."""
    path = saved(tmp_path / "m", eight_bits("float8_e4m3fn", size, "weight_scale_inv"), {})
    found = forebear.compare(path, BASE)
    assert found["verdict"]["relation"] == "related"
    distances = [row["distance"] for row in found["effects"]]
    assert all(0.18 < distance < 0.23 for distance in distances), distances


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("scale", ["", "weight_amax", "w_scale", "scales"])
def test_codes_of_eight_bits_whose_scale_is_lost_or_unknown_have_no_effect(tmp_path: Path, kind: str, scale: str) -> None:
    document = forebear.compare(saved(tmp_path / "m", eight_bits(kind, (0, 0), scale), {}), BASE)
    assert document["verdict"]["relation"] == "cannot-tell"
    assert {row["part"] for row in document["effects"]} <= {"embedding", "head"}
    assert any(f"{SMALL[kind][1]}" in limit and "no decoder of this version reads" in limit for limit in said(document["limits"]))


@pytest.mark.parametrize("kind", SMALL)
def test_weights_that_were_only_rounded_to_eight_bits_are_weights(tmp_path: Path, kind: str) -> None:
    path = saved(tmp_path / "m", lambda values: {"weight": values.astype(getattr(ml_dtypes, kind))}, {}, everywhere=True)
    found = forebear.compare(path, BASE)
    assert found["verdict"]["relation"] == "related"
    assert all(0.18 < row["distance"] < 0.24 for row in found["effects"])


@pytest.mark.parametrize(("form", "relation"), [(0, "related"), (1, "cannot-tell"), (3, "cannot-tell")])
def test_codes_of_bitsandbytes_in_tiles_of_a_gpu_are_left_undecoded(tmp_path: Path, form: int, relation: str) -> None:
    def encode(values: np.ndarray) -> Arrays:
        largest = np.abs(values).max(axis=1)
        codes = np.rint(values / largest[:, None] * 127).astype(np.int8)
        return {"weight": codes, "SCB": largest, "weight_format": np.array(form, np.uint8)}

    document = forebear.compare(saved(tmp_path / "m", encode, {"quantization_config": {"quant_method": "bitsandbytes"}}), BASE)
    assert document["verdict"]["relation"] == relation


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("size", [(0, 0), (1, 0), (16, 16)])
@pytest.mark.parametrize("reciprocal", [True, False])
def test_a_scale_that_is_meant_to_divide_makes_no_figures(tmp_path: Path, kind: str, size: tuple[int, int], reciprocal: bool) -> None:
    """Multiplied, such scales gave changes of up to 6,137,337 (decision 0127)."""
    encode = eight_bits(kind, size, "weight_scale")

    def written(values: np.ndarray) -> Arrays | None:
        stored = encode(values)
        return stored and {**stored, "weight_scale": 1 / stored["weight_scale"] if reciprocal else stored["weight_scale"]}

    document = forebear.compare(saved(tmp_path / "m", written, {}), BASE)
    assert document["verdict"]["relation"] == ("cannot-tell" if reciprocal else "related")
    assert all(0.18 < row["distance"] < 0.28 for row in document["effects"])
    assert any("too large for weights" in limit for limit in said(document["limits"])) is reciprocal


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (0, 0)])
def test_a_scaled_matrix_without_values_makes_none(tmp_path: Path, shape: tuple[int, int]) -> None:
    """Found by the fuzzer of layouts (index 6,654): a matrix of no rows was looked at for its size."""
    tensors = {"a.weight": np.zeros(shape, ml_dtypes.float8_e4m3fn), "a.weight_scale": np.ones(1, np.float32)}
    container, _ = dequantised(SafetensorsContainer(write(tmp_path / "m", encode_arrays(tensors))), {})
    assert container.read("a.weight").shape == shape
