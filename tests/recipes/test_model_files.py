"""Models are written as safetensors by hand: other readers agree, and nothing half-written stays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from forebear.core.errors import RefusedError
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.storage import bfloat16_bits, from_bfloat16_bits, rounded


def sample(rng: np.random.Generator) -> Model:
    """A few arrays of every kind, scalars and empty ones included."""
    arrays = {
        "matrix": rng.standard_normal((3, 5)).astype(np.float32),
        "transposed": rng.standard_normal((4, 2)).astype(np.float32).T,
        "half": rng.standard_normal(7).astype(np.float16),
        "double": rng.standard_normal(2),
        "ids": np.arange(6, dtype=np.int64),
        "mask": np.array([True, False]),
        "scalar": np.array(2.5, dtype=np.float32),
        "empty": np.empty((0, 4), dtype=np.float32),
        "brain": rounded(rng.standard_normal((2, 3)).astype(np.float32), "BF16"),
    }
    return Model(arrays, {"model_type": "llama", "hidden_size": 4}, b"{}", {"brain": "BF16"})


def test_what_is_saved_loads_bit_for_bit_with_its_types(rng: np.random.Generator, tmp_path: Path) -> None:
    model = sample(rng)
    loaded = Model.load(model.save(tmp_path / "m"))
    assert set(loaded.arrays) == set(model.arrays)
    for name, array in model.arrays.items():
        assert loaded.arrays[name].dtype == array.dtype
        assert np.array_equal(loaded.arrays[name], array)
    assert (loaded.config, loaded.tokenizer, loaded.dtypes) == (model.config, model.tokenizer, model.dtypes)
    assert sorted(p.name for p in (tmp_path / "m").iterdir()) == ["config.json", "model.safetensors", "tokenizer.json"]


def test_the_reference_reader_agrees(rng: np.random.Generator, tmp_path: Path) -> None:
    reference = pytest.importorskip("safetensors")
    model = sample(rng)
    model.save(tmp_path / "m")
    with reference.safe_open(tmp_path / "m" / "model.safetensors", framework="np") as opened:
        assert set(opened.keys()) == set(model.arrays)
        for name in ("matrix", "transposed", "half", "double", "ids", "mask", "scalar", "empty"):
            assert np.array_equal(opened.get_tensor(name), model.arrays[name])
        assert opened.get_slice("brain").get_dtype() == "BF16"


def test_bfloat16_rounds_to_nearest_even_as_torch_does(rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    values = np.concatenate(
        [
            (rng.standard_normal(5000) * 10.0 ** rng.integers(-40, 38, 5000)).astype(np.float32),
            np.array([0, -0.0, np.inf, -np.inf, np.nan, 1e-45, 3.4e38, 1.00390625, 1.01171875], np.float32),
        ]
    )
    ours = from_bfloat16_bits(bfloat16_bits(values))
    assert np.array_equal(ours, torch.tensor(values).to(torch.bfloat16).float().numpy(), equal_nan=True)


def test_a_refused_array_leaves_the_old_file_alone(rng: np.random.Generator, tmp_path: Path) -> None:
    model = sample(rng)
    model.save(tmp_path / "m")
    before = (tmp_path / "m" / "model.safetensors").read_bytes()
    for bad in ({"x": np.ones(2, np.complex64)}, {"": np.ones(2, np.float32)}):
        with pytest.raises(RefusedError):
            Model(bad, {}).save(tmp_path / "m")
    with pytest.raises(RefusedError, match="cannot be stored"):
        Model({"ids": np.arange(3)}, {}, None, {"ids": "BF16"}).save(tmp_path / "m")
    assert (tmp_path / "m" / "model.safetensors").read_bytes() == before
    assert not list((tmp_path / "m").glob("*.partial")) + list((tmp_path / "m").glob(".*partial"))


def test_a_file_that_is_not_what_its_header_says_is_refused(rng: np.random.Generator, tmp_path: Path) -> None:
    sample(rng).save(tmp_path / "m")
    good = (tmp_path / "m" / "model.safetensors").read_bytes()
    for name, content in {
        "truncated": good[:-3], "trailing": good + b"x", "tiny": good[:4], "long header": b"\xff" * 8 + good[8:],
    }.items():  # fmt: skip
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(content)
        with pytest.raises(RefusedError):
            Model.load(path)
    with pytest.raises(RefusedError):
        Model.load(tmp_path / "nothing.safetensors")
