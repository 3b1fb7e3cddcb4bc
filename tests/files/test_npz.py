"""numpy's own files read to numpy's own numbers, without its loader."""

from __future__ import annotations

from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from forebear.core.errors import RefusedError
from forebear.core.seeds import generator
from forebear.files.sources import open_container


def arrays() -> dict[str, np.ndarray]:
    rng = generator("tests/files/npz", 0)
    wide = rng.normal(size=(6, 10)) * 20
    kinds = {kind: wide.astype(kind) for kind in ("<f2", "<f4", "<f8", "i1", "<i2", "<i4", "<i8", "u1", "<u2", "<u4")}
    return {
        **kinds, "truth": wide > 0, "scalar": np.float32(2.5), "none": np.zeros((0, 3), np.float32),
        "columns first": np.asfortranarray(wide.astype(np.float32)), "vector": wide[0].astype(np.float32),
        "a/b.c": np.ones((2, 3, 4), np.float32), "bfloat16": wide.astype(ml_dtypes.bfloat16),
    }  # fmt: skip


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.filterwarnings("ignore")
def test_an_npz_reads_back(tmp_path: Path, save) -> None:
    expected = arrays()
    save(tmp_path / "m.npz", **expected)
    container = open_container(tmp_path / "m.npz")
    assert list(container.tensors) == list(expected)
    for name, array in expected.items():
        values = np.asarray(array).astype(np.float32)
        assert container.tensors[name].shape == values.shape
        np.testing.assert_array_equal(container.read(name), values, err_msg=name)
        if values.ndim == 2 and len(values) > 4:
            np.testing.assert_array_equal(container.take(name, [4, 1]), values[[4, 1]], err_msg=name)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_an_npy_of_every_version_reads_back(tmp_path: Path, version: tuple[int, int]) -> None:
    array = generator("tests/files/npz", 1).normal(size=(5, 3))
    with open(tmp_path / "weights.npy", "wb") as file:
        np.lib.format.write_array(file, array, version=version)
    container = open_container(tmp_path / "weights.npy")
    np.testing.assert_array_equal(container.read("weights"), array.astype(np.float32))


def test_objects_big_endian_values_and_structures_are_refused(tmp_path: Path) -> None:
    cases = {
        "holds Python objects": np.array([{"a": 1}, None], dtype=object),
        "is big-endian": np.arange(3, dtype=">f4"),
        "no plain array's": np.zeros(2, dtype=[("x", "<f4"), ("y", "<i4")]),
        "type 'U5'": np.array(["weigh", "t"]),
        "type 'c16'": np.zeros(2, np.complex128),
    }
    for message, array in cases.items():
        np.save(tmp_path / "m.npy", array, allow_pickle=True)
        with pytest.raises(RefusedError, match=message):
            open_container(tmp_path / "m.npy")


def test_a_folder_with_one_npz_is_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "model.npz", w=np.ones((2, 2), np.float32))
    assert open_container(tmp_path).kind == "npz"
