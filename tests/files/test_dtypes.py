"""Every stored number type becomes the float32 that two other libraries give, code by code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from forebear.core.seeds import generator
from forebear.files.dtypes import DTYPES, decode, value_table
from forebear.files.formats.safetensors import SafetensorsContainer
from tests.files.make import encode, write

SMALL = {
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "F6_E2M3": "float6_e2m3fn",
    "F6_E3M2": "float6_e3m2fn",
    "F4": "float4_e2m1fn",
}
TORCH = {tag: name for tag, name in SMALL.items() if tag.startswith("F8")}


def same(left: np.ndarray, right: np.ndarray) -> bool:
    """Equal bit for bit, any not-a-number counting as any other; minus zero is not zero."""
    both = np.isnan(left) & np.isnan(right)
    return bool((both | ((left == right) & (np.signbit(left) == np.signbit(right)))).all())


def twin(codes: list[int], bits: int, shape: tuple[int, int], tag: str) -> tuple[np.ndarray, bytes]:
    """Sub-byte values the obvious way: one long whole number, lowest bits first."""
    packed = sum(code << (bits * place) for place, code in enumerate(codes))
    data = packed.to_bytes(len(codes) * bits // 8, "little")
    return np.array([value_table(tag)[code] for code in codes]).reshape(shape), data


def test_the_table_is_the_table_of_the_format() -> None:
    whole = {"BOOL", "U8", "I8", "I16", "U16", "I32", "U32", "I64", "U64"}
    assert set(DTYPES) == {*whole, "F16", "BF16", "F32", "F64", "C64", *SMALL}


@pytest.mark.parametrize("tag", SMALL)
def test_every_code_of_a_small_float_means_what_ml_dtypes_says(tag: str) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    codes = np.arange(2 ** DTYPES[tag].bits, dtype=np.uint8)
    expected = codes.view(getattr(ml_dtypes, SMALL[tag])).astype(np.float32)
    assert same(value_table(tag), expected)


@pytest.mark.parametrize("tag", TORCH)
def test_every_code_of_a_small_float_means_what_torch_says(tag: str) -> None:
    torch = pytest.importorskip("torch")
    codes = np.arange(256, dtype=np.uint8)
    expected = torch.from_numpy(codes).view(getattr(torch, TORCH[tag])).to(torch.float32).numpy()
    assert same(decode(codes, DTYPES[tag]), expected)


@pytest.mark.parametrize(("tag", "name"), [("BF16", "bfloat16"), ("F16", "float16")])
def test_all_65536_codes_of_a_half_float_agree(tag: str, name: str) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    codes = np.arange(65536, dtype="<u2")
    other = codes.view(ml_dtypes.bfloat16) if tag == "BF16" else codes.view(np.float16)
    assert same(decode(codes.view(np.uint8), DTYPES[tag]), other.astype(np.float32))


@pytest.mark.parametrize("tag", ["BF16", "F16"])
def test_all_65536_codes_of_a_half_float_agree_with_torch(tag: str) -> None:
    torch = pytest.importorskip("torch")
    codes = np.arange(65536, dtype="<u2")
    kind = torch.bfloat16 if tag == "BF16" else torch.float16
    assert same(
        decode(codes.view(np.uint8), DTYPES[tag]), torch.from_numpy(codes.view("<i2")).view(kind).float().numpy()
    )


@pytest.mark.parametrize("tag", [t for t, d in DTYPES.items() if d.numpy and t not in ("C64", "BOOL")])
def test_plain_numbers_are_rounded_to_nearest(tag: str) -> None:
    raw = np.frombuffer(generator("tests/files/plain", tag).bytes(800), dtype=np.uint8)
    with np.errstate(all="ignore"):
        assert same(decode(raw, DTYPES[tag]), raw.view(DTYPES[tag].numpy).astype(np.float32))


def test_a_double_beyond_float32_becomes_infinite_without_a_warning() -> None:
    raw = np.array([1e300, -1e300, 1.0, 1e-300]).astype("<f8").view(np.uint8)
    assert decode(raw, DTYPES["F64"]).tolist() == [np.inf, -np.inf, 1.0, 0.0]


def test_any_byte_but_zero_is_true() -> None:
    assert decode(np.array([0, 1, 2, 255], dtype=np.uint8), DTYPES["BOOL"]).tolist() == [0.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("tag", ["F4", "F6_E2M3", "F6_E3M2"])
@pytest.mark.parametrize("width", [1, 3, 4, 5, 8])
def test_rows_that_begin_inside_a_byte_are_still_those_rows(tmp_path: Path, tag: str, width: int) -> None:
    bits = DTYPES[tag].bits
    codes = generator("tests/files/subbyte", tag, width).integers(0, 2**bits, size=16 * width).tolist()
    expected, data = twin(codes, bits, (16, width), tag)
    path = write(tmp_path / "m.safetensors", encode({"before": ("U8", (3,), b"abc"), "w": (tag, (16, width), data)}))
    container = SafetensorsContainer(path)
    np.testing.assert_array_equal(container.read("w"), expected)
    for start, stop in [(0, 1), (1, 2), (3, 8), (5, 16), (15, 16)]:
        np.testing.assert_array_equal(container.rows("w", start, stop), expected[start:stop])
    np.testing.assert_array_equal(container.take("w", [9, 1, 1, 15]), expected[[9, 1, 1, 15]])


@pytest.mark.parametrize("tag", ["F8_E4M3", "BF16", "F6_E3M2", "F64", "I8"])
def test_a_tensor_of_several_blocks_is_read_like_one_block(tmp_path: Path, tag: str) -> None:
    dtype = DTYPES[tag]
    rows = 2**20 * 5 // 2 // 1024
    raw = np.frombuffer(generator("tests/files/blocks", tag).bytes(rows * 1024 * dtype.bits // 8), dtype=np.uint8)
    path = write(tmp_path / "m.safetensors", encode({"w": (tag, (rows, 1024), raw.tobytes())}))
    container = SafetensorsContainer(path)
    whole = decode(raw, dtype).reshape(rows, 1024)
    assert same(container.read("w"), whole)
    assert same(container.rows("w", 700, 2000), whole[700:2000])
    some = np.sort(generator("tests/files/blocks/rows", tag).permutation(rows)[: rows // 2])
    assert same(container.take("w", some), whole[some])
