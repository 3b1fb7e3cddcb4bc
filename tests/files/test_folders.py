"""Whatever a folder holds, one resolver says which weights it is: compare, inspect and matrix agree, and say what was left aside."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import forebear
from forebear.comparison.many.matrix import members_in
from forebear.core.errors import RefusedError
from forebear.files.sets import Kind, chosen, weight_sets
from forebear.files.sources import open_container, resolve
from forebear.models.checkpoint import open_checkpoint
from tests.files.hub_server import COMMIT, Hub, serve
from tests.files.test_every_container import (
    ARRAYS,
    CONFIG,
    DEMO,
    WRITERS,
    as_gguf,
    as_safetensors,
    as_split_gguf,
    as_torch,
)
from tests.said import said

torch = pytest.importorskip("torch")
DATA = Path(__file__).resolve().parent.parent / "data"
NAMES = list(ARRAYS)
INDEX = "model.safetensors.index.json"


def shards(folder: Path, count: int = 3, stem: str = "model", start: int = 0) -> list[str]:
    """The tensors in numbered safetensors files."""
    files = [f"{stem}-{number + 1:05d}-of-{count:05d}.safetensors" for number in range(count)]
    for number, file in enumerate(files):
        save_file({name: ARRAYS[name] for name in NAMES[number::count]}, folder / file)
    return files


def index(folder: Path, files: list[str], **more: str) -> None:
    weight_map = {name: files[at % len(files)] for at, name in enumerate(NAMES)} | more
    (folder / INDEX).write_text(json.dumps({"weight_map": weight_map}))


def adapter(folder: Path, name: str = "adapter_model.safetensors") -> None:
    rng, module = np.random.Generator(np.random.PCG64(2)), "base_model.model.model.layers.0.mlp.up_proj"
    pair = {"lora_A": rng.normal(size=(2, 64)), "lora_B": rng.normal(size=(172, 2))}
    save_file({f"{module}.{side}.weight": values.astype(np.float32) for side, values in pair.items()}, folder / name)
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 2}')


def numbered(folder: Path) -> None:
    shards(folder)


def numbered_torch(folder: Path) -> None:
    for number in range(2):
        part = {name: torch.from_numpy(ARRAYS[name].copy()) for name in NAMES[number::2]}
        torch.save(part, folder / f"pytorch_model-{number + 1:05d}-of-00002.bin")


def numbered_npz(folder: Path) -> None:
    for number in range(2):
        np.savez(folder / f"model-{number + 1:05d}-of-00002.npz", **{name: ARRAYS[name] for name in NAMES[number::2]})


def indexed(folder: Path) -> None:
    index(folder, shards(folder))


def stale_index(folder: Path) -> None:
    shards(folder, 2)
    index(folder, [f"model-{n:05d}-of-00004.safetensors" for n in (1, 2, 3, 4)])


def index_left_behind(folder: Path) -> None:
    as_safetensors(folder)
    index(folder, ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"])


def index_that_left_one_shard_out(folder: Path) -> None:
    """All shards of its own numbering are here; the index is of a save in which the last was not written yet."""
    files = shards(folder)
    named = {name: files[number % 3] for number, name in enumerate(NAMES) if number % 3 < 2}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": named}))


def index_that_names_nothing(folder: Path) -> None:
    shards(folder)
    (folder / INDEX).write_text('{"metadata": {"total_size": 1}, "weight_map": {}}')


def index_without_a_map(folder: Path) -> None:
    """Another set lies beside the shards of its name."""
    shards(folder)
    (folder / INDEX).write_text('{"metadata": {"total_size": 1}}')
    as_torch(folder)


def index_that_names_nothing_of_one_file(folder: Path) -> None:
    as_torch(folder)
    (folder / "pytorch_model.bin.index.json").write_text('{"weight_map": null}')


def empty_index_of_a_missing_shard(folder: Path) -> None:
    shards(folder)
    (folder / "model-00002-of-00003.safetensors").unlink()
    (folder / INDEX).write_text('{"weight_map": {}}')


def index_with_a_list(folder: Path) -> None:
    shards(folder)
    (folder / INDEX).write_text('{"weight_map": ["lm_head.weight"]}')


def index_of_this_folder(folder: Path) -> None:
    index(folder, [f"./{name}" for name in shards(folder)])


def index_beside_one_file(folder: Path) -> None:
    """Both whole: the reference library reads the one file. The shards hold other values."""
    index(folder, shards(folder))
    for file in folder.glob("model-*.safetensors"):
        save_file({name: value * 2 for name, value in load_file(file).items()}, file)
    as_safetensors(folder)


def over_full_index(folder: Path) -> None:
    files = shards(folder)
    index(folder, files, **{"mtp.fc.weight": files[0]})


def stale_index_of_one_file_more(folder: Path) -> None:
    """The model was saved again in fewer shards; those of the index that kept their names are here, one is not."""
    files = shards(folder)
    index(folder, [*files[:2], "model-00004-of-00004.safetensors"])


def stale_index_with_places_of_before(folder: Path) -> None:
    """Every file that the index names is here, but the tensors changed places."""
    files = shards(folder)
    index(folder, files[1:] + files[:1])


def over_full_index_of_several(folder: Path) -> None:
    files = shards(folder)
    index(folder, files, **{f"model.layers.9.{name}.weight": files[at % 3] for at, name in enumerate(("q", "k", "v", "o"))})


def index_that_leaves_tensors_out(folder: Path) -> None:
    files = shards(folder)
    index(folder, files)
    stated = json.loads((folder / INDEX).read_text())["weight_map"]
    del stated["lm_head.weight"]
    (folder / INDEX).write_text(json.dumps({"weight_map": stated, "metadata": {"total_size": 1}}))


def several_formats(folder: Path) -> None:
    as_safetensors(folder)
    as_torch(folder)
    as_gguf(folder)


def with_adapter(folder: Path) -> None:
    as_torch(folder)
    adapter(folder)


def split_among_others(folder: Path) -> None:
    as_split_gguf(folder)
    shutil.copy(DEMO / "model.safetensors", folder)


def hub_root(folder: Path) -> None:
    root = folder / "models--acme--x"
    for place in ("blobs", "refs", "snapshots/abc", "snapshots/old"):
        (root / place).mkdir(parents=True)
    (root / "refs" / "main").write_text("abc")
    for blob, name in (("aa", "model.safetensors"), ("bb", "config.json"), ("cc", "tokenizer.json")):
        shutil.copy(DEMO / name, root / "blobs" / blob)
        (root / "snapshots" / "abc" / name).symlink_to(f"../../blobs/{blob}")


def hub_root_of_shards(folder: Path) -> None:
    """refs/main ends in a line end, and the snapshot is of shards with their index; an older one holds the configuration alone."""
    root, files = folder / "models--acme--x", shards(folder)
    index(folder, files)
    for place in ("blobs", "refs", "snapshots/new", "snapshots/old"):
        (root / place).mkdir(parents=True)
    (root / "refs" / "main").write_text("new\n")
    shutil.copy(DEMO / "config.json", root / "snapshots" / "old")
    for number, name in enumerate([*files, INDEX]):
        shutil.move(folder / name, root / "blobs" / f"{number:064x}")
        (root / "snapshots" / "new" / name).symlink_to(f"../../blobs/{number:064x}")
    shutil.copy(DEMO / "config.json", root / "snapshots" / "new")


def hub_root_without_reference(folder: Path) -> None:
    """Fetched by its commit: no refs/main, one snapshot, its files put there and not linked (a system without links)."""
    place = folder / "models--acme--x" / "snapshots" / COMMIT
    place.mkdir(parents=True)
    as_torch(place)
    shutil.copy(DEMO / "config.json", place)


def adapter_alone(folder: Path) -> None:
    adapter(folder)


def damaged(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes((DEMO / "model.safetensors").read_bytes()[:3000])


def missing_shard(folder: Path) -> None:
    indexed(folder)
    (folder / "model-00002-of-00003.safetensors").unlink()


def missing_number(folder: Path) -> None:
    (folder / shards(folder)[1]).unlink()


def several(folder: Path) -> None:
    save_file(ARRAYS, folder / "a.safetensors")
    save_file(ARRAYS, folder / "b.safetensors")


def deepspeed(folder: Path) -> None:
    (folder / "global_step10").mkdir()
    (folder / "latest").write_text("global_step10")
    torch.save({"module": {}}, folder / "global_step10" / "mp_rank_00_model_states.pt")


OPENED: list[Callable[[Path], None]] = [
    *WRITERS, numbered, numbered_torch, numbered_npz, indexed, stale_index, index_left_behind, over_full_index, several_formats,
    with_adapter, split_among_others, hub_root, hub_root_of_shards, hub_root_without_reference, adapter_alone, stale_index_of_one_file_more,
    stale_index_with_places_of_before, over_full_index_of_several, index_that_leaves_tensors_out,
    index_that_left_one_shard_out, index_of_this_folder, index_beside_one_file, index_that_names_nothing, index_without_a_map,
    index_that_names_nothing_of_one_file,
]  # fmt: skip
REFUSED: list[Callable[[Path], None]] = [damaged, missing_shard, missing_number, several, deepspeed, empty_index_of_a_missing_shard, index_with_a_list]
STORED = [DATA / "tried" / name for name in ("base", "prefix_fsdp", "rotated_plain", "unmerged_peft")] + [
    DATA / "independents" / "0", DATA / "same_seed" / "a", DEMO, DATA / "gguf" / "Q4_K_M.gguf",
]  # fmt: skip


def written(folder: Path, write: Callable[[Path], None]) -> Path:
    write(folder)
    shutil.copy(DEMO / "config.json", folder)
    return folder / "models--acme--x" if write.__name__.startswith("hub_root") else folder


def both(path: Path) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    return forebear.inspect(path), forebear.compare(path, [path])


def check_agreement(path: Path) -> None:
    """Both verbs opened the same weights and say the same of the folder."""
    inspected, compared = both(path)
    assert compared["verdict"]["relation"] == "identical"
    party = compared["subject"]
    assert (party["container"], party["parameters"]) == (inspected["container"]["kind"], inspected["parameters"])
    assert (party["family"], party["layers"], party["width"]) == (
        inspected["architecture"]["family"], inspected["layers"], inspected["width"],
    )  # fmt: skip
    ours = said(resolve(path).opened().said)
    for document in (inspected, compared):
        assert all(any(sentence in limit for limit in said(document["limits"])) for sentence in ours), document["schema"]


@pytest.mark.parametrize("write", OPENED, ids=lambda f: f.__name__)
def test_compare_and_inspect_of_a_folder_agree(tmp_path: Path, write: Callable[[Path], None]) -> None:
    check_agreement(written(tmp_path, write))


@pytest.mark.parametrize("path", STORED, ids=lambda p: p.name)
def test_compare_and_inspect_of_a_stored_checkpoint_agree(path: Path) -> None:
    check_agreement(path)


@pytest.mark.parametrize("write", REFUSED, ids=lambda f: f.__name__)
def test_compare_and_inspect_refuse_a_folder_for_the_same_reason(tmp_path: Path, write: Callable[[Path], None]) -> None:
    path = written(tmp_path, write)
    reasons = []
    for verb in (lambda: forebear.inspect(path), lambda: forebear.compare(path, [DEMO]), lambda: forebear.compare(DEMO, [path])):
        with pytest.raises(RefusedError) as caught:
            verb()
        reasons.append(str(caught.value))
    assert len(set(reasons)) == 1, reasons


@pytest.mark.parametrize("write", [w for w in OPENED if w is not adapter_alone], ids=lambda f: f.__name__)
def test_whatever_the_files_the_values_are_those_of_the_model(tmp_path: Path, write: Callable[[Path], None]) -> None:
    container = open_checkpoint(written(tmp_path, write)).container
    assert set(container.tensors) == set(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(container.read(name), array)


# What is said


SAID = [
    (stale_index, "names 4 files that are not here, such as 'model-00001-of-00004.safetensors': it was left aside and 'model-00001-of-00002.safetensors' (2 files)"),
    (index_left_behind, "'model.safetensors' was read; left aside: 'model.safetensors.index.json'"), (over_full_index, "1 tensor that none of its files holds, such as 'mtp.fc.weight'"),
    (index_that_left_one_shard_out, "does not name 1 file of its own numbering, such as 'model-00003-of-00003.safetensors'"),
    (index_beside_one_file, "'model.safetensors' was read; left aside: 'model.safetensors.index.json'"),
    (index_that_names_nothing, "'model.safetensors.index.json' names no tensor: it was left aside and 'model-00001-of-00003.safetensors' (3 files) was read"),
    (index_without_a_map, "'model.safetensors.index.json' names no tensor: it was left aside and 'model-00001-of-00003.safetensors' (3 files) was read"),
    (index_that_names_nothing_of_one_file, "'pytorch_model.bin' was read; left aside: 'pytorch_model.bin.index.json'"),
    (several_formats, "'model.safetensors' was read; left aside: 'model.gguf', 'pytorch_model.bin'"),
    (with_adapter, "'pytorch_model.bin' was read; left aside: 'adapter_model.safetensors'"),
    (split_among_others, "left aside: 'model-00001-of-00003.gguf' (3 files)"),
    (stale_index_of_one_file_more, "names 1 file that is not here, such as 'model-00004-of-00004.safetensors': it was left aside and 'model-00001-of-00003.safetensors' (3 files)"),
    (stale_index_with_places_of_before, "names another file than the one that holds the tensor for 39 tensors, such as 'lm_head.weight'"),
    (over_full_index_of_several, "names 4 tensors that none of its files holds, such as 'model.layers.9.q.weight', 'model.layers.9.k.weight'"),
    (index_that_leaves_tensors_out, "does not name 1 tensor of its files, such as 'lm_head.weight': they were read too"),
]  # fmt: skip


@pytest.mark.parametrize(("write", "sentence"), SAID, ids=lambda v: getattr(v, "__name__", ""))
def test_what_was_left_aside_is_named(tmp_path: Path, write: Callable[[Path], None], sentence: str) -> None:
    for document in both(written(tmp_path, write)):
        assert any(sentence in limit for limit in said(document["limits"])), said(document["limits"])


@pytest.mark.parametrize("write", [as_safetensors, as_torch, numbered, indexed, as_split_gguf], ids=lambda f: f.__name__)
def test_a_folder_of_one_set_has_nothing_to_say(tmp_path: Path, write: Callable[[Path], None]) -> None:
    assert open_container(written(tmp_path, write)).said == []  # a trainer's leftovers are no weights


def test_a_part_that_is_named_stands_for_the_whole_and_one_whose_others_are_gone_for_itself(tmp_path: Path) -> None:
    files = shards(tmp_path)
    whole = open_container(tmp_path / files[1])
    assert set(whole.tensors) == set(ARRAYS)
    assert "is one of 3 files that make one model: all of them were read" in said(whole.said)[0]
    (tmp_path / files[0]).unlink()
    part = open_container(tmp_path / files[1])
    assert set(part.tensors) == set(NAMES[1::3])
    assert "it alone was read" in said(part.said)[0]


def test_layouts_that_are_not_read_are_named_with_the_tool_that_converts_them(tmp_path: Path) -> None:
    made = {"dcp/__0_0.distcp": "dcp_to_torch", "fsdp/pytorch_model_fsdp_0/__0_0.distcp": "merge-weights",
            "zero/zero_to_fp32.py": "zero_to_fp32", "zero3/global_step5/zero_pp_rank_0_mp_rank_00_model_states.pt": "zero_to_fp32",
            "inner/bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt": "zero_to_fp32",
            "megatron/iter_0000100/mp_rank_00/model_optim_rng.pt": "Megatron", "rank/model_optim_rng.pt": "Megatron"}  # fmt: skip
    for name, tool in made.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"x")
        with pytest.raises(RefusedError, match="cut across the processes") as caught:
            open_container(tmp_path / name.partition("/")[0])
        assert tool in caught.value.todo
    (tmp_path / "outer" / "original").mkdir(parents=True)
    as_safetensors(tmp_path / "outer" / "original")
    with pytest.raises(RefusedError, match=r"the folders in it hold some \('original'\)"):
        open_container(tmp_path / "outer")


# Which set is taken


@pytest.mark.parametrize(("names", "first"), [
    (["model.safetensors", "model.onnx", "pytorch_model.bin"], "model.safetensors"),
    (["consolidated.safetensors", INDEX, "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"], INDEX),
    (["adapter_model.safetensors", "pytorch_model.bin"], "pytorch_model.bin"), (["adapter_model.bin", "training_args.bin"], "adapter_model.bin"),
    (["model-Q4_K_M.gguf", "mmproj-model-f16.gguf"], "model-Q4_K_M.gguf"), (["a.gguf", "b.gguf"], None), (["tf_model.h5"], None),
    (["a.safetensors", "b.gguf"], "a.safetensors"), (["a-00001-of-00002.safetensors", "b-00001-of-00002.safetensors"], None),
    (["x.fp16.safetensors", "model.safetensors"], "model.safetensors"), (["optimizer.pt", "model.pt"], "model.pt"),
    (["consolidated.00.pth", "consolidated.01.pth"], "consolidated.00.pth"), (["consolidated.00.pth", "x.pth"], "consolidated.00.pth"),
])  # fmt: skip
def test_names_alone_say_which_set_is_the_model(names: list[str], first: str | None) -> None:
    taken = chosen(weight_sets(names))
    assert (taken.first if taken else None) == first


def test_sets_are_told_apart_by_their_names() -> None:
    names = ["a-00001-of-00002.gguf", "a-00002-of-00002.gguf", "b_00001-of-00001.safetensors", "consolidated.00.pth",
             "consolidated.02.pth", "pytorch_model.bin.index.json", "pytorch_model-00001-of-00001.bin", "x.npz"]  # fmt: skip
    found = [(one.kind, one.first, len(one.files), bool(one.lacks)) for one in weight_sets(names)]
    assert found == [
        (Kind.SPLIT, "a-00001-of-00002.gguf", 2, False), (Kind.NUMBERED, "b_00001-of-00001.safetensors", 1, False),
        (Kind.RANKS, "consolidated.00.pth", 2, True), (Kind.INDEX, "pytorch_model.bin.index.json", 1, False), (Kind.FILE, "x.npz", 1, False),
    ]  # fmt: skip


# Folders of models


def test_a_split_gguf_is_one_model_among_others_of_its_folder(tmp_path: Path) -> None:
    as_split_gguf(tmp_path)
    assert members_in(tmp_path) == []
    as_gguf(tmp_path)
    (tmp_path / "model.gguf").rename(tmp_path / "other.gguf")
    assert [Path(m).name for m in members_in(tmp_path)] == ["model-00001-of-00003.gguf", "other.gguf"]
    document = forebear.compare(tmp_path)
    assert [pair["relation"] for pair in document["pairs"]] == ["identical"]


def test_a_file_among_folders_of_models_is_one_of_them_in_both_verbs(tmp_path: Path) -> None:
    save_file(ARRAYS, tmp_path / "merged.safetensors")
    shutil.copytree(DEMO, tmp_path / "base")
    (tmp_path / "notes").mkdir()
    assert [Path(m).name for m in members_in(tmp_path)] == ["base", "merged.safetensors"]
    with pytest.raises(RefusedError, match=r"1 weight file and 1 folder of models \('merged.safetensors', 'base'\)"):
        forebear.inspect(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    assert members_in(tmp_path) == []
    assert forebear.inspect(tmp_path)["container"]["names"] == ("merged.safetensors",)


def test_a_hub_cache_is_a_folder_of_models_and_its_root_follows_its_reference(tmp_path: Path) -> None:
    hub_root(tmp_path)
    shutil.copytree(DEMO, tmp_path / "other")
    assert [Path(m).name for m in members_in(tmp_path)] == ["models--acme--x", "other"]
    root = tmp_path / "models--acme--x"
    assert forebear.compare(root, [DEMO])["verdict"]["relation"] == "identical"
    assert forebear.inspect(root)["tokenizer"]["tokens"] == 512
    (root / "refs" / "main").unlink()
    with pytest.raises(RefusedError, match="holds 2 snapshots and refs/main names none of them"):
        open_container(root)
    shutil.rmtree(root / "snapshots" / "old")
    assert set(open_container(root).tensors) == set(ARRAYS)
    (root / "snapshots" / "abc" / "model.safetensors").unlink()
    (root / "snapshots" / "abc" / "model.safetensors").write_text("../../blobs/aa")
    with pytest.raises(RefusedError, match="copied as text"):
        open_container(root)


# Ranks


META = {"self_attn.q_proj": "attention.wq", "self_attn.k_proj": "attention.wk", "self_attn.v_proj": "attention.wv",
        "self_attn.o_proj": "attention.wo", "mlp.gate_proj": "feed_forward.w1", "mlp.down_proj": "feed_forward.w2",
        "mlp.up_proj": "feed_forward.w3", "input_layernorm": "attention_norm", "post_attention_layernorm": "ffn_norm",
        "embed_tokens": "tok_embeddings", "lm_head": "output"}  # fmt: skip


def meta(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Under the names of the published originals."""
    out = {}
    for name, array in arrays.items():
        for ours, theirs in META.items():
            name = name.replace(ours, theirs)
        out[name.removeprefix("model.")] = array
    return out


def cut(arrays: Mapping[str, np.ndarray], ranks: int, embedding: int = 1) -> list[dict[str, Any]]:
    """What each rank of a model-parallel run keeps. embedding: the axis along which the embedding is cut."""
    made: list[dict[str, Any]] = [{} for _ in range(ranks)]
    for name, array in arrays.items():
        axis = embedding if "tok_embeddings" in name else 1 if name.endswith(("wo.weight", "w2.weight")) else 0
        parts = [array] * ranks if array.ndim == 1 else np.split(array, ranks, axis)
        for rank, part in zip(made, parts, strict=True):
            rank[name] = torch.from_numpy(np.ascontiguousarray(part))
    return made


@pytest.mark.parametrize(("ranks", "embedding"), [(2, 1), (2, 0), (4, 1)])
def test_files_of_ranks_are_put_together(tmp_path: Path, ranks: int, embedding: int) -> None:
    arrays = meta(ARRAYS)
    for rank, part in enumerate(cut(arrays, ranks, embedding)):
        torch.save(part, tmp_path / f"consolidated.{rank:02d}.pth")
    container = open_container(tmp_path)
    rng = np.random.Generator(np.random.PCG64(5))
    for name, array in arrays.items():
        np.testing.assert_array_equal(container.read(name), array)
        rows = rng.integers(0, array.shape[0], 9)
        np.testing.assert_array_equal(container.take(name, rows), array[rows])
        np.testing.assert_array_equal(container.rows(name, 3, 50), array[3:50])
        assert b"".join(bytes(piece) for piece in container.stored(name)) == array.astype(np.float32).tobytes()
    assert f"{ranks} files, one of each rank that trained the model, were put together" in said(container.said)[0]
    assert set(open_container(tmp_path / "consolidated.01.pth").tensors) == set(arrays)


def test_ranks_are_one_model_to_both_verbs(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for folder, made in ((whole, cut(meta(ARRAYS), 1)), (parts, cut(meta(ARRAYS), 2))):
        folder.mkdir()
        for rank, part in enumerate(made):
            torch.save(part, folder / f"consolidated.{rank:02d}.pth")
        (folder / "params.json").write_text(json.dumps({"dim": 64, "n_layers": CONFIG["num_hidden_layers"],
            "n_heads": CONFIG["num_attention_heads"], "n_kv_heads": CONFIG["num_key_value_heads"], "vocab_size": 512}))  # fmt: skip
    check_agreement(parts)
    assert forebear.compare(parts, [whole])["verdict"]["relation"] == "identical"
    assert forebear.inspect(parts)["parameters"] == forebear.inspect(whole)["parameters"]
    (parts / "consolidated.00.pth").unlink()
    with pytest.raises(RefusedError, match="ranks 00 are not here"):
        open_container(parts)


def test_a_matrix_as_wide_as_the_model_on_both_sides_is_cut_as_its_layer_is(tmp_path: Path) -> None:
    rng = np.random.Generator(np.random.PCG64(1))
    arrays = {name: rng.normal(size=shape).astype(np.float32) for name, shape in {
        "layers.0.feed_forward.w1.weight": (32, 16), "layers.0.feed_forward.w2.weight": (16, 32), "norm.weight": (16,)}.items()}  # fmt: skip
    for rank, part in enumerate(cut(arrays, 2)):
        assert part["layers.0.feed_forward.w1.weight"].shape == part["layers.0.feed_forward.w2.weight"].shape == (16, 16)
        torch.save(part, tmp_path / f"consolidated.{rank:02d}.pth")
    container = open_container(tmp_path)
    for name, array in arrays.items():
        np.testing.assert_array_equal(container.read(name), array)


@pytest.mark.parametrize(("ranks", "zeros"), [(2, False), (4, False), (2, True)])
def test_the_bias_of_a_matrix_cut_by_rows_is_cut_too(tmp_path: Path, ranks: int, zeros: bool) -> None:
    """Only the first rank's part of it was read, as the whole; equal parts are no reason to take one of them."""
    rng = np.random.Generator(np.random.PCG64(7))
    shapes = {f"layers.0.attention.{name}": (rows, 32) for name, rows in (("wq", 32), ("wk", 16), ("wo", 32))}
    arrays = {f"{name}.weight": rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    arrays |= {f"{name}.bias": rng.normal(size=rows).astype(np.float32) * (not zeros) for name, (rows, _) in shapes.items()}
    arrays |= {f"{name}.weight": rng.normal(size=32).astype(np.float32) for name in ("norm", "attention_norm", "ffn_norm")}
    for rank, part in enumerate(cut(arrays, ranks)):
        for name in ("wq", "wk"):
            part[f"layers.0.attention.{name}.bias"] = torch.from_numpy(np.split(arrays[f"layers.0.attention.{name}.bias"], ranks)[rank].copy())
        torch.save(part, tmp_path / f"consolidated.{rank:02d}.pth")
    container = open_container(tmp_path)
    for name, array in arrays.items():
        np.testing.assert_array_equal(container.read(name), array)
        np.testing.assert_array_equal(container.rows(name, 3, 15), array[3:15])
        assert b"".join(bytes(piece) for piece in container.stored(name)) == array.tobytes()


def test_a_vector_that_differs_between_ranks_and_is_no_bias_is_refused(tmp_path: Path) -> None:
    for rank in range(2):
        torch.save({"w.weight": torch.ones(8, 16), "norm.weight": torch.full((16,), float(rank))}, tmp_path / f"consolidated.{rank:02d}.pth")
    with pytest.raises(RefusedError, match=r"norm.weight.*does not show along which axis it is cut into 2 files"):
        open_container(tmp_path)


def test_ranks_that_do_not_agree_or_do_not_show_how_they_are_cut_are_refused(tmp_path: Path) -> None:
    one, two = cut({"w": np.ones((6, 10), np.float32), "norm.weight": np.ones(16, np.float32)}, 2)
    for rank, part in enumerate((one, two)):
        torch.save(part, tmp_path / f"consolidated.{rank:02d}.pth")
    with pytest.raises(RefusedError, match="does not show along which axis it is cut into 2 files"):
        open_container(tmp_path)
    torch.save({**two, "w": torch.ones(2, 2)}, tmp_path / "consolidated.01.pth")
    with pytest.raises(RefusedError, match="another shape or type"):
        open_container(tmp_path)


# At an address


def test_a_repository_is_resolved_as_a_folder_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, as_split_gguf)
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    files |= {f"inner/{name}": data for name, data in files.items()}
    with serve(Hub(files)) as far:
        monkeypatch.setenv("HF_ENDPOINT", far.address)
        for address in ("hf://org/name", f"hf://org/name@{COMMIT}/model-00002-of-00003.gguf", "hf://org/name@main/inner"):
            assert set(open_checkpoint(address).container.tensors) == set(ARRAYS)
    (tmp_path / "model-00002-of-00003.gguf").unlink()
    shards(tmp_path)
    adapter(tmp_path)
    with serve(Hub({path.name: path.read_bytes() for path in tmp_path.iterdir()})) as far:
        monkeypatch.setenv("HF_ENDPOINT", far.address)
        container = open_container("hf://org/name")
        assert set(container.tensors) == set(ARRAYS)
        assert container.said == open_container(tmp_path).said != []


def test_weights_of_an_inner_folder_bring_the_configuration_of_their_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "models--org--name" / "snapshots" / COMMIT
    place.mkdir(parents=True)
    for name in ("config.json", "tokenizer.json"):
        shutil.copy(DEMO / name, place)
    (place / "plain").mkdir()
    shutil.copy(DEMO / "model.safetensors", place / "plain")
    files = {path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*") if path.is_file()}
    with serve(Hub(files)) as far:
        monkeypatch.setenv("HF_ENDPOINT", far.address)
        for cached in (False, True):
            monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path if cached else tmp_path / "none"))
            for offline in ("0", "1") if cached else ("0",):
                monkeypatch.setenv("HF_HUB_OFFLINE", offline)
                opened = open_checkpoint(f"hf://org/name@{COMMIT}/plain/model.safetensors")
                assert (opened.family, opened.container.grain_bytes > 1) == ("llama", not cached)
                assert opened.inner_vocabulary is not None
                vocabulary = opened.inner_vocabulary()
                assert vocabulary is not None
                assert len(vocabulary) == 512


PIECES = "DCP_SHARDING_INFO"
CUT = [f"shard-{rank:05d}-model-00001-of-00001.safetensors" for rank in (1, 2)]


def pieces(folder: Path) -> None:
    """Safetensors as torch.distributed.checkpoint's HuggingFaceStorageWriter leaves them: half of the rows on each of two ranks."""
    for rank, file in enumerate(CUT):
        halves = {name: np.ascontiguousarray(np.array_split(value, 2)[rank]) for name, value in ARRAYS.items()}
        begins = {name: {"saved_offsets": [rank * -(-value.shape[0] // 2), *[0] * (value.ndim - 1)]} for name, value in ARRAYS.items()}
        save_file(halves, folder / file, metadata={PIECES: json.dumps(begins), "DCP_VERSION": "1.0"})


@pytest.mark.parametrize("typed", ["", *CUT])
def test_pieces_of_tensors_in_safetensors_are_named_and_never_taken_for_a_model(typed: str, tmp_path: Path) -> None:
    """One rank's file was read as a model of half the width, and nothing was said."""
    pieces(tmp_path)
    with pytest.raises(RefusedError, match="pieces that one process held") as refusal:
        forebear.inspect(tmp_path / typed)
    assert "enable_consolidation" in refusal.value.todo
    with pytest.raises(RefusedError, match="pieces that one process held"):
        forebear.compare(tmp_path / typed, [tmp_path / typed])


def test_a_consolidated_model_beside_its_pieces_is_read(tmp_path: Path) -> None:
    (tmp_path / "sharded").mkdir()
    pieces(tmp_path / "sharded")
    shards(tmp_path, count=1)
    assert set(open_container(tmp_path).tensors) == set(ARRAYS)


def test_shards_whose_names_only_look_like_pieces_are_read_or_listed_as_before(tmp_path: Path) -> None:
    files = shards(tmp_path, count=2, stem="shard-00001-model")
    assert set(open_container(tmp_path).tensors) == set(ARRAYS)
    assert set(open_container(tmp_path / files[0]).tensors) == set(ARRAYS)


def test_a_path_misspelt_by_a_letter_is_refused_with_the_one_beside_it(tmp_path: Path) -> None:
    (tmp_path / "sre-embedding").mkdir()
    for given, near in (("sre-embeding", True), ("another", False)):
        with pytest.raises(RefusedError) as refused:
            resolve(tmp_path / given)
        assert ("sre-embedding' is there" in str(refused.value)) is near
        assert "no such file or folder" in str(refused.value)
    with pytest.raises(RefusedError, match="no such file"):
        resolve(tmp_path / "nowhere" / "at all")
