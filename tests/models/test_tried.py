"""Every input that was tried and went wrong, with its right answer: the rows of the table of trials, copied small.

tests/data/tried: those that only a writer could make, with two of four layers (mlx_6bit and its base128: one). The other containers
are made here from the values of `prefix_fsdp`, which all of them held, laid out as they were. Truth: related, change 0.20.
"""

from __future__ import annotations

import io
import json
import shutil
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import forebear
from forebear.core.errors import RefusedError
from forebear.files.base import Container
from forebear.files.sources import open_container
from forebear.models.adapter import adapted
from forebear.reports.comparison import comparison_lines
from forebear.reports.comparison_page import comparison_rows
from tests.comparison.variants import load
from tests.files.test_every_container import as_split_gguf
from tests.hostile import defects_trainers as made
from tests.hostile.pickled import Obj, Pairs, pickled, size, tensor, torch_file
from tests.said import paragraph
from tests.said import said as english

TRIED = Path(__file__).resolve().parent.parent / "data" / "tried"
Arrays = dict[str, np.ndarray[Any, Any]]


@pytest.fixture(scope="module")
def arrays() -> Arrays:
    """The values that the containers held."""
    return {name.replace("_fsdp_wrapped_module.", ""): value for name, value in load(TRIED / "prefix_fsdp").items()}


def base(folder: Path, source: str, layers: int) -> Path:
    """A candidate with as many layers."""
    config = json.loads((TRIED / source / "config.json").read_text()) | {"num_hidden_layers": layers}
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    kept = {n: v for n, v in load(TRIED / source).items() if "layers." not in n or int(n.split(".")[2]) < layers}
    save_file(kept, folder / "model.safetensors")
    return folder


def check_related(subject: Path, candidate: Path, low: float = 0.19, high: float = 0.21) -> Mapping[str, Any]:
    """Related, with the change of every matrix that was looked at."""
    document = forebear.compare(subject, [candidate])
    assert document["verdict"]["relation"] == "related", paragraph(document["verdict"]["words"])
    changes = [effect["distance"] for effect in document["effects"] if effect["part"] in ("q", "up", "down")]
    assert changes
    assert all(low < change < high for change in changes), changes
    return document


QUANTISED = {
    "mlx_4bit": ("base", 2, 0.28), "mlx_6bit": ("base128", 1, 0.22), "mxfp8_u8_scales": ("base", 2, 0.22), "torchao_int8": ("base", 2, 0.21),
    "fp8_scale_weight": ("base", 2, 0.22), "nvfp4_modelopt": ("base", 2, 0.28), "hqq4": ("base", 2, 0.28),
    "gptq_v2_zeros_undeclared": ("base", 2, 0.28), "gptq_g_idx_all_zero": ("base", 2, 0.28),
}  # fmt: skip
"""Name -> its candidate, its layers, and the largest change that rounding to its bits allows."""


@pytest.mark.parametrize("name", QUANTISED)
def test_a_quantised_relative_is_read_and_related_with_its_change(name: str, tmp_path: Path) -> None:
    candidate, layers, high = QUANTISED[name]
    document = check_related(TRIED / name, base(tmp_path / "base", candidate, layers), 0.18, high)
    said = " ".join(english(document["limits"]))
    if name.startswith("gptq"):
        assert "zero point" in said or "g_idx" in said


@pytest.mark.parametrize(("name", "layout"), [("exl2", "exl2"), ("awq_gemv", "awq")])
def test_codes_that_do_not_fit_their_layout_are_named_and_no_verdict_rests_on_them(name: str, layout: str, tmp_path: Path) -> None:
    document = forebear.compare(TRIED / name, [base(tmp_path / "base", "base", 2)])
    assert document["verdict"]["relation"] == "cannot-tell"
    said = english(document["limits"])
    assert any("no decoder of this version reads" in limit and f"the configuration calls {layout}" in limit for limit in said)


# Containers


def floats(values: np.ndarray[Any, Any]) -> bytes:
    return np.ascontiguousarray(values, dtype="<f4").tobytes()


def torch_of(arrays: Arrays, root: Callable[[dict[str, Any]], Any] = lambda records: records) -> bytes:
    """A PyTorch file of these arrays. root: what the pickle holds, made of their records."""
    records = {name: tensor(str(number), value.shape) for number, (name, value) in enumerate(arrays.items())}
    return torch_file(root(records), {str(number): floats(value) for number, value in enumerate(arrays.values())})


def deepspeed(folder: Path, arrays: Arrays) -> None:
    place = folder / "global_step10"
    place.mkdir()
    (folder / "latest").write_text("global_step10")

    def root(records: dict[str, Any]) -> Any:
        return {"module": records, "buffer_names": [], "param_shapes": [{n: size(*v.shape) for n, v in arrays.items()}]}

    (place / "mp_rank_00_model_states.pt").write_bytes(torch_of(arrays, root))
    state = {"zero_stage": 2, "partition_count": 1, "single_partition_of_fp32_groups": [tensor("0", (100,))]}
    (place / "bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt").write_bytes(torch_file({"optimizer_state_dict": state}, {"0": bytes(400)}))


def dcp(folder: Path, arrays: Arrays) -> None:
    stated, items, data = {}, [], b""
    for name, value in arrays.items():
        one = torch_file(tensor("0", value.shape), {"0": floats(value)})
        none = size(*[0] * value.ndim)
        stated[f"model.{name}"] = made.stated(size(*value.shape), [made.chunk(none, size(*value.shape))])
        items.append(made.item(f"model.{name}", none, "__0_0.distcp", len(data), len(one)))
        data += one
    planner = {f"model.{name}": ("model", name) for name in arrays}
    metadata = {"state_dict_metadata": stated, "planner_data": planner, "storage_data": Pairs(tuple(items))}
    (folder / ".metadata").write_bytes(pickled(Obj("torch.distributed.checkpoint.metadata", "Metadata", (), metadata)))
    (folder / "__0_0.distcp").write_bytes(data)


def nemo(folder: Path, arrays: Arrays) -> None:
    weights = torch_of({f"model.{name}": value for name, value in arrays.items()})
    members = (made.member("./model_weights.ckpt", weights), made.member("./model_config.yaml", b"target: GPT\n"))
    (folder / "m.nemo").write_bytes(made.nemo(*members)["m.nemo"])


def dtensor(folder: Path, arrays: Arrays) -> None:
    def root(records: dict[str, Any]) -> Any:
        shard = (made.placement("Shard", dim=0),)
        return {name: made.dtensor(record, arrays[name].shape, shard, (1,), (0,)) for name, record in records.items()}

    (folder / "pytorch_model.bin").write_bytes(torch_of(arrays, root))


META = {
    "model.embed_tokens": "tok_embeddings", "model.norm": "norm", "lm_head": "output", "model.layers": "layers", "self_attn.q_proj": "attention.wq",
    "self_attn.k_proj": "attention.wk", "self_attn.v_proj": "attention.wv", "self_attn.o_proj": "attention.wo", "mlp.gate_proj": "feed_forward.w1",
    "mlp.down_proj": "feed_forward.w2", "mlp.up_proj": "feed_forward.w3", "input_layernorm": "attention_norm", "post_attention_layernorm": "ffn_norm",
}  # fmt: skip


def own_name(name: str) -> str:
    for ours, theirs in META.items():
        name = name.replace(ours, theirs) if ours != "input_layernorm" or ".input" in name else name
    return name


def meta_tp1(folder: Path, arrays: Arrays) -> None:
    (folder / "consolidated.00.pth").write_bytes(torch_of({own_name(name): value for name, value in arrays.items()}))
    params = {"dim": 64, "n_layers": 4, "n_heads": 4, "n_kv_heads": 2, "vocab_size": 256, "multiple_of": 16, "norm_eps": 1e-6}
    (folder / "params.json").write_text(json.dumps(params))
    (folder / "config.json").unlink()


def with_header(folder: Path, arrays: Arrays, change: Callable[[dict[str, Any]], None]) -> None:
    save_file(arrays, folder / "model.safetensors")
    data = (folder / "model.safetensors").read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    change(header)
    head = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(head)) + head + data[8 + length :])


def metadata_null(folder: Path, arrays: Arrays) -> None:
    with_header(folder, arrays, lambda header: header.update(__metadata__=None))


def extra_field(folder: Path, arrays: Arrays) -> None:
    with_header(folder, arrays, lambda header: next(iter(header.values())).update(note="x"))


def index(folder: Path, arrays: Arrays, count: int, **more: str) -> None:
    names = list(arrays)
    for number in range(2):
        save_file({name: arrays[name] for name in names[number::2]}, folder / f"model-{number + 1:05d}-of-00002.safetensors")
    stated = {name: f"model-{at % count + 1:05d}-of-{count:05d}.safetensors" for at, name in enumerate(names)} | more
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": stated}))


def index_stale(folder: Path, arrays: Arrays) -> None:
    index(folder, arrays, 4)


def index_names_absent_tensor(folder: Path, arrays: Arrays) -> None:
    index(folder, arrays, 2, **{"mtp.fc.weight": "model-00001-of-00002.safetensors"})


def adapter_in_model(folder: Path, arrays: Arrays) -> None:
    save_file(arrays, folder / "model.safetensors")
    for file in (TRIED / "lora_rank_regex").iterdir():
        shutil.copy(file, folder)


def hub_cache(folder: Path, arrays: Arrays) -> None:
    root = folder / "models--acme--x"
    for place in ("blobs", "refs", "snapshots/abc"):
        (root / place).mkdir(parents=True)
    (root / "refs" / "main").write_text("abc")
    save_file(arrays, root / "blobs" / "aa")
    (folder / "config.json").rename(root / "blobs" / "bb")
    (root / "snapshots" / "abc" / "model.safetensors").symlink_to("../../blobs/aa")
    (root / "snapshots" / "abc" / "config.json").symlink_to("../../blobs/bb")


def prefixed(prefix: str) -> Callable[[Path, Arrays], None]:
    def write(folder: Path, arrays: Arrays) -> None:
        save_file({prefix + name: value for name, value in arrays.items()}, folder / "model.safetensors")

    return write


CONTAINERS: dict[str, tuple[Callable[[Path, Arrays], None], str]] = {
    "deepspeed_zero2": (deepspeed, "not the full precision of the optimizer"), "dcp": (dcp, "were cut across processes"), "nemo": (nemo, ""),
    "dtensor": (dtensor, ""), "meta_tp1": (meta_tp1, ""), "metadata_null": (metadata_null, ""), "extra_field": (extra_field, ""),
    "index_stale": (index_stale, "names 4 files that are not here"), "index_names_absent_tensor": (index_names_absent_tensor, "'mtp.fc.weight'"),
    "adapter_in_model": (adapter_in_model, "left aside: 'adapter_model.safetensors'"), "models--acme--x": (hub_cache, ""),
    "prefix_module": (prefixed("module."), ""), "prefix_base_model": (prefixed("base_model.model."), ""),
}  # fmt: skip
"""Name -> its writer, and words that the document's limits hold."""


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_relative_in_its_container_is_related_with_its_change(name: str, tmp_path: Path, arrays: Arrays) -> None:
    write, words = CONTAINERS[name]
    shutil.copy(TRIED / "base" / "config.json", tmp_path)
    write(tmp_path, arrays)
    subject = tmp_path / name if name.startswith("models--") else tmp_path
    document = check_related(subject, TRIED / "base")
    assert any(words in limit for limit in english(document["limits"]))


def test_rows_that_are_no_numbers_are_said_by_compare(tmp_path: Path, arrays: Arrays) -> None:
    shutil.copy(TRIED / "base" / "config.json", tmp_path)
    name = "model.layers.2.mlp.up_proj.weight"
    changed = arrays | {name: arrays[name].copy()}
    changed[name][:3] = np.nan
    save_file(changed, tmp_path / "model.safetensors")
    document = forebear.compare(tmp_path, [TRIED / "base"])
    assert document["verdict"]["relation"] == "related"
    assert any(name in limit for limit in english(document["limits"]))


def adapter_on_base(name: str) -> tuple[Container, Arrays]:
    config = json.loads((TRIED / name / "adapter_config.json").read_text())
    both, _ = adapted(open_container(TRIED / "base"), open_container(TRIED / name / "adapter_model.safetensors"), config)
    return both, load(TRIED / "base")


def test_alpha_by_an_expression_is_the_one_that_the_library_reads() -> None:
    both, plain = adapter_on_base("lora_rank_regex")
    name = "model.layers.3.self_attn.q_proj.weight"
    change = np.linalg.norm(both.read(name) - plain[name]) / np.linalg.norm(plain[name])
    assert abs(change - 4.608) < 0.001


def test_a_change_over_some_rows_says_over_how_many() -> None:
    """Of the whole matrix the change is 4.608; over the rows that are read it is another, and every place says of how many."""
    document = forebear.compare(TRIED / "lora_rank_regex", [TRIED / "base"], base=TRIED / "base")
    (q,) = [effect for effect in document["effects"] if effect["part"] == "q"]
    (layer,) = [one for one in q["by_layer"] if one["layers"] == (3, 3)]
    assert (round(layer["distance"], 2), layer["rows"]) == (5.09, {"compared": 8, "of": 64})
    assert q["rows"] == {"compared": 32, "of": 256}
    (row,) = [one for one in document["tensors"] if one["subject"]["name"] == "model.layers.3.self_attn.q_proj.weight"]
    assert (row["distance"], row["rows"]) == (layer["distance"], layer["rows"])
    gains = [one for one in document["tensors"] if len(one["subject"]["shape"]) == 1]
    assert {tuple(one["rows"].values()) for one in gains} == {(1, 1)}
    lines = [line.text for line in comparison_lines(document)]
    assert any(line.split()[:1] == ["q"] and line.endswith("32 of 256") for line in lines)
    assert comparison_rows(document)[0][-2:] == ["rows_compared", "rows"]


def test_rows_at_trainable_token_indices_are_replaced() -> None:
    both, plain = adapter_on_base("lora_trainable_tokens")
    name = "model.embed_tokens.weight"
    rows = load_file(TRIED / "lora_trainable_tokens" / "adapter_model.safetensors")
    np.testing.assert_array_equal(both.read(name)[[250, 251]], rows[f"base_model.model.{name.removesuffix('weight')}token_adapter.trainable_tokens_delta"])
    np.testing.assert_array_equal(both.read(name)[:250], plain[name][:250])


# Further inputs of the same kinds, which nobody had tried


def zipped_on_a_mac(folder: Path, arrays: Arrays) -> Path:
    save_file(arrays, folder / "x")
    with zipfile.ZipFile(folder / "m.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(folder / "x", "m/model.safetensors")
        archive.write(folder / "config.json", "m/config.json")
        archive.writestr("__MACOSX/m/._model.safetensors", b"\0\5\x16\7\0\2\0\0Mac OS X" + bytes(40))
    (folder / "x").unlink()
    return folder / "m.zip"


def copied_from_a_mac(folder: Path, arrays: Arrays) -> Path:
    save_file(arrays, folder / "model.safetensors")
    (folder / "._model.safetensors").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X" + bytes(40))
    return folder


def index_with_windows_ends(folder: Path, arrays: Arrays) -> Path:
    index(folder, arrays, 2)
    path = folder / "model.safetensors.index.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(json.loads(path.read_text()), indent=1).replace("\n", "\r\n").encode())
    return folder


def index_swapped(folder: Path, arrays: Arrays) -> Path:
    index(folder, arrays, 2)
    path = folder / "model.safetensors.index.json"
    other = {"1": "2", "2": "1"}
    stated = {n: f"{f[:10]}{other[f[10]]}{f[11:]}" for n, f in json.loads(path.read_text())["weight_map"].items()}
    path.write_text(json.dumps({"weight_map": stated}))
    return folder


def under_two_wrappers(folder: Path, arrays: Arrays) -> Path:
    prefixed("module._orig_mod.")(folder, arrays)
    return folder


def under_a_trainer_s_name(folder: Path, arrays: Arrays) -> Path:
    prefixed("student.")(folder, arrays)
    return folder


def flax_beside(folder: Path, arrays: Arrays) -> Path:
    save_file(arrays, folder / "model.safetensors")
    (folder / "flax_model.msgpack").write_bytes(b"\x82\xa5model\x83\xacembed_tokens\x81\xa9embedding\xc7" + bytes(40))
    return folder


def meta_tp2(folder: Path, arrays: Arrays) -> Path:
    """Two ranks of Meta's own names, with the table of rotations that its first releases kept, and no vocabulary size."""
    meta_tp1(folder, arrays)
    (folder / "consolidated.00.pth").unlink()
    for rank in range(2):
        part = {}
        for name, value in arrays.items():
            last = name.split(".")[-2]
            along = 0 if last in ("q_proj", "k_proj", "v_proj", "gate_proj", "up_proj", "lm_head") else 1
            whole = value.ndim == 1
            part[own_name(name)] = value if whole else np.ascontiguousarray(np.split(value, 2, axis=along)[rank])
        part["rope.freqs"] = np.ones(8, np.float32)
        (folder / f"consolidated.{rank:02d}.pth").write_bytes(torch_of(part))
    return folder


FURTHER: dict[str, tuple[Callable[[Path, Arrays], Path], str]] = {
    "a zip that macOS packed": (zipped_on_a_mac, ""), "a fork of macOS beside": (copied_from_a_mac, ""),
    "an index with a mark and other ends of lines": (index_with_windows_ends, ""),
    "an index that exchanges two shards": (index_swapped, "the index names another file than the one that holds the tensor"),
    "under two wrappers": (under_two_wrappers, "module._orig_mod"), "under a trainer's name": (under_a_trainer_s_name, "student"),
    "flax weights beside": (flax_beside, "left aside: 'flax_model.msgpack'"), "meta_tp2": (meta_tp2, "2 files, one of each rank"),
}  # fmt: skip


@pytest.mark.parametrize("name", FURTHER)
def test_a_relative_in_a_further_container_is_related_with_its_change(name: str, tmp_path: Path, arrays: Arrays) -> None:
    write, words = FURTHER[name]
    shutil.copy(TRIED / "base" / "config.json", tmp_path)
    document = check_related(write(tmp_path, arrays), TRIED / "base")
    assert any(words in limit for limit in english(document["limits"]))


def test_a_download_that_never_ended_in_a_file_of_full_length_is_told_by_its_zeros(tmp_path: Path, arrays: Arrays) -> None:
    shutil.copy(TRIED / "base" / "config.json", tmp_path)
    path = tmp_path / "model.safetensors"
    save_file(arrays, path)
    full = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(full // 2)
        file.truncate(full)
    document = forebear.compare(tmp_path, [TRIED / "base"])
    assert any("hold nothing but zeros" in limit for limit in english(document["limits"]))
    assert all(effect["distance"] < 0.5 for effect in document["effects"])
    whole = forebear.compare(TRIED / "base", [TRIED / "base"])
    assert not any("nothing but zeros" in limit for limit in english(whole["limits"]))


# What is not read is named


def llamafile() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("model.gguf", b"")
    return b"MZqFpD='\n" + b"#" * 200 + out.getvalue()


NAMED = {
    "html_error_page": ("model.safetensors", (TRIED / "html_error_page" / "model.safetensors").read_bytes(), "a web page"),
    "ggml.bin": ("ggml.bin", (TRIED / "ggml.bin").read_bytes(), "a GGML file from before GGUF"),
    "flax": ("flax_model.msgpack", b"\x82\xa5model\x83\xacembed_tokens\x81\xa9embedding\xc7" + bytes(40), "Flax weights"),
    "ctranslate2": ("model.bin", struct.pack("<IH16s", 6, 16, b"TransformerSpec\0") + bytes(40), "a CTranslate2 model"),
    "ape.llamafile": ("ape.llamafile", llamafile(), "empty"),
    "a cache copied without its links": ("model.safetensors", b"../../blobs/aa", "copied as text"),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_what_is_not_read_is_named_and_accused_of_nothing(name: str, tmp_path: Path) -> None:
    file, data, words = NAMED[name]
    (tmp_path / file).write_bytes(data)
    with pytest.raises(RefusedError) as caught:
        open_container(tmp_path)
    assert words in str(caught.value)
    assert "damaged" not in str(caught.value)
    assert "mislead" not in str(caught.value)


def test_a_pointer_in_the_place_of_a_tokenizer_is_named() -> None:
    for name in ("tokenizer.json", "tokenizer.model"):
        with pytest.raises(RefusedError, match="Git LFS pointer"):
            forebear.inspect(TRIED / "lfs_pointer_tokenizer" / name)


def test_a_split_gguf_in_a_folder_is_one_model(tmp_path: Path) -> None:
    as_split_gguf(tmp_path)
    assert forebear.compare(tmp_path, [tmp_path])["verdict"]["relation"] == "identical"
