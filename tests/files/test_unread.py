"""What is not read is named, with what converts it; nothing is called damaged for being something else."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

import forebear
from forebear.core.errors import RefusedError
from forebear.core.stray import first_words, stray
from forebear.core.wording import in_english
from forebear.files.formats.registry import FORMATS
from forebear.files.sources import open_container
from forebear.tokens.readers import read_vocabulary_bytes
from tests.hostile import defects_gguf
from tests.said import said

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 9\n"


def archive(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, data in members.items():
            file.writestr(name.replace("__", "."), data)
    return out.getvalue()


def tar(name: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as file:
        file.addfile(tarfile.TarInfo(name))
    return out.getvalue()


CT2 = struct.pack("<IH16s", 6, 16, b"TransformerSpec\0") + bytes(40)
FLAX = b"\x82\xa5model\x83\xacembed_tokens\x81\xa9embedding\xc7" + bytes(40)
FLAX_STATE = bytes.fromhex("83a47374657003a96f70745f737461746581a13081a5636f756e74c70e019390") + bytes(40)
FLAX_FLAT = bytes.fromhex("82a66b65726e656cc726019392") + bytes(60)
"""The first bytes that flax 0.12 `serialization.to_bytes` gives a state {step, opt_state, params} and {kernel, bias}."""
TF_INDEX = bytes.fromhex("00000608011a020801001c0e5f434845") + bytes(60)
"""The first bytes of the index that tf.train.Checkpoint of TensorFlow 2.21 writes."""
ORBAX = {
    "_CHECKPOINT_METADATA": b'{"item_handlers": "orbax.checkpoint._src.handlers.pytree_checkpoint_handler", "metrics": {}}',
    "_METADATA": b'{"tree_metadata": {"(\'params\', \'b\')": {"key_metadata": [{"key": "params", "key_type": 2}]}}}',
    "_sharding": b'{"c3RlcA==":"{\\"sharding_type\\": \\"SingleDeviceSharding\\", \\"device_str\\": \\"cpu:0\\"}"}',
    "process_0": b'{"array_metadatas": [{"array_metadata": {"param_name": "params.b", "write_shape": [4]}}]}',
    "manifest.ocdbt": bytes.fromhex("0cdb3a2a71000000000000000128b5") + bytes(60),
    "ee65b44b52557c1f27129bd9873be46e": bytes.fromhex("0cdb20de16010000000000000128b5") + bytes(60),
}
"""As orbax-checkpoint and TensorStore begin each of their files."""
FILES: dict[str, tuple[str, bytes, str, str]] = {
    "a gated repository's page": ("model.safetensors", b"<!DOCTYPE html><html><body>gated</body></html>", "a web page", "sign in"),
    "a page in capitals behind blanks": ("a.bin", b"\n  <HTML lang=en>\n<head></head></HTML>", "a web page", "sign in"),
    "a page behind a byte order mark": ("a.gguf", b"\xef\xbb\xbf<!doctype HTML>\n<html></html>", "a web page", "sign in"),
    "a pointer": ("model.safetensors", POINTER, "a Git LFS pointer", "git lfs pull"),
    "a pointer called a zip": ("pytorch_model.bin", POINTER, "a Git LFS pointer", "git lfs pull"),
    "an error of a file store": ("m.safetensors", b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code></Error>',
                                 "an error message of a file store", "again"),
    "an error of a hub as JSON": ("m.safetensors", b'{"error":"Repository not found"}', "an error message of a hub (JSON)", "terms"),
    "an error of a file store without a declaration": ("m.bin", b"<Error><Code>NoSuchKey</Code></Error>", "an error message of a file store", "again"),
    "an error of a hub by its status": ("m.safetensors", b'{"statusCode":403,"error":"Forbidden"}', "an error message of a hub (JSON)", "terms"),
    "a pointer with a mark": ("model.safetensors", b"\xef\xbb\xbf" + POINTER, "a Git LFS pointer", "git lfs pull"),
    "a pointer with other ends of lines": ("model.safetensors", POINTER.replace(b"\n", b"\r\n"), "a Git LFS pointer", "git lfs pull"),
    "a pointer without its last end": ("a.gguf", POINTER.rstrip(), "a Git LFS pointer", "git lfs pull"),
    "a pointer of the first version": ("a.pt", POINTER.replace(b"git-lfs", b"hawser"), "a Git LFS pointer", "git lfs pull"),
    "an error of a hub as text": ("m.bin", b"Entry not found", "an error message of a hub", "terms"),
    "a gated model's text": ("m.pt", b"Access to model acme/x is restricted. You must be authenticated.", "an error message", "terms"),
    "ggml": ("ggml.bin", b"lmgg" + bytes(60), "a GGML file from before GGUF", "GGML-to-GGUF script"),
    "ggjt": ("model.ggmlv3.q4_0.bin", b"tjgg\3\0\0\0" + bytes(60), "a GGML file from before GGUF", "GGML-to-GGUF script"),
    "ggla": ("adapter.bin", b"algg\1\0\0\0" + bytes(60), "a GGML file from before GGUF", "GGUF"),
    "ctranslate2": ("model.bin", CT2, "a CTranslate2 model", "the model it was made from"),
    "ctranslate2 for speech": ("model.bin", struct.pack("<IH12s", 6, 12, b"WhisperSpec\0") + bytes(40), "a CTranslate2 model", "made from"),
    "flax": ("flax_model.msgpack", FLAX, "Flax weights", "from_flax"),
    "flax under another name": ("weights", FLAX, "Flax weights", "from_flax"),
    "a flax state": ("checkpoint_100.msgpack", FLAX_STATE, "Flax weights", "from_flax"),
    "an index of tensorflow": ("weights.index", TF_INDEX, "a TensorFlow checkpoint", "from_tf"),
    "keras of two years": ("model.h5", b"\x89HDF\r\n\x1a\n" + bytes(60), "HDF5", "from_tf"),
    "keras": ("model.keras", archive(config__json=b"{}", model__weights__h5=b"x"), "a Keras model", "get_weights"),
    "keras called a zip": ("model.zip", archive(config__json=b"{}", model__weights__h5=b"x"), "a Keras model", "numpy.savez"),
    "tensorflow": ("model.ckpt.data-00000-of-00001", bytes(80), "TensorFlow", "from_tf"),
    "a saved model": ("saved_model.pb", b"\x08\x01\x12" + bytes(60), "TensorFlow", "from_tf"),
    "tflite": ("m.bin", b"\x1c\0\0\0TFL3" + bytes(60), "a TensorFlow Lite model", "converted from"),
    "executorch": ("m.pte", b"\x1c\0\0\0ET12" + bytes(60), "an ExecuTorch program", "exported from"),
    "nemo": ("m.nemo", tar("model_config.yaml"), "the NeMo archive holds no weights", "tar -xf"),
    "a tar file": ("m.tar", tar("model.safetensors"), "a tar file", "tar -xf"),
    "a packed file": ("model.safetensors", gzip.compress(b"x" * 90), "a gzip file", "gunzip"),
    "a packed tar file": ("m.bin", gzip.compress(tar("a")), "a gzip file", "tar -xzf"),
    **{f"orbax's {name}": (name, content, "an Orbax checkpoint", "orbax.checkpoint") for name, content in ORBAX.items()},
    "an rwkv vocabulary": ("rwkv_vocab_v20230424.txt", b"1 '\\x00' 1\n2 '\\x01' 1\n3 b'\\xe4' 1\n", "an RWKV vocabulary", ".pth"),
    "an rwkv vocabulary from the middle": ("v.bin", b'257 "\\t\\t" 2\n258 b"\\xff" 1\n', "an RWKV vocabulary", ".pth"),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_is_not_read_is_named_with_what_converts_it(tmp_path: Path, case: str) -> None:
    name, content, kind, todo = FILES[case]
    path = tmp_path / name
    path.write_bytes(content)
    for place in (path, tmp_path) if name != "weights" and not name.endswith(".txt") else (path,):
        with pytest.raises(RefusedError) as refusal:
            open_container(place)
        said = str(refusal.value)
        assert kind in said
        assert todo in said
        assert "damaged" not in said
        assert "mislead" not in said


FOLDERS = {
    "orbax's manager": (["5/_CHECKPOINT_METADATA", "10/default/_METADATA", "10/_CHECKPOINT_METADATA"], "an Orbax checkpoint", "orbax.checkpoint"),
    "orbax": (["_METADATA", "manifest.ocdbt", "d/abc"], "an Orbax checkpoint", "orbax.checkpoint"),
    "orbax of one process": (
        ["_CHECKPOINT_METADATA", "ocdbt.process_0/d/abc"],
        "an Orbax checkpoint",
        "orbax.checkpoint",
    ),
    "tensorflow": (
        ["checkpoint", "model.ckpt-7.index", "model.ckpt-7.data-00000-of-00002"],
        "a TensorFlow checkpoint",
        "from_tf",
    ),
    "a saved model": (["saved_model.pb", "variables/variables.index"], "a TensorFlow checkpoint", "from_tf"),
}


@pytest.mark.parametrize("case", FOLDERS)
def test_a_folder_that_is_not_read_is_named_with_what_converts_it(tmp_path: Path, case: str) -> None:
    names, kind, todo = FOLDERS[case]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(RefusedError) as refusal:
        open_container(tmp_path)
    assert kind in str(refusal.value)
    assert todo in str(refusal.value)


@pytest.mark.parametrize("content", [FLAX, FLAX_STATE, FLAX_FLAT, b"\x89HDF\r\n\x1a\n" + bytes(60), CT2])
def test_a_folder_whose_names_tell_nothing_is_named_by_the_bytes_of_its_files(tmp_path: Path, content: bytes) -> None:
    """flax.training writes checkpoint_100: its folder was one 'without weights'."""
    (tmp_path / "README").write_text('{"error": "no"}')
    (tmp_path / "checkpoint_100").mkdir()
    with pytest.raises(RefusedError, match="a folder without weights"):
        open_container(tmp_path)
    (tmp_path / "checkpoint_200").write_bytes(content)
    with pytest.raises(RefusedError, match=r"this is .*\('checkpoint_200'\)"):
        open_container(tmp_path)


@pytest.mark.parametrize(("content", "said"), [
    (b"hello there, this is no model at all", "text that begins 'hello there, this is no model at all'"),
    (b"\x01\x02\xff\xfe" + bytes(60), "bytes that begin 01 02 ff fe"), ("これはモデルではない。".encode() * 3, "text that begins"),
])  # fmt: skip
@pytest.mark.parametrize("name", ["m.bin", "m.pt", "m.weights", "m"])
def test_an_unknown_file_is_described_by_how_it_begins(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RefusedError) as refusal:
        open_container(tmp_path / name)
    assert said in str(refusal.value)
    assert "damaged" not in str(refusal.value)


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer.model", "vocab.json"])
@pytest.mark.parametrize(
    ("content", "kind"), [(POINTER, "a Git LFS pointer"), (b"<!DOCTYPE html><html></html>", "a web page")]
)
def test_a_tokenizer_that_is_a_pointer_or_a_page_is_called_so(
    tmp_path: Path, name: str, content: bytes, kind: str
) -> None:
    with pytest.raises(RefusedError, match=kind):
        read_vocabulary_bytes(content, Path(name), full=False)


def protocol(module: str, name: str, argument: str = "") -> bytes:
    """A dictionary of one tensor that a named function rebuilds from a named class."""
    call = (
        f"c{module}\n{name}\n".encode()
        + (f"c{argument}\n".encode() if argument else b"")
        + (b"\x85" if argument else b")")
        + b"R"
    )
    return b"\x80\x02}X\x01\0\0\0w" + call + b"s."


@pytest.mark.parametrize(("module", "name", "argument", "kind", "todo"), [
    ("torch._utils", "_rebuild_wrapper_subclass", "torch.distributed.tensor\nDTensor", "a DTensor", "full_tensor"),
    ("torch.distributed._tensor.api", "DTensor", "", "a DTensor", "full_tensor"),
    ("torch.distributed._shard.sharded_tensor.api", "ShardedTensor", "", "a ShardedTensor", "Join the parts"),
    ("torchao.dtypes", "rebuild", "", "a quantised tensor of torchao", "safetensors"),
    ("torch._tensor", "_rebuild_from_type_v2", "acme.tensors\nOdd", "(torch._tensor._rebuild_from_type_v2', 'acme.tensors.Odd')", "Convert"),
])  # fmt: skip
def test_a_record_that_is_not_read_is_named(
    tmp_path: Path, module: str, name: str, argument: str, kind: str, todo: str
) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("m/data.pkl", protocol(module, name, argument))
        file.writestr("m/version", "3")
    (tmp_path / "m.bin").write_bytes(out.getvalue())
    with pytest.raises(RefusedError) as refusal:
        open_container(tmp_path / "m.bin")
    assert kind.strip("(") in str(refusal.value)
    assert todo in str(refusal.value)
    assert "damaged" not in str(refusal.value)


def llamafile(content: bytes, *, absolute: bool, **more: bytes) -> bytes:
    program = b"MZqFpD='\n" + b"#!/bin/sh\n" * 300
    out = io.BytesIO(program if absolute else b"")
    out.seek(0, io.SEEK_END)
    with zipfile.ZipFile(out, "a") as file:
        file.writestr("m.gguf", content)
        for name, data in {"args": b"-m\nm.gguf\n", **more}.items():
            file.writestr(name.replace("__", "."), data)
    return out.getvalue() if absolute else program + out.getvalue()


@pytest.mark.parametrize("absolute", [True, False])
@pytest.mark.parametrize("name", ["m.llamafile", "m.exe", "m"])
def test_a_llamafile_is_read_through_the_archive_behind_the_program(tmp_path: Path, absolute: bool, name: str) -> None:
    (tmp_path / "m.gguf").write_bytes(defects_gguf.GOOD)
    (tmp_path / name).write_bytes(llamafile(defects_gguf.GOOD, absolute=absolute))
    plain, packed = open_container(tmp_path / "m.gguf"), open_container(tmp_path / name)
    assert list(packed.tensors) == list(plain.tensors)
    for tensor in plain.tensors:
        np.testing.assert_array_equal(packed.read(tensor), plain.read(tensor))
    assert forebear.inspect(tmp_path / name)["parameters"] == forebear.inspect(tmp_path / "m.gguf")["parameters"]


def test_a_program_without_weights_or_with_several_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.llamafile"
    path.write_bytes(b"MZqFpD='\n" + bytes(5000))
    with pytest.raises(RefusedError, match="without weights behind it"):
        open_container(path)
    path.write_bytes(llamafile(defects_gguf.GOOD, absolute=True, other__gguf=defects_gguf.GOOD))
    with pytest.raises(RefusedError, match="2 checkpoints inside"):
        open_container(path)


@pytest.mark.parametrize("case", FILES)
def test_a_file_cut_anywhere_is_refused_or_read_and_nothing_else(tmp_path: Path, case: str) -> None:
    name, content, *_ = FILES[case]
    for size in [*range(1, min(len(content), 70)), len(content) // 2]:
        (tmp_path / name).write_bytes(content[:size])
        with pytest.raises(RefusedError):
            open_container(tmp_path / name)


def test_a_damaged_llamafile_is_refused(tmp_path: Path) -> None:
    whole = llamafile(defects_gguf.GOOD, absolute=False)
    for at in range(len(whole) - 200, len(whole)):
        for value in (0, 255):
            (tmp_path / "m").write_bytes(whole[:at] + bytes([value]) + whole[at + 1 :])
            try:
                container = open_container(tmp_path / "m")
            except RefusedError:
                continue
            container.close()


def test_every_kind_of_the_tables_is_told_apart() -> None:
    kinds = [one.kind for one in FORMATS]
    assert len(set(kinds)) == len(kinds)
    assert all(in_english(one.said) and in_english(one.todo) for one in FORMATS if one.open is None)
    assert stray(json.dumps({"model": {}}).encode()) is None
    assert stray(pickle.dumps({"a": 1})) is None
    assert in_english(first_words(b"")) == "bytes that begin "


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer.model", "vocab.json", "x.tiktoken", "tokenizer_config.json", "vocab.txt"])
@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_a_pointer_is_named_wherever_a_tokenizer_was_to_be(tmp_path: Path, name: str, ends: bytes) -> None:
    """It was a list that is none, a rank that is none, or broken JSON."""
    (tmp_path / name).write_bytes(POINTER.replace(b"\n", ends))
    with pytest.raises(RefusedError, match="a Git LFS pointer"):
        forebear.inspect(tmp_path / name)


@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_a_pointer_is_named_in_the_place_of_an_index_and_of_a_configuration(tmp_path: Path, ends: bytes) -> None:
    base = Path(__file__).resolve().parent.parent / "data" / "tried" / "base"
    (tmp_path / "model.safetensors").write_bytes((base / "model.safetensors").read_bytes())
    (tmp_path / "config.json").write_bytes(POINTER.replace(b"\n", ends))
    assert any("config.json: this is a Git LFS pointer" in one for one in said(forebear.inspect(tmp_path)["limits"]))
    (tmp_path / "model.safetensors").rename(tmp_path / "model-00001-of-00001.safetensors")
    (tmp_path / "model.safetensors.index.json").write_bytes(POINTER.replace(b"\n", ends))
    with pytest.raises(RefusedError, match=r"index\.json: this is a Git LFS pointer"):
        forebear.inspect(tmp_path)


def test_broken_json_is_no_error_of_a_hub(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_bytes(b'{"error": "x", ')
    with pytest.raises(RefusedError, match="not JSON"):
        forebear.inspect(tmp_path / "tokenizer.json")
