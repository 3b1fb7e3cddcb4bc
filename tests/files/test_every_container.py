"""One tiny checkpoint, written in every container by somebody else's writer, reads to the same numbers in each."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import gguf
import numpy as np
import pytest
from gguf.constants import GGMLQuantizationType
from safetensors.numpy import save_file

import forebear
from forebear.core.errors import RefusedError
from forebear.files.sources import open_container
from forebear.models.checkpoint import open_checkpoint
from tests.files.gguf_make import converter_rows, demo, finish, gguf_name, write_llama
from tests.said import said

DEMO = Path(forebear.__file__).parent / "demo_data" / "base"
ARRAYS, CONFIG = demo(DEMO)


def as_safetensors(folder: Path) -> None:
    save_file(ARRAYS, folder / "model.safetensors")


def as_torch(folder: Path, *, legacy: bool = False) -> None:
    torch = pytest.importorskip("torch")
    value = {name: torch.from_numpy(array.copy()) for name, array in ARRAYS.items()}
    torch.save(value, folder / "pytorch_model.bin", _use_new_zipfile_serialization=not legacy)
    torch.save({"lr": 1.0}, folder / "training_args.bin")


def as_legacy(folder: Path) -> None:
    as_torch(folder, legacy=True)


def as_torch_shards(folder: Path) -> None:
    torch = pytest.importorskip("torch")
    names = list(ARRAYS)
    files = {f"pytorch_model-0000{i + 1}-of-00002.bin": names[i::2] for i in range(2)}
    for file, part in files.items():
        torch.save({name: torch.from_numpy(ARRAYS[name].copy()) for name in part}, folder / file)
    index = {"weight_map": {name: file for file, part in files.items() for name in part}}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))


def as_npz(folder: Path) -> None:
    np.savez_compressed(folder / "model.npz", **ARRAYS)


def as_wheel(folder: Path) -> None:
    save_file(ARRAYS, folder / "inner")
    with zipfile.ZipFile(folder / "model.whl", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(folder / "inner", "package/model.safetensors")
    (folder / "inner").unlink()


def as_onnx(folder: Path) -> None:
    onnx = pytest.importorskip("onnx")
    tensors = [onnx.numpy_helper.from_array(array, name) for name, array in ARRAYS.items()]
    graph = onnx.helper.make_graph([], "g", [], [], initializer=tensors)
    onnx.save(onnx.helper.make_model(graph), folder / "model.onnx")


def as_gguf(folder: Path) -> None:
    write_llama(folder / "model.gguf", ARRAYS, CONFIG, GGMLQuantizationType.F32)


def as_split_gguf(folder: Path, parts: int = 3) -> None:
    names = list(ARRAYS)
    for number in range(parts):
        writer = gguf.GGUFWriter(folder / f"model-{number + 1:05d}-of-{parts:05d}.gguf", "llama")
        if number == 0:
            writer.add_block_count(CONFIG["num_hidden_layers"])
            writer.add_embedding_length(CONFIG["hidden_size"])
            writer.add_head_count(CONFIG["num_attention_heads"])
            writer.add_head_count_kv(CONFIG["num_key_value_heads"])
        writer.add_uint16("split.no", number)
        writer.add_uint16("split.count", parts)
        writer.add_int32("split.tensors.count", len(names))
        for name in names[number::parts]:
            array = ARRAYS[name]
            for part, heads in (("q_proj", "num_attention_heads"), ("k_proj", "num_key_value_heads")):
                array = converter_rows(array, CONFIG[heads]) if part in name else array
            writer.add_tensor(gguf_name(name), array)
        finish(writer)


WRITERS = [as_safetensors, as_torch, as_legacy, as_torch_shards, as_npz, as_wheel, as_onnx, as_gguf, as_split_gguf]


@pytest.mark.parametrize("write", WRITERS, ids=lambda f: f.__name__)
def test_the_same_checkpoint_in_every_container(tmp_path: Path, write) -> None:
    write(tmp_path)
    shutil.copy(DEMO / "config.json", tmp_path)
    checkpoint = open_checkpoint(tmp_path)
    assert checkpoint.family == "llama"
    assert set(checkpoint.container.tensors) == set(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(checkpoint.container.read(name), array)
    assert not checkpoint.unclaimed


@pytest.mark.parametrize("write", [as_torch_shards, as_onnx, as_npz, as_split_gguf], ids=lambda f: f.__name__)
def test_a_copy_in_another_container_is_identical(tmp_path: Path, write) -> None:
    write(tmp_path)
    shutil.copy(DEMO / "config.json", tmp_path)
    assert forebear.compare(tmp_path, [DEMO])["verdict"]["relation"] == "identical"


def test_a_split_that_lacks_a_part_or_holds_a_wrong_one_is_refused(tmp_path: Path) -> None:
    as_split_gguf(tmp_path)
    second, third = (tmp_path / f"model-0000{i}-of-00003.gguf" for i in (2, 3))
    kept = second.read_bytes()
    second.unlink()
    with pytest.raises(RefusedError, match=r"the part 'model-00002-of-00003\.gguf' is missing"):
        open_container(tmp_path)
    second.write_bytes(third.read_bytes())
    with pytest.raises(RefusedError, match="says that it is part 2 counted from 0"):
        open_container(tmp_path / "model-00001-of-00003.gguf")
    second.write_bytes(kept)
    assert set(open_container(third).tensors) == set(open_container(tmp_path).tensors)


def test_a_pytorch_index_that_disagrees_is_said_and_one_that_leads_out_refused(tmp_path: Path) -> None:
    as_torch_shards(tmp_path)
    index = tmp_path / "pytorch_model.bin.index.json"
    document = json.loads(index.read_text())
    names = list(document["weight_map"])
    index.write_text(
        json.dumps({"weight_map": {**document["weight_map"], names[0]: document["weight_map"][names[-1]]}})
    )
    container = open_container(tmp_path)
    assert set(container.tensors) == set(ARRAYS)
    assert any("another file than the one that holds the tensor for 1 tensor" in s for s in said(container.said))
    index.write_text(json.dumps({"weight_map": {"w": "../outside.bin"}}))
    with pytest.raises(RefusedError, match="not a file name inside its folder"):
        open_container(tmp_path)
