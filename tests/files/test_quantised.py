"""Each quantised form gives back its matrix within half a step, from encoders that share no code with the reader."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import forebear
from forebear.core.errors import RefusedError
from forebear.core.seeds import generator
from forebear.files.formats.safetensors import SafetensorsContainer
from forebear.files.views.coded_names import CODED
from forebear.files.views.quantised import ENDINGS, dequantised
from forebear.models.checkpoint import open_checkpoint
from tests.files import quantised_make as make
from tests.files.gguf_make import demo
from tests.files.make import TAGS, encode, encode_arrays, write
from tests.memory import MemoryContainer
from tests.said import said as english

DEMO = Path(forebear.__file__).parent / "demo_data"


def opened(path: Path, tensors: dict[str, np.ndarray], config: dict[str, Any] | None = None):
    """A safetensors file of these tensors, its quantised matrices recognised."""
    return dequantised(SafetensorsContainer(write(path, encode_arrays(tensors))), config or {})


def matrix(outputs: int, inputs: int, seed: int = 0) -> np.ndarray:
    return generator("tests/files/quantised", seed).normal(size=(outputs, inputs)).astype(np.float32)


def check(container, name: str, weight: np.ndarray, steps: np.ndarray, slack: float = 1.02) -> None:
    assert container.tensors[name].shape == weight.shape
    got = container.read(name)
    assert (np.abs(got - weight) <= steps / 2 * slack + 1e-6).all(), float(np.abs((got - weight) / steps).max())
    picked = [weight.shape[0] - 1, 0, 3]
    np.testing.assert_array_equal(container.take(name, picked), got[picked])
    np.testing.assert_array_equal(container.rows(name, 2, 5), got[2:5])


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize("form", ["plain", "act-order", "v2"])
def test_gptq_comes_back(tmp_path: Path, bits: int, form: str) -> None:
    weight = matrix(32, 96)
    shuffled = [int(g) for g in np.random.default_rng(7).permutation([i // 32 for i in range(96)])]
    stored, steps = make.gptq(weight, bits, 32, order=shuffled if form == "act-order" else None, v2=form == "v2")
    settings = {"quant_method": "gptq", "bits": bits, "checkpoint_format": "gptq_v2" if form == "v2" else "gptq"}
    tensors = {f"a.{k}": v for k, v in stored.items()} | {"a.bias": np.ones(32, np.float16)}
    container, said = opened(tmp_path / "m", tensors, {"quantization_config": settings})
    assert set(container.tensors) == {"a.weight", "a.bias"}
    assert english(said) == [f"read as the values they stand for: 1 quantised matrix (GPTQ {bits}-bit)"]
    check(container, "a.weight", weight, steps)


def test_gptq_bits_follow_from_the_shapes_when_nothing_states_them(tmp_path: Path) -> None:
    weight = matrix(32, 64)
    stored, steps = make.gptq(weight, 8, 32)
    container, _ = opened(tmp_path / "m", {f"a.{k}": v for k, v in stored.items() if k != "g_idx"})
    check(container, "a.weight", weight, steps)


def test_awq_comes_back(tmp_path: Path) -> None:
    weight = matrix(48, 64)
    stored, steps = make.awq(weight, 32)
    settings = {"quantization_config": {"quant_method": "awq"}}
    container, _ = opened(tmp_path / "m", {f"a.{k}": v for k, v in stored.items()}, settings)
    assert container.tensors["a.weight"].dtype == "AWQ 4-bit"
    check(container, "a.weight", weight, steps)


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("symmetric", [True, False])
def test_compressed_tensors_packed_comes_back(tmp_path: Path, bits: int, symmetric: bool) -> None:
    weight = matrix(20, 64)
    stored, steps = make.packed(weight, bits, 16, symmetric=symmetric)
    container, _ = opened(tmp_path / "m", {f"a.{k}": v for k, v in stored.items()})
    check(container, "a.weight", weight, steps)


@pytest.mark.parametrize("per", ["tensor", "row"])
@pytest.mark.parametrize("kind", ["fp8", "int8"])
def test_small_values_with_one_scale_or_one_a_row_come_back(tmp_path: Path, per: str, kind: str) -> None:
    weight = matrix(12, 24)
    largest = np.abs(weight).max(axis=1, keepdims=True) if per == "row" else np.abs(weight).max().reshape(1)
    scale = (largest / (448 if kind == "fp8" else 127)).astype(np.float32)
    codes = (
        (weight / scale).astype(ml_dtypes.float8_e4m3fn) if kind == "fp8" else np.round(weight / scale).astype(np.int8)
    )
    container, _ = opened(tmp_path / "m", {"a.weight": codes, "a.weight_scale": scale})
    steps = np.maximum(np.abs(weight) / 8, scale * 2**-9) if kind == "fp8" else np.broadcast_to(scale, weight.shape)
    check(container, "a.weight", weight, steps)


@pytest.mark.parametrize("size", [(256, 256), (200, 130)])
def test_fp8_with_scales_by_block_comes_back(tmp_path: Path, size: tuple[int, int]) -> None:
    weight = matrix(*size)
    scale = np.zeros((-(-size[0] // 128), -(-size[1] // 128)), np.float32)
    codes = np.zeros(size, ml_dtypes.float8_e4m3fn)
    for i in range(scale.shape[0]):
        for j in range(scale.shape[1]):
            place = np.s_[128 * i : 128 * i + 128, 128 * j : 128 * j + 128]
            scale[i, j] = np.abs(weight[place]).max() / 448
            codes[place] = (weight[place] / scale[i, j]).astype(ml_dtypes.float8_e4m3fn)
    container, _ = opened(tmp_path / "m", {"a.weight": codes, "a.weight_scale_inv": scale})
    check(container, "a.weight", weight, np.maximum(np.abs(weight) / 8, scale.max() * 2**-9))


def test_bitsandbytes_int8_comes_back(tmp_path: Path) -> None:
    weight = matrix(12, 24)
    largest = np.abs(weight).max(axis=1).astype(np.float32)
    codes = np.round(weight / largest[:, None] * 127).astype(np.int8)
    tensors = {"a.weight": codes, "a.SCB": largest, "a.weight_format": np.array(0, np.uint8)}
    container, _ = opened(tmp_path / "m", tensors)
    assert set(container.tensors) == {"a.weight"}
    check(container, "a.weight", weight, np.broadcast_to(largest[:, None] / 127, weight.shape))


@pytest.mark.parametrize("kind", ["nf4", "fp4"])
@pytest.mark.parametrize("nested", [0, 4])
@pytest.mark.parametrize("size", [(16, 64), (9, 21)])
def test_bitsandbytes_four_bits_come_back(tmp_path: Path, nested: int, size: tuple[int, int], kind: str) -> None:
    weight = matrix(*size)
    stored, steps = make.nf4(weight, 32, nested=nested, kind=kind)
    tensors = {f"a.weight.{part}" if part else "a.weight": array for part, array in stored.items()}
    container, _ = opened(tmp_path / "m", tensors)
    assert set(container.tensors) == {"a.weight"}
    check(container, "a.weight", weight, steps)


@pytest.mark.parametrize("kind", ["bfloat16", "float16", "float32"])
def test_codes_of_bitsandbytes_that_are_stored_as_floats_come_back(tmp_path: Path, kind: str) -> None:
    """As `bnb_4bit_quant_storage` leaves them for training that cuts parameters over ranks: once read as a float column."""
    weight = matrix(16, 64)
    stored, steps = make.nf4(weight, 32, nested=4)
    stored[""] = stored[""].reshape(-1).view(kind if kind in np.sctypeDict else ml_dtypes.bfloat16).reshape(-1, 1)
    container, _ = opened(tmp_path / "m", {f"a.weight.{part}" if part else "a.weight": v for part, v in stored.items()})
    assert set(container.tensors) == {"a.weight"}
    check(container, "a.weight", weight, steps)


def test_a_decoded_weight_beside_a_state_that_stayed_is_the_weight(tmp_path: Path) -> None:
    weight = matrix(16, 64)
    stored, _ = make.nf4(weight, 32)
    stored[""] = weight
    container, _ = opened(tmp_path / "m", {f"a.weight.{part}" if part else "a.weight": v for part, v in stored.items()})
    np.testing.assert_array_equal(container.read("a.weight"), weight)


def test_mxfp4_experts_come_back_transposed(tmp_path: Path) -> None:
    published = generator("tests/files/quantised", 3).normal(size=(2, 64, 6)).astype(np.float32)  # experts, in, out
    rows = [[make.mxfp4_row(published[e, :, r]) for r in range(6)] for e in range(2)]
    blocks = np.array([[np.reshape(r[0], (2, 16)) for r in expert] for expert in rows], np.uint8)
    scales = np.array([[r[1] for r in expert] for expert in rows], np.uint8)
    steps = np.array([[r[2] for r in expert] for expert in rows]).swapaxes(1, 2)
    container, _ = opened(tmp_path / "m", {"m.experts.up_blocks": blocks, "m.experts.up_scales": scales})
    got = container.read("m.experts.up")
    assert got.shape == published.shape
    assert (np.abs(got - published) <= steps / 2 + 1e-6).all()
    np.testing.assert_array_equal(container.take("m.experts.up", [1]), got[[1]])


@pytest.mark.parametrize("kind", ["MXFP4", "NVFP4"])
def test_packed_four_bit_floats_come_back(tmp_path: Path, kind: str) -> None:
    weight = matrix(8, 64)
    if kind == "MXFP4":
        rows = [make.mxfp4_row(row) for row in weight]
        tensors = {"a.weight_packed": np.array([r[0] for r in rows], np.uint8),
                   "a.weight_scale": np.array([r[1] for r in rows], np.uint8)}  # fmt: skip
        steps = np.array([r[2] for r in rows])
    else:
        whole = np.float32(500.0)
        scale = (np.abs(weight).reshape(8, 4, 16).max(axis=2) / 6 * whole).astype(ml_dtypes.float8_e4m3fn)
        real = np.repeat(scale.astype(np.float32) / whole, 16, axis=1)
        pairs = [
            [make.four_bit_code(float(v / s)) for v, s in zip(w, r, strict=True)]
            for w, r in zip(weight, real, strict=True)
        ]
        codes = np.array([[c for c, _ in row] for row in pairs], np.uint8)
        tensors = {"a.weight_packed": codes[:, ::2] | codes[:, 1::2] << 4, "a.weight_scale": scale,
                   "a.weight_global_scale": np.array([whole])}  # fmt: skip
        steps = np.array([[s for _, s in row] for row in pairs]) * real * 1.2
    container, _ = opened(tmp_path / "m", tensors)
    assert container.tensors["a.weight"].dtype == kind
    check(container, "a.weight", weight, steps)


def test_plain_checkpoints_are_left_as_they_are() -> None:
    container = MemoryContainer({"a.weight": matrix(4, 4), "b.scales": matrix(2, 2)})
    assert dequantised(container, {}) == (container, [])


DEFECTS: dict[str, tuple[dict[str, np.ndarray], str]] = {
    "gptq with too many zero points": (
        {"a.qweight": np.zeros((8, 16), np.int32), "a.qzeros": np.zeros((2, 3), np.int32),
         "a.scales": np.zeros((2, 16), np.float16)}, "shapes that do not fit"),
    "gptq with a group that is not there": (
        {"a.qweight": np.zeros((8, 16), np.int32), "a.qzeros": np.zeros((2, 2), np.int32),
         "a.scales": np.zeros((2, 16), np.float16), "a.g_idx": np.full(64, 5, np.int32)}, "'a' has groups that do not fit its 2 rows"),
    "awq whose groups do not divide": (
        {"a.qweight": np.zeros((10, 2), np.int32), "a.qzeros": np.zeros((3, 2), np.int32),
         "a.scales": np.zeros((3, 16), np.float16)}, "do not divide its 10 inputs"),
    "packed words for another shape": (
        {"a.weight_packed": np.zeros((4, 3), np.int32), "a.weight_scale": np.zeros((4, 1), np.float32),
         "a.weight_shape": np.array([4, 100], np.int64)}, "do not fit its stated shape"),
    "packed zero points for another shape": (
        {"a.weight_packed": np.zeros((8, 4), np.int32), "a.weight_scale": np.zeros((8, 2), np.float32),
         "a.weight_shape": np.array([8, 32], np.int64), "a.weight_zero_point": np.zeros((3, 2), np.int32)},
        "that do not fit its scales of shape (8, 2)"),
    "four-bit floats whose scales do not divide": (
        {"a.weight_packed": np.zeros((4, 5), np.uint8), "a.weight_scale": np.zeros((4, 3), np.uint8)},
        "do not divide its 10 inputs"),
    "row maxima for other rows": (
        {"a.weight": np.zeros((4, 4), np.int8), "a.SCB": np.zeros(3, np.float32)}, "4 rows and 3 row maxima"),
    "scales that do not cover": (
        {"a.weight": np.zeros((4, 4), np.int8), "a.weight_scale": np.zeros((3, 1), np.float32)}, "has scales of shape (3, 1)"),
    "blocks that do not cover": (
        {"a.weight": np.zeros((300, 4), np.int8), "a.weight_scale_inv": np.zeros((2, 1), np.float32)},
        "has scales of shape (2, 1)"),
    "expert blocks of another size": (
        {"a_blocks": np.zeros((2, 3, 2, 15), np.uint8), "a_scales": np.zeros((2, 3, 2), np.uint8)}, "blocks of shape"),
    "a state that is no JSON": (
        {"a.weight": np.zeros((8, 1), np.uint8), "a.weight.quant_state.bitsandbytes__nf4": np.zeros(9, np.uint8)},
        "is not JSON we accept"),
    "a state without end": (
        {"a.weight": np.zeros((8, 1), np.uint8), "a.weight.quant_state.bitsandbytes__nf4":
         np.frombuffer(b'{"shape": [1e999], "blocksize": 64}', np.uint8).copy()}, "is no finite number"),
    "a state of texts": (
        {"a.weight": np.zeros((8, 1), np.uint8), "a.weight.quant_state.bitsandbytes__nf4":
         np.frombuffer(b'{"shape": ["4", 4], "blocksize": 64}', np.uint8).copy()}, "a quantisation state that is none"),
    "zero points that are no words": (
        {"a.qweight": np.zeros((8, 16), np.int32), "a.qzeros": np.zeros((2, 2), np.float16),
         "a.scales": np.zeros((2, 16), np.float16)}, "no words of 32 bits"),
    "no global scale": (
        {"a.weight_packed": np.zeros((4, 8), np.uint8), "a.weight_scale": np.zeros((4, 1), np.float16),
         "a.weight_global_scale": np.zeros(0, np.float32)}, "has 0 global scales"),
    "row maxima in a row": (
        {"a.weight": np.zeros((4, 4), np.int8), "a.SCB": np.zeros((1, 4), np.float32)}, "4 rows and 4 row maxima"),
    "zero points that do not cover": (
        {"a.weight": np.zeros((4, 4), np.int8), "a.weight_scale": np.zeros((4, 1), np.float32),
         "a.weight_zero_point": np.zeros(0, np.float32)}, "zero points of shape (0,)"),
    "a state of another size": (
        {"a.weight": np.zeros((8, 1), np.uint8), "a.weight.quant_state.bitsandbytes__nf4":
         np.frombuffer(json.dumps({"shape": [4, 5], "blocksize": 64}).encode(), np.uint8).copy()}, "has 8 bytes, its quantisation state needs 10"),
    "mlx biases of other groups": (
        {"a.weight": np.zeros((4, 4), np.uint32), "a.scales": np.ones((4, 1), np.float16), "a.biases": np.ones((4, 2), np.float16)},
        "scales of shape (4, 1) and biases of shape (4, 2)"),
    "hqq rows for another shape": (
        {"a.W_q": np.ones((4, 32), np.uint8), "a.scale": np.ones((8, 1), np.float16), "a.zero": np.ones((8, 1), np.float16),
         "a.shape": np.array([9, 32], np.int64), "a.packing": np.frombuffer(b"4bit_u8", np.uint8).copy()}, "for the shape (9, 32)"),
    "hqq of a shape below zero": (
        {"a.W_q": np.ones((4, 32), np.uint8), "a.scale": np.ones((8, 1), np.float16), "a.zero": np.ones((8, 1), np.float16),
         "a.shape": np.array([-8, -32], np.int64), "a.packing": np.frombuffer(b"4bit_u8", np.uint8).copy()}, "for the shape (-8, -32)"),
    "hqq of a shape beyond the file": (
        {"a.W_q": np.ones((4, 32), np.uint8), "a.scale": np.ones((8, 1), np.float16), "a.zero": np.ones((8, 1), np.float16),
         "a.shape": np.array([2**20, 2**20], np.int64), "a.packing": np.frombuffer(b"4bit_u8", np.uint8).copy()},
        "for the shape (1048576, 1048576)"),
    "exl2 whose order is none": (
        {"a.q_weight": np.zeros((4, 8), np.int32), "a.q_scale": np.zeros((1, 1), np.int32), "a.q_scale_max": np.ones(1, np.float16),
         "a.q_groups": np.array([4, 0], np.int16), "a.q_invperm": np.full(32, 7, np.int32)}, "no permutation of its inputs"),
    "exl2 whose order leaves the matrix": (
        {"a.q_weight": np.zeros((4, 8), np.int32), "a.q_scale": np.zeros((1, 1), np.int32), "a.q_scale_max": np.ones(1, np.float16),
         "a.q_groups": np.array([4, 0], np.int16), "a.q_invperm": np.arange(32, dtype=np.int32) * 2**26}, "no permutation"),
    "quanto scales of other rows": (
        {"a.weight._data": np.ones((8, 4), np.int8), "a.weight._scale": np.ones((3, 1), np.float32)}, "has scales of shape (3, 1)"),
    "a mask of other rows": (
        {"a.bitmask": np.zeros((7, 1), np.uint8), "a.compressed": np.ones((8, 4), np.float16), "a.shape": np.array([8, 8], np.int64)},
        "has a mask of 7 rows of 1 byte"),
    "a mask that marks more places than values": (
        {"a.bitmask": np.full((8, 1), 255, np.uint8), "a.compressed": np.ones((8, 4), np.float16), "a.shape": np.array([8, 8], np.int64)},
        "marks 8 places for 4 values"),
    "row offsets beyond the values": (
        {"a.weight.bitmask": np.full((8, 1), 3, np.uint8), "a.weight.compressed": np.ones(16, np.float16),
         "a.weight.shape": np.array([8, 8], np.int64), "a.weight.row_offsets": np.full(8, 2**40)}, "marks 2 places for 0 values"),
    "row offsets below zero": (
        {"a.weight.bitmask": np.full((8, 1), 3, np.uint8), "a.weight.compressed": np.ones(16, np.float16),
         "a.weight.shape": np.array([8, 8], np.int64), "a.weight.row_offsets": np.full(8, -5)}, "marks 2 places for 0 values"),
    "a shape of a mask that no array holds": (
        {"a.bitmask": np.zeros((8, 1), np.uint8), "a.compressed": np.ones((8, 4), np.float16), "a.shape": np.array([2**30, 8])},
        "has a mask of 8 rows"),
    "a state without its maxima": (
        {"a.weight": np.zeros((8, 1), np.uint8), "a.weight.quant_state.bitsandbytes__nf4":
         np.frombuffer(json.dumps({"shape": [4, 4], "blocksize": 64}).encode(), np.uint8).copy()}, "lacks its absmax of 1"),
}  # fmt: skip


@pytest.mark.parametrize("defect", DEFECTS)
def test_parts_that_contradict_each_other_are_refused(tmp_path: Path, defect: str) -> None:
    tensors, message = DEFECTS[defect]
    with pytest.raises(RefusedError, match=re.escape(message)):
        opened(tmp_path / "m", tensors, {"quantization": {"bits": 4, "group_size": 32}})[0].read("a.weight")


@pytest.mark.parametrize("kind", ["gptq", "nf4"])
def test_a_quantised_copy_is_related_to_its_base_and_not_to_an_independent(tmp_path: Path, kind: str) -> None:
    arrays, config = demo(DEMO / "base")
    tensors: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        if not name.endswith("_proj.weight") or array.shape[1] % 8:
            tensors[name] = array
        elif kind == "gptq" and array.shape[1] % 16 == 0:
            stem = name.removesuffix(".weight")
            tensors |= {f"{stem}.{k}": v for k, v in make.gptq(array, 4, 16)[0].items()}
        else:
            tensors |= {f"{name}.{k}" if k else name: v for k, v in make.nf4(array, 64)[0].items()}
    data = {name: (TAGS[a.dtype.name], a.shape, np.ascontiguousarray(a).tobytes()) for name, a in tensors.items()}
    write(tmp_path / "model.safetensors", encode(data))
    (tmp_path / "config.json").write_text(json.dumps(config))
    checkpoint = open_checkpoint(tmp_path)
    assert set(checkpoint.container.tensors) == set(arrays)
    assert not checkpoint.unclaimed
    assert forebear.compare(tmp_path, [DEMO / "base"])["verdict"]["relation"] == "related"
    other = forebear.compare(tmp_path, [DEMO / "independent"])["verdict"]["relation"]
    assert other not in ("related", "identical")


def every_form() -> dict[str, dict[str, np.ndarray]]:
    """A small checkpoint of every quantised form."""
    weight = matrix(8, 32)
    forms = {
        "gptq": make.gptq(weight, 4, 16)[0],
        "gptq of 3 bits": make.gptq(weight, 3, 16)[0],
        "awq": make.awq(weight, 16)[0],
    }
    found = {kind: {f"a.{part}": array for part, array in stored.items()} for kind, stored in forms.items()}
    stored = make.nf4(weight, 32, nested=4)[0]
    found["nf4"] = {f"a.weight.{part}" if part else "a.weight": array for part, array in stored.items()}
    found["packed"] = {"a.weight_packed": np.zeros((8, 4), np.int32), "a.weight_scale": np.ones((8, 2), np.float32),
                       "a.weight_shape": np.array([8, 32], np.int64), "a.weight_zero_point": np.zeros((1, 2), np.int32),
                       "a.weight_g_idx": np.zeros(32, np.int32)}  # fmt: skip
    found["scaled"] = {"a.weight": np.ones((8, 4), np.int8), "a.weight_scale": np.ones((8, 1), np.float32),
                       "a.weight_zero_point": np.ones((8, 1), np.int8)}  # fmt: skip
    found["by block"] = {"a.weight": np.ones((256, 4), np.int8), "a.weight_scale_inv": np.ones((2, 1), np.float32)}
    found["by row"] = {"a.weight": np.ones((8, 4), np.int8), "a.SCB": np.ones(8, np.float32)}
    found["experts"] = {"a_blocks": np.ones((2, 3, 2, 16), np.uint8), "a_scales": np.ones((2, 3, 2), np.uint8)}
    found["four-bit floats"] = {"a.weight_packed": np.ones((8, 16), np.uint8), "a.weight_scale": np.ones((8, 2), np.float16),
                                "a.weight_global_scale": np.ones(1, np.float32)}  # fmt: skip
    return found | newer_forms(weight)


def newer_forms(weight: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
    """The layouts whose decoders are files of their own."""
    found = {"exl2": {f"a.{k}": v for k, v in make.exl2(weight, [4], list(range(32)))[0].items()}}
    found["awq rows"] = {f"a.{k}": v for k, v in make.awq_rows(matrix(8, 64), 32)[0].items()}
    found["mlx"] = {
        "a.weight": np.ones((8, 4), np.uint32),
        "a.scales": np.ones((8, 1), np.float16),
        "a.biases": np.ones((8, 1), np.float16),
    }
    found["mlx stack"] = {"a.weight": np.ones((2, 3, 4), np.uint32), "a.scales": np.ones((2, 3, 1), np.uint8)}
    found["hqq"] = {"a.W_q": np.ones((4, 32), np.uint8), "a.scale": np.ones((8, 1), np.float16), "a.zero": np.ones((8, 1), np.float16),
                    "a.shape": np.array([8, 32], np.int64), "a.packing": np.frombuffer(b"4bit_u8", np.uint8).copy()}  # fmt: skip
    found["modelopt"] = {"a.weight": np.ones((8, 16), np.uint8), "a.weight_scale": np.ones((8, 2), ml_dtypes.float8_e4m3fn),
                         "a.weight_scale_2": np.ones(1, np.float32)}  # fmt: skip
    found["exponents"] = {
        "a.weight": np.ones((8, 64), ml_dtypes.float8_e4m3fn),
        "a.weight_scale": np.ones((8, 2), np.uint8),
    }
    found["scale_weight"] = {
        "a.weight": np.ones((8, 4), ml_dtypes.float8_e4m3fn),
        "a.scale_weight": np.ones(1, np.float32),
    }
    found["torchao"] = {"a._weight_qdata": np.ones((8, 4), np.int8), "a._weight_scale": np.ones((8, 2), np.float32),
                        "a._weight_zero_point": np.ones((8, 2), np.int8)}  # fmt: skip
    found["quanto"] = {"a.weight._data": np.ones((8, 4), np.int8), "a.weight._scale": np.ones((8, 1), np.float32)}
    found["bitmask"] = {"a.bitmask": np.full((8, 1), 0x55, np.uint8), "a.compressed": np.ones((8, 4), np.float16),
                        "a.shape": np.array([8, 8], np.int64)}  # fmt: skip
    found["bitmask with offsets"] = {
        "a.weight.bitmask": np.full((8, 1), 3, np.uint8), "a.weight.compressed": np.ones(16, np.float16),
        "a.weight.shape": np.array([8, 8], np.int64), "a.weight.row_offsets": np.arange(0, 16, 2)}  # fmt: skip
    return found


FORMS = every_form()
STATED = {
    "mlx": {"quantization": {"bits": 4, "group_size": 32}},
    "awq rows": {"quantization_config": {"quant_method": "awq", "group_size": 32}},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.filterwarnings("error")
def test_parts_of_any_type_and_shape_are_read_or_refused(form: str, tmp_path: Path) -> None:
    read = 0
    for part, array in FORMS[form].items():
        shapes = {array.shape, (), (0,), (1,), array.shape[::-1], (*array.shape, 1), (1, *array.shape), (*array.shape[:-1], 0),
                  (2 * array.shape[0], *array.shape[1:]), (array.shape[0] - 1, *array.shape[1:])}  # fmt: skip
        for shape in sorted(shapes):
            same = shape == array.shape
            for name in TAGS if same else ("int32", "float32", "uint8"):
                for value in (1, 100, np.nan, np.inf) if same and "float" in name else (0, 100) if same else (1,):
                    other = np.full(shape, value).astype(name if name in np.sctypeDict else getattr(ml_dtypes, name))
                    try:
                        container, _ = opened(tmp_path / "m", {**FORMS[form], part: other}, STATED.get(form))
                        for tensor in container.tensors:
                            container.read(tensor)
                        read += 1
                    except RefusedError:
                        continue
    assert read > 10


def test_a_decoder_is_asked_wherever_a_name_ends_as_one_of_its_layouts():
    endings = {ending for ending, _ in ENDINGS}
    assert all(ending.endswith(CODED) for ending in endings)
    assert set(CODED) <= endings
