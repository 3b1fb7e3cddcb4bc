"""K-types: files that llama.cpp's own quantiser wrote read to the values that llama.cpp's own code reads (make_k_types.py)."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

import forebear
from forebear.files.sources import open_container
from tests.files.make_k_types import CONFIG, DATA, tensors

FILES = json.loads((DATA / "values.json").read_text())
K_TYPES = {"Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"}


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_by_llama_cpp_reads_to_the_values_of_llama_cpp(name: str) -> None:
    container = open_container(DATA / name)
    for tensor, told in FILES[name].items():
        assert container.tensors[tensor].dtype == told["type"]
        assert list(container.tensors[tensor].shape) == told["shape"]
        values = np.ascontiguousarray(container.read(tensor), np.float32)
        np.testing.assert_allclose(values.ravel()[:4], told["first"], rtol=1e-6, atol=0)
        assert hashlib.sha256(values.tobytes()).hexdigest() == told["sha256"], (name, tensor)


def test_every_k_type_is_among_them() -> None:
    assert {told["type"] for tensors in FILES.values() for told in tensors.values()} >= K_TYPES


@pytest.mark.parametrize("name", ["Q2_K.gguf", "Q4_K_M.gguf", "Q6_K.gguf"])
def test_a_k_type_copy_is_related_to_its_source_and_another_draw_is_not(name: str, tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    config = {**CONFIG, "model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 32}
    for folder, arrays in (("source", tensors()), ("other", {n: a[::-1].copy() for n, a in tensors().items()})):
        (tmp_path / folder).mkdir()
        save_file(arrays, tmp_path / folder / "model.safetensors")
        (tmp_path / folder / "config.json").write_text(json.dumps(config))
    assert forebear.compare(DATA / name, [tmp_path / "source"])["verdict"]["relation"] == "related"
    assert forebear.compare(DATA / name, [tmp_path / "other"])["verdict"]["relation"] == "no-evidence"
