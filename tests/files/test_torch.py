"""A PyTorch file, zip or legacy, reads to the numbers torch reads, and nothing it names is ever called."""

from __future__ import annotations

import os
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from forebear.core.errors import RefusedError  # noqa: E402
from forebear.files.sources import open_container  # noqa: E402
from tests.real import real_path  # noqa: E402
from tests.said import said as english  # noqa: E402

LEGACY = [False, True]


def save(path: Path, value: Any, legacy: bool) -> Path:
    torch.save(value, path, _use_new_zipfile_serialization=not legacy)
    return path


def tensors(seed: int) -> dict[str, Any]:
    made = torch.Generator().manual_seed(seed)
    wide = torch.randn(6, 10, generator=made)
    cube = torch.randn(3, 4, 5, generator=made)
    return {
        "f32": wide, "f64": wide.double(), "f16": wide.half(), "bf16": wide.bfloat16(), "i64": (wide * 9).long(),
        "i8": (wide * 9).to(torch.int8), "u8": (wide * 9).abs().to(torch.uint8), "bool": wide > 0,
        "scalar": torch.tensor(3.5), "empty": torch.zeros(0, 4), "one": torch.ones(1, 7, 1),
        "slice": wide[2:5], "columns": wide[:, 3:6], "transposed": wide.T, "every other": wide[::2, ::3],
        "permuted": cube.permute(2, 0, 1), "expanded": torch.arange(4.0).reshape(1, 4).expand(3, 4),
        "parameter": torch.nn.Parameter(cube), "tied": wide,
    }  # fmt: skip


@pytest.mark.parametrize("legacy", LEGACY, ids=["zip", "legacy"])
def test_every_kind_of_tensor_reads_to_the_same_numbers(tmp_path: Path, legacy: bool, seed: int) -> None:
    expected = tensors(seed)
    container = open_container(save(tmp_path / "m.pt", OrderedDict(expected), legacy))
    assert list(container.tensors) == list(expected)
    for name, tensor in expected.items():
        values = tensor.detach().float().numpy()
        assert container.tensors[name].shape == tuple(tensor.shape)
        np.testing.assert_array_equal(container.read(name), values, err_msg=name)
        if values.ndim > 1 and len(values) > 2:
            np.testing.assert_array_equal(container.rows(name, 1, 3), values[1:3], err_msg=name)
            np.testing.assert_array_equal(container.take(name, [2, 0, 2]), values[[2, 0, 2]], err_msg=name)


@pytest.mark.parametrize("dtype", ["float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz",
                                   "float8_e8m0fnu", "uint16", "uint32", "uint64"])  # fmt: skip
def test_types_without_a_storage_of_their_own_are_read(tmp_path: Path, dtype: str) -> None:
    raw = torch.arange(1, 65, dtype=torch.uint8)
    tensor = raw.view(getattr(torch, dtype))
    container = open_container(save(tmp_path / "m.pt", {"w": tensor}, False))
    np.testing.assert_array_equal(container.read("w"), tensor.double().numpy().astype(np.float32))


@pytest.mark.parametrize("legacy", LEGACY, ids=["zip", "legacy"])
def test_a_training_checkpoint_shows_its_model_and_says_what_it_left_out(tmp_path: Path, legacy: bool) -> None:
    model = torch.nn.Linear(3, 2)
    optimiser = torch.optim.Adam(model.parameters())
    model(torch.ones(3)).sum().backward()
    optimiser.step()
    value = {"state_dict": model.state_dict(), "optimizer": optimiser.state_dict(), "epoch": 3}
    container = open_container(save(tmp_path / "m.pt", value, legacy))
    assert list(container.tensors) == ["weight", "bias"]
    assert any("under 'state_dict'; 2 other entries" in sentence for sentence in english(container.odd))
    np.testing.assert_array_equal(container.read("weight"), model.weight.detach().numpy())


def test_a_whole_module_is_read_by_its_state_and_its_class_is_never_looked_up(tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.LayerNorm(4))
    container = open_container(save(tmp_path / "m.pt", model, False))
    expected = model.state_dict()
    assert set(container.tensors) == set(expected)
    for name, tensor in expected.items():
        np.testing.assert_array_equal(container.read(name), tensor.numpy())
    assert any("nothing was called" in sentence for sentence in english(container.odd))


def test_the_prefix_of_data_parallel_training_is_taken_off(tmp_path: Path) -> None:
    container = open_container(save(tmp_path / "m.pt", {"module.a": torch.ones(2), "module.b": torch.ones(3)}, False))
    assert list(container.tensors) == ["a", "b"]


class Trap:
    """Pickles as a call that would leave a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, Any]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("legacy", LEGACY, ids=["zip", "legacy"])
def test_a_call_in_the_pickle_is_pointed_out_and_not_made(tmp_path: Path, legacy: bool) -> None:
    sprung = tmp_path / "sprung"
    container = open_container(save(tmp_path / "m.pt", {"w": torch.ones(2), "t": Trap(sprung)}, legacy))
    np.testing.assert_array_equal(container.read("w"), [1, 1])
    assert any("mkdir" in sentence and "nothing was called" in sentence for sentence in english(container.odd))
    assert not sprung.exists()


def test_a_wrong_checksum_of_a_storage_is_reported_after_a_whole_read(tmp_path: Path) -> None:
    path = save(tmp_path / "m.pt", {"w": torch.ones(1000), "v": torch.zeros(3)}, False)
    with zipfile.ZipFile(path) as archive:
        begin = archive.getinfo("m/data/0").header_offset
    data = bytearray(path.read_bytes())
    at = data.index(torch.ones(2).numpy().tobytes(), begin)
    data[at] ^= 1
    path.write_bytes(data)
    container = open_container(path)
    assert not any("checksum" in sentence for sentence in english(container.odd))
    list(container.stored("w"))
    assert [s for s in english(container.odd) if "checksum" in s] == ["the checksum of the storage of 'w' is wrong"]
    list(container.stored("v"))
    assert sum("checksum" in s for s in english(container.odd)) == 1


def test_a_plain_pickle_is_refused(tmp_path: Path) -> None:
    import pickle

    (tmp_path / "m.pkl").write_bytes(pickle.dumps({"w": [1.0, 2.0]}))
    with pytest.raises(RefusedError, match="a pickle, but no PyTorch file"):
        open_container(tmp_path / "m.pkl")


@pytest.mark.real
def test_a_real_file_is_equal_to_what_torch_reads() -> None:
    path = real_path("metatronnanoguard") / "model.pt"
    expected = torch.load(path, map_location="cpu", weights_only=True)["model_state_dict"]
    container = open_container(path)
    assert list(container.tensors) == list(expected)
    for name, tensor in expected.items():
        np.testing.assert_array_equal(container.read(name), tensor.float().numpy())
    assert any("'model_state_dict'" in sentence for sentence in english(container.odd))
