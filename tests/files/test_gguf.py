"""A GGUF file gives back what the gguf package wrote, type by type, row by row, and says what it cannot read."""

from __future__ import annotations

import sys
from pathlib import Path

import gguf
import numpy as np
import pytest
from gguf import quants
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

from forebear.core.errors import RefusedError
from forebear.core.seeds import generator
from forebear.files.formats import gguf_types
from forebear.files.formats.gguf import GgufContainer
from forebear.files.sources import open_container
from tests.files.gguf_make import finish
from tests.said import said as english

BLOCK_TYPES = [kind for kind in GGMLQuantizationType if GGML_QUANT_SIZES[kind][0] > 1]
READABLE = [k for k in BLOCK_TYPES if k in quants._type_traits]
REFUSED = [k for k in BLOCK_TYPES if k not in READABLE]


def test_our_table_of_types_is_the_enumeration_of_the_gguf_package() -> None:
    theirs = {int(kind): (kind.name, *map(int, GGML_QUANT_SIZES[kind])) for kind in GGMLQuantizationType}
    ours = {number: (gguf_types.TYPE_NAMES[number], *gguf_types.BLOCKS[number]) for number in gguf_types.BLOCKS}
    assert {number: entry for number, entry in ours.items() if number in theirs} == theirs


def raw_file(path: Path, kind: GGMLQuantizationType, rows: int = 40) -> tuple[GgufContainer, np.ndarray]:
    """One matrix of random stored bytes of a type; the second value: its bytes, (rows, row bytes)."""
    size = GGML_QUANT_SIZES[kind][1]
    raw = generator("tests/files/gguf", kind.name).integers(0, 256, (rows, 2 * size), dtype=np.uint8)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tensor("w", raw, raw_dtype=kind)
    writer.add_tensor("v", np.arange(5, dtype=np.float32))
    finish(writer)
    return GgufContainer(path), raw


@pytest.mark.parametrize("kind", READABLE, ids=lambda k: k.name)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_type_the_package_dequantises_reads_to_the_same_numbers(
    tmp_path: Path, kind: GGMLQuantizationType
) -> None:
    container, raw = raw_file(tmp_path / "m.gguf", kind)
    expected = quants.dequantize(raw, kind)
    assert container.tensors["w"].shape == expected.shape
    np.testing.assert_array_equal(container.read("w"), expected)
    np.testing.assert_array_equal(container.rows("w", 7, 19), expected[7:19])
    np.testing.assert_array_equal(container.take("w", [30, 2, 2, 3]), expected[[30, 2, 2, 3]])
    assert b"".join(bytes(part) for part in container.stored("w")) == raw.tobytes()


@pytest.mark.parametrize("kind", REFUSED, ids=lambda k: k.name)
def test_a_type_nobody_dequantises_is_refused_by_name_and_the_rest_is_read(
    tmp_path: Path, kind: GGMLQuantizationType
) -> None:
    container, _ = raw_file(tmp_path / "m.gguf", kind)
    with pytest.raises(RefusedError, match=f"type {kind.name} cannot be dequantised"):
        container.read("w")
    np.testing.assert_array_equal(container.read("v"), np.arange(5))


def test_a_vector_of_a_block_type_is_read_value_by_value(tmp_path: Path) -> None:
    vector = generator("tests/files/gguf/vector", 0).normal(size=96).astype(np.float32)
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "llama")
    raw = quants.quantize(vector, GGMLQuantizationType.Q8_0)
    writer.add_tensor("v", raw, raw_dtype=GGMLQuantizationType.Q8_0)
    finish(writer)
    container = GgufContainer(tmp_path / "m.gguf")
    expected = quants.dequantize(raw, GGMLQuantizationType.Q8_0)
    np.testing.assert_array_equal(container.read("v"), expected)
    np.testing.assert_array_equal(container.rows("v", 30, 70), expected[30:70])
    np.testing.assert_array_equal(container.take("v", [95, 0, 33]), expected[[95, 0, 33]])


def test_plain_types_read_without_the_gguf_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = generator("tests/files/gguf/plain", 0)
    plain = {
        "f32": rng.normal(size=(3, 5)).astype("<f4"), "f16": rng.normal(size=(3, 5)).astype("<f2"),
        "f64": rng.normal(size=(2, 2)), "i8": rng.integers(-9, 9, (4, 3), dtype=np.int8),
        "i16": rng.integers(-9, 9, 7, dtype=np.int16), "i32": rng.integers(-9, 9, 7, dtype=np.int32),
        "i64": rng.integers(-9, 9, 7, dtype=np.int64),
    }  # fmt: skip
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "llama")
    for name, array in plain.items():
        writer.add_tensor(name, array)
    wide = rng.normal(size=(3, 4)).astype("<f4")
    halves = quants.quantize(wide, GGMLQuantizationType.BF16)
    writer.add_tensor("bf16", halves, raw_dtype=GGMLQuantizationType.BF16)
    writer.add_tensor("q8", quants.quantize(np.ones((2, 32), np.float32), GGMLQuantizationType.Q8_0),
                      raw_dtype=GGMLQuantizationType.Q8_0)  # fmt: skip
    finish(writer)
    gguf_types.gguf_modules.cache_clear()
    monkeypatch.setitem(sys.modules, "gguf", None)
    monkeypatch.setitem(sys.modules, "gguf.constants", None)
    container = open_container(tmp_path / "m.gguf")
    for name, array in plain.items():
        np.testing.assert_array_equal(container.read(name), array.astype(np.float32))
    np.testing.assert_allclose(container.read("bf16"), wide, rtol=2**-8)
    with pytest.raises(RefusedError, match=r"type Q8_0 need the gguf package.*forebear\[gguf\]"):
        container.read("q8")
    gguf_types.gguf_modules.cache_clear()


def test_metadata_of_every_type_is_read_back(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "llama")
    writer.add_uint8("a", 200)
    writer.add_int8("b", -3)
    writer.add_uint16("c", 60_000)
    writer.add_int16("d", -30_000)
    writer.add_uint64("e", 2**40)
    writer.add_int64("f", -(2**40))
    writer.add_float64("g", 1.25)
    writer.add_bool("h", True)
    writer.add_string("i", "naïve ▁")
    writer.add_array("j", ["x", "", "é"])
    writer.add_array("k", [1, -2, 3])
    writer.add_tensor("w", np.zeros((2, 2), np.float32))
    finish(writer)
    container = GgufContainer(tmp_path / "m.gguf")
    scalars = {key: container.values[key] for key in "abcdefghi"}
    assert scalars == {"a": 200, "b": -3, "c": 60_000, "d": -30_000, "e": 2**40, "f": -(2**40), "g": 1.25, "h": True,
                       "i": "naïve ▁"}  # fmt: skip
    assert container.values["j"].build() == ["x", "", "é"]
    assert container.values["k"].build() == [1, -2, 3]
    assert container.metadata["i"] == "naïve ▁"


def test_bytes_that_belong_to_no_tensor_are_pointed_out(tmp_path: Path) -> None:
    raw_file(tmp_path / "m.gguf", GGMLQuantizationType.Q8_0)
    assert GgufContainer(tmp_path / "m.gguf").odd == []
    with open(tmp_path / "m.gguf", "ab") as file:
        file.write(bytes(1000))
    assert any("to no tensor of the file" in sentence for sentence in english(GgufContainer(tmp_path / "m.gguf").odd))


def test_a_large_header_is_read_in_pieces_and_its_tensors_not_at_all(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "llama")
    tokens = [f"token {i}" * 3 for i in range(60_000)]
    writer.add_array("tokenizer.ggml.tokens", tokens)
    writer.add_tensor("w", np.zeros((4000, 1000), np.float32))
    finish(writer)
    container = GgufContainer(tmp_path / "m.gguf")
    assert container.values["tokenizer.ggml.tokens"].build() == tokens
    assert container.bytes_read < 5 * 2**20 < container.tensors["w"].stored_bytes
    with pytest.raises(RefusedError, match="lift the cap with --max-header"):
        GgufContainer(tmp_path / "m.gguf", max_header=2**20)
