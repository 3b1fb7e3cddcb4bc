"""A safetensors file gives back exactly what was written, row by row, and reads nothing before it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import save_file

from forebear.core.errors import RefusedError
from forebear.core.limits import READ_BLOCK_BYTES
from forebear.core.seeds import generator
from forebear.files.formats.safetensors import SafetensorsContainer
from tests.files.make import encode, write
from tests.said import said as english

NUMPY_TYPES = ["<f2", "<f4", "<f8", "|u1", "|i1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "|b1"]
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).filter(lambda n: n != "__metadata__")
arrays = st.sampled_from(NUMPY_TYPES).flatmap(
    lambda t: hnp.arrays(np.dtype(t), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5))
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(names, arrays, max_size=6), st.dictionaries(names, st.text(max_size=8), max_size=3))
def test_what_the_reference_writer_writes_is_read_back(
    tmp_path: Path, tensors: dict[str, Any], metadata: dict[str, str]
) -> None:
    path = tmp_path / "model.safetensors"
    save_file(tensors, path, metadata=metadata or None)
    container = SafetensorsContainer(path)
    assert dict(container.metadata) == metadata
    assert set(container.tensors) == set(tensors)
    with np.errstate(all="ignore"):
        for name, array in tensors.items():
            assert container.tensors[name].shape == array.shape
            np.testing.assert_array_equal(container.read(name), array.astype(np.float32))
            assert b"".join(bytes(part) for part in container.stored(name)) == array.tobytes()


@pytest.fixture
def seven_rows(tmp_path: Path) -> tuple[SafetensorsContainer, np.ndarray]:
    array = generator("tests/files/rows", 0).normal(size=(7, 3, 2)).astype(np.float32)
    path = write(tmp_path / "m.safetensors", encode({"w": ("F32", array.shape, array.tobytes())}))
    return SafetensorsContainer(path), array


@pytest.mark.parametrize(("start", "stop"), [(0, None), (2, 5), (6, 7), (3, 3), (5, 2), (0, 99)])
def test_rows_are_numpy_rows(seven_rows: tuple[SafetensorsContainer, np.ndarray], start: int, stop: int | None) -> None:
    container, array = seven_rows
    np.testing.assert_array_equal(container.rows("w", start, stop), array[start:stop])


@pytest.mark.parametrize("indices", [[], [3], [6, 0, 2], [1, 1, 5, 1], list(range(7)), [0, 6]])
def test_taken_rows_come_in_the_order_asked(
    seven_rows: tuple[SafetensorsContainer, np.ndarray], indices: list[int]
) -> None:
    container, array = seven_rows
    np.testing.assert_array_equal(container.take("w", indices), array[np.asarray(indices, dtype=int)])


@pytest.mark.parametrize("indices", [[7], [-1], [0, 10**9]])
def test_a_row_that_is_not_there_is_refused(
    seven_rows: tuple[SafetensorsContainer, np.ndarray], indices: list[int]
) -> None:
    with pytest.raises(RefusedError, match="has 7 rows"):
        seven_rows[0].take("w", indices)


@pytest.mark.parametrize("tag", ["F32", "F16"])
def test_scattered_rows_of_a_large_tensor_cost_only_those_rows(tmp_path: Path, tag: str) -> None:
    dtype = {"F32": "<f4", "F16": "<f2"}[tag]
    array = generator("tests/files/scattered", tag).normal(size=(40_000, 64)).astype(dtype)
    path = write(tmp_path / "m.safetensors", encode({"w": (tag, array.shape, array.tobytes())}))
    container = SafetensorsContainer(path)
    opened = container.bytes_read
    indices = generator("tests/files/scattered/rows", tag).permutation(40_000)[:500]
    np.testing.assert_array_equal(container.take("w", indices), array[indices].astype(np.float32))
    assert container.bytes_read - opened == 500 * array[0].nbytes
    many = generator("tests/files/scattered/many", tag).permutation(40_000)[:30_000]
    np.testing.assert_array_equal(container.take("w", many), array[many].astype(np.float32))


def test_opening_reads_the_header_and_no_tensor(tmp_path: Path) -> None:
    path = write(tmp_path / "m.safetensors", encode({"w": ("U8", (10**6,), bytes(10**6))}))
    container = SafetensorsContainer(path)
    assert container.bytes_read < 200
    container.rows("w", 5, 15)
    assert container.bytes_read < 210


def test_stored_bytes_come_in_bounded_pieces_of_whole_values(tmp_path: Path) -> None:
    size = 3 * 2**21
    data = generator("tests/files/pieces").bytes(size)
    path = write(tmp_path / "m.safetensors", encode({"w": ("F6_E2M3", (size // 3 * 4,), data)}))
    pieces = [bytes(part) for part in SafetensorsContainer(path).stored("w")]
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) <= READ_BLOCK_BYTES
    assert all(len(piece) % 3 == 0 for piece in pieces)


def test_scalars_and_zero_sizes_are_read(tmp_path: Path) -> None:
    one = np.float32(2.5)
    path = write(
        tmp_path / "m.safetensors",
        encode({"s": ("F32", (), one.tobytes()), "z": ("F32", (0, 5), b""), "y": ("F16", (3, 0), b"")}),
    )
    container = SafetensorsContainer(path)
    assert container.read("s").shape == ()
    assert float(container.read("s")) == 2.5
    assert container.rows("s").tolist() == [2.5]
    assert container.read("z").shape == (0, 5)
    assert container.take("y", [2, 0]).shape == (2, 0)
    assert list(container.stored("z")) == []
    assert "2 tensors have a size of zero" in english(container.odd)


def test_complex_numbers_are_refused_as_rows_but_keep_their_bytes(tmp_path: Path) -> None:
    data = np.array([1 + 2j], dtype="<c8").tobytes()
    container = SafetensorsContainer(write(tmp_path / "m.safetensors", encode({"c": ("C64", (1,), data)})))
    assert b"".join(bytes(part) for part in container.stored("c")) == data
    with pytest.raises(RefusedError, match="complex"):
        container.rows("c")


def test_a_closed_container_reads_no_more(seven_rows: tuple[SafetensorsContainer, np.ndarray]) -> None:
    seven_rows[0].close()
    with pytest.raises(RefusedError, match="closed"):
        seven_rows[0].rows("w")


def test_a_released_container_opens_itself_again(seven_rows: tuple[SafetensorsContainer, np.ndarray]) -> None:
    container, array = seven_rows
    container.release()
    np.testing.assert_array_equal(container.read("w"), array)


@pytest.mark.parametrize("order", ["dtype,shape,data_offsets", "data_offsets,dtype,shape", "shape,data_offsets,dtype"])
@pytest.mark.parametrize("space", ["", " ", "\n\t "])
def test_fields_may_stand_in_any_order_with_any_space(tmp_path: Path, order: str, space: str) -> None:
    values = {"dtype": '"U8"', "shape": f"[{space}2{space},{space}1]", "data_offsets": f"[0,{space}2{space}]"}
    fields = f"{space},{space}".join(f'"{key}"{space}:{space}{values[key]}' for key in order.split(","))
    header = f'{{{space}"w\\u0041"{space}:{space}{{{space}{fields}{space}}}{space}}}{space}'.encode()
    content = len(header).to_bytes(8, "little") + header + b"\x07\x09"
    container = SafetensorsContainer(write(tmp_path / "m.safetensors", content))
    assert container.read("wA").tolist() == [[7.0], [9.0]]
