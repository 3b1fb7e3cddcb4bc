"""A value digest knows values, not number types or names; constants and narrow grids are seen in the same pass."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from forebear.core.seeds import generator
from forebear.files.digests import ValueDigest, is_constant, value_digest, value_grid
from forebear.files.dtypes import DTYPES
from forebear.files.formats.safetensors import SafetensorsContainer
from tests.files.make import encode, write

NUMPY = {d.numpy: tag for tag, d in DTYPES.items() if d.numpy and tag != "BOOL"}


def opened(folder: Path, *tensors: tuple[str, tuple[int, ...], bytes]) -> SafetensorsContainer:
    content = encode({str(number): tensor for number, tensor in enumerate(tensors)})
    name = hashlib.sha256(content).hexdigest()[:16]
    return SafetensorsContainer(write(folder / f"{name}.safetensors", content))


def of(folder: Path, array: np.ndarray, dtype: str, **wanted: Any) -> ValueDigest:
    cast = array.astype(dtype)
    return value_digest(opened(folder, (NUMPY[dtype], cast.shape, cast.tobytes())), "0", **wanted)


def bfloat16(array: np.ndarray) -> bytes:
    """Cut to bfloat16, by the obvious way."""
    return (np.ascontiguousarray(array, dtype="<f4").view("<u4") >> 16).astype("<u2").tobytes()


def half_valued(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    return generator("tests/files/digests", seed).normal(size=shape).astype(np.float16).astype(np.float32)


def test_equal_values_digest_alike_in_every_type_that_holds_them(tmp_path: Path, seed: int) -> None:
    array = half_valued(seed, (33, 7))
    digests = {of(tmp_path, array, dtype).digest for dtype in ("<f2", "<f4", "<f8")}
    assert len(digests) == 1
    whole = generator("tests/files/digests/whole", seed).integers(0, 100, size=(9, 5))
    assert len({of(tmp_path, whole, dtype).digest for dtype in ("|u1", "|i1", "<i4", "<i8", "<u8", "<f4", "<f8")}) == 1


def test_bfloat16_digests_like_the_float32_it_was_cut_from(tmp_path: Path, seed: int) -> None:
    array = generator("tests/files/digests/bf16", seed).normal(size=(40, 8)).astype("<f4")
    cut = (array.view("<u4") & np.uint32(0xFFFF0000)).view("<f4")
    narrow = value_digest(opened(tmp_path, ("BF16", cut.shape, bfloat16(cut))), "0").digest
    assert narrow == of(tmp_path, cut, "<f4").digest
    assert narrow != of(tmp_path, array, "<f4").digest


def test_one_changed_bit_changes_the_digest(tmp_path: Path, seed: int) -> None:
    array = half_valued(seed, (50, 3))
    changed = array.copy()
    changed[49, 2] = np.nextafter(changed[49, 2], np.float32(9))
    assert of(tmp_path, array, "<f4").digest != of(tmp_path, changed, "<f4").digest


def test_shape_and_order_are_part_of_the_value(tmp_path: Path, seed: int) -> None:
    array = half_valued(seed, (6, 4))
    digests = [of(tmp_path, a, "<f4").digest for a in (array, array.reshape(4, 6), array.ravel(), array[::-1])]
    assert len(set(digests)) == 4


def test_doubles_that_float32_cannot_hold_stay_doubles(tmp_path: Path, seed: int) -> None:
    array = generator("tests/files/digests/f8", seed).normal(size=(3, 3))
    assert of(tmp_path, array, "<f8").digest != of(tmp_path, array, "<f4").digest
    assert of(tmp_path, array, "<f8", grid=True).grid_fits == value_grid(
        opened(tmp_path, ("F64", (3, 3), array.tobytes())), "0"
    )
    assert of(tmp_path, array, "<f8", grid=True).grid_fits.narrowest == "F64"


@pytest.mark.parametrize("value", [2**24 + 1, 2**53 + 1, 2**63 - 1, -(2**63), 2**62])
def test_large_whole_numbers_are_not_rounded_together(tmp_path: Path, value: int) -> None:
    exact, near = np.array([value, 0]), np.array([value - 1 if value > 0 else value + 1, 0])
    assert of(tmp_path, exact, "<i8").digest != of(tmp_path, near, "<i8").digest
    if value > 0:
        assert of(tmp_path, exact, "<i8").digest == of(tmp_path, exact.astype("<u8"), "<u8").digest
    if float(value) == value:
        assert of(tmp_path, exact, "<i8").digest == of(tmp_path, exact.astype("<f8"), "<f8").digest


def test_minus_zero_is_zero_and_any_nan_is_nan(tmp_path: Path) -> None:
    plain = np.array([0x0, 0x7FC00000, 0x3F800000], dtype="<u4")
    odd = np.array([0x80000000, 0xFFC00123, 0x3F800000], dtype="<u4")
    left, right = (value_digest(opened(tmp_path, ("F32", (3,), a.tobytes())), "0") for a in (plain, odd))
    assert left.digest == right.digest
    assert left.not_finite == right.not_finite == 1
    one = np.array([0x0, 0x7F800000, 0x3F800000], dtype="<u4")  # Inf is another value
    assert value_digest(opened(tmp_path, ("F32", (3,), one.tobytes())), "0").digest != left.digest


finite = hnp.arrays(
    np.dtype("<f4"), hnp.array_shapes(max_dims=3, max_side=4), elements=st.floats(width=32, allow_subnormal=True)
)


@settings(max_examples=60, deadline=None)
@given(finite, finite)
def test_digests_are_equal_exactly_when_values_are(
    tmp_path_factory: pytest.TempPathFactory, left: np.ndarray, right: np.ndarray
) -> None:
    folder = tmp_path_factory.mktemp("digests")
    for a, b in ((left, right), (left, left.astype("<f8").astype("<f4"))):
        equal = a.shape == b.shape and np.array_equal(a, b, equal_nan=True)
        assert (of(folder, a, "<f4").digest == of(folder, b, "<f4").digest) == equal
        assert of(folder, a, "<f4").digest == of(folder, a, "<f8").digest


def test_the_stored_digest_is_that_of_the_bytes(tmp_path: Path, seed: int) -> None:
    array = half_valued(seed, (10, 10))
    for dtype in ("<f2", "<f8"):
        expected = hashlib.sha256(array.astype(dtype).tobytes()).hexdigest()
        assert of(tmp_path, array, dtype, stored=True).stored == expected


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", "<i8", "|u1", "<c8"])
def test_constants_are_seen_and_near_constants_are_not(tmp_path: Path, dtype: str) -> None:
    constant = np.full(2_500_000 // np.dtype(dtype).itemsize, 3)
    assert of(tmp_path, constant, dtype).constant
    almost = constant.copy()
    almost[-1] = 4
    assert not of(tmp_path, almost, dtype).constant
    for array, expected in ((constant, True), (almost, False)):
        cast = array.astype(dtype)
        assert is_constant(opened(tmp_path, (NUMPY[dtype], cast.shape, cast.tobytes())), "0") is expected


def test_zeros_of_both_signs_and_all_nan_are_constant(tmp_path: Path) -> None:
    assert of(tmp_path, np.array([0.0, -0.0]), "<f4").constant
    assert of(tmp_path, np.array([np.nan, np.nan]), "<f4").constant
    assert not of(tmp_path, np.array([np.nan, 0.0]), "<f4").constant
    assert of(tmp_path, np.zeros((0, 3)), "<f4").constant


def test_the_first_block_suffices_to_see_that_nothing_is_constant(tmp_path: Path, seed: int) -> None:
    array = half_valued(seed, (3_000_000,)).astype("<f4")
    container = opened(tmp_path, ("F32", array.shape, array.tobytes()))
    assert not is_constant(container, "0")
    assert container.bytes_read < array.nbytes / 2


def test_a_tensor_of_many_blocks_digests_like_its_values(tmp_path: Path, seed: int) -> None:
    array = half_valued(seed, (1_500_001, 2))
    assert of(tmp_path, array, "<f2").digest == of(tmp_path, array, "<f4").digest == of(tmp_path, array, "<f8").digest
    head = f"forebear/value/1 number <f4 {array.shape}\n".encode()
    twin = hashlib.sha256(head + hashlib.sha256((array + np.float32(0)).tobytes()).digest()).hexdigest()
    assert of(tmp_path, array, "<f4").digest == twin


@pytest.mark.parametrize("tag", ["F8_E4M3", "F8_E5M2", "BF16", "F16"])
def test_the_narrowest_type_is_the_one_the_values_came_from(tmp_path: Path, tag: str, seed: int) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    kind = {"F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "BF16": "bfloat16", "F16": "float16"}[tag]
    values = generator("tests/files/grid", tag, seed).normal(size=(64, 64)).astype(np.float32) * np.float32(0.02)
    rounded = values.astype(np.float16 if tag == "F16" else getattr(ml_dtypes, kind)).astype(np.float32)
    assert of(tmp_path, rounded, "<f4", grid=True).grid_fits.narrowest == tag
    assert of(tmp_path, values, "<f4", grid=True).grid_fits.narrowest == "F32"
    if not tag.startswith("F8"):  # the smallest values of an 8-bit float are evenly spaced: two true answers
        assert of(tmp_path, rounded, "<f4", grid=True).grid_fits.levels is None


@pytest.mark.parametrize("tag", ["F8_E4M3", "F8_E5M2", "BF16", "F16"])
def test_every_code_of_a_type_fits_that_type_and_one_beyond_its_range_does_not(tmp_path: Path, tag: str) -> None:
    size = DTYPES[tag].bits // 8
    codes = np.arange(2 ** (8 * size), dtype=f"<u{size}")
    container = opened(tmp_path, (tag, codes.shape, codes.tobytes()))
    assert tag in value_grid(container, "0").fits
    largest = {"F8_E4M3": 448.0, "F8_E5M2": 57344.0, "F16": 65504.0}.get(tag)
    if largest is not None:
        for value in (2 * largest, 2.0**-30):
            assert tag not in of(tmp_path, np.array([1.0, value]), "<f4", grid=True).grid_fits.fits


@pytest.mark.parametrize(("bits", "levels"), [(8, 256), (4, 16), (2, 3)])
def test_rounding_by_row_to_few_levels_is_seen_and_its_absence_too(
    tmp_path: Path, seed: int, bits: int, levels: int
) -> None:
    values = generator("tests/files/levels", bits, seed).normal(size=(200, 384)).astype(np.float32)
    top = 2 ** (bits - 1) - 1
    scale = np.abs(values).max(axis=1, keepdims=True) / np.float32(top)
    rounded = np.clip(np.rint(values / scale), -top, top).astype(np.float32) * scale
    grid = of(tmp_path, rounded, "<f4", grid=True).grid_fits
    assert grid.levels is not None
    assert levels // 2 < grid.levels <= levels
    assert grid.word == ("INT8 by row" if bits == 8 else "INT4 by row")
    assert of(tmp_path, rounded, "<f4", grid=True).grid == grid.word
    assert of(tmp_path, values, "<f4", grid=True).grid_fits.levels is None
    spoiled = rounded.copy()
    spoiled[150, 7] += scale[150, 0] * np.float32(0.3)
    assert of(tmp_path, spoiled, "<f4", grid=True).grid_fits.levels is None
