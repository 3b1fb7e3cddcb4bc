"""Checkpoints as training systems write them: every value is that of the model, bit for bit, and both verbs agree.

tests/data/trainers: DCP, FSDP, FSDP2 and Lightning files by the libraries themselves over two and four processes, ZeRO by
DeepSpeed 0.19.8; Megatron-LM and NeMo after their published layout (scripts/make_trainer_fixtures.py).
"""

from __future__ import annotations

import io
import re
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import forebear
from forebear.core.errors import RefusedError
from forebear.files.bytes.folder import LocalFolder
from forebear.files.sources import open_container, resolve
from forebear.reports.catalogue import catalogue
from tests.files.hub_server import Hub, serve
from tests.files.test_folders import check_agreement
from tests.said import said

DATA = Path(__file__).resolve().parent.parent / "data" / "trainers"
WHOLE, HALF, MEGATRON = "whole.safetensors", "whole-bf16.safetensors", "whole-megatron.safetensors"
FIXTURES = {
    "dcp_rows": WHOLE, "dcp_flat": WHOLE, "dcp_mesh": WHOLE, "fsdp1": WHOLE, "fsdp1/pytorch_model_fsdp_0": WHOLE, "fsdp2": WHOLE,
    "fsdp2_tp": WHOLE, "zero1": HALF, "zero2": HALF, "zero3": HALF, "zero3/global_step1": HALF, "megatron_tp": MEGATRON,
    "megatron_tp_pp": MEGATRON, "megatron_tp/iter_0000100": MEGATRON, "lightning": WHOLE, "nemo": WHOLE,
}  # fmt: skip
"""Fixture -> the file that holds its values."""


def check_values(path: Path, whole: str) -> None:
    """Every tensor by its name, whole, by rows and by its stored bytes."""
    container, expected = open_container(path), open_container(DATA / whole)
    prefix = "model." if path.name in ("lightning", "nemo") else ""
    assert set(container.tensors) == {prefix + name for name in expected.tensors}
    for name, entry in expected.tensors.items():
        found, values = container.read(prefix + name), expected.read(name)
        np.testing.assert_array_equal(found.view(np.uint32), values.view(np.uint32), err_msg=name)
        rows = [entry.shape[0] - 1, 0, entry.shape[0] // 2]
        np.testing.assert_array_equal(container.take(prefix + name, rows), expected.take(name, rows))
        np.testing.assert_array_equal(container.rows(prefix + name, 1, 3), values[1:3])
        if container.tensors[prefix + name].dtype == entry.dtype:
            assert b"".join(map(bytes, container.stored(prefix + name))) == b"".join(map(bytes, expected.stored(name)))
    container.close()


@pytest.mark.parametrize("name", FIXTURES)
def test_every_value_is_that_of_the_model(name: str) -> None:
    check_values(DATA / name, FIXTURES[name])


@pytest.fixture
def copy(tmp_path: Path) -> Callable[[str], Path]:
    """A fixture with its configuration, to be changed."""

    def copied(name: str) -> Path:
        shutil.copytree(DATA / name, tmp_path / name.replace("/", "-"))
        if not name.startswith("megatron"):
            shutil.copy(DATA / "config.json", tmp_path / name.replace("/", "-"))
        return tmp_path / name.replace("/", "-")

    return copied


@pytest.mark.parametrize("name", FIXTURES)
def test_compare_and_inspect_agree_and_find_the_model_itself(copy: Callable[[str], Path], name: str) -> None:
    path = copy(name)
    check_agreement(path)
    if not name.startswith("megatron"):
        plain = path.parent / "plain"
        plain.mkdir()
        shutil.copy(DATA / FIXTURES[name], plain / "model.safetensors")
        shutil.copy(DATA / "config.json", plain)
        assert forebear.compare(path, [plain])["verdict"]["relation"] == "identical"


def refusal(path: Path) -> str:
    """Why a folder is refused: the same reason for both verbs, with the tool that converts it."""
    with pytest.raises(RefusedError) as caught:
        forebear.inspect(path)
    with pytest.raises(RefusedError) as other:
        forebear.compare(path, [path])
    assert str(caught.value) == str(other.value)
    return str(caught.value)


MISSING = {
    "dcp_rows": ("__1_0.distcp", "the file '__1_0.distcp' of this checkpoint is missing", "dcp_to_torch"),
    "fsdp2": ("model_world_size_2_rank_1.pt", "cut over 2 ranks; 1 file here holds", "full_tensor"),
    "fsdp2_tp": ("model_world_size_4_rank_2.pt", "cut over 4 ranks; 3 files here hold", "full_tensor"),
    "zero3": ("global_step1/bf16_zero_pp_rank_1_mp_rank_00_optim_states.pt", "2 partitions belong together and those of 1", "zero_to_fp32"),
    "megatron_tp": ("iter_0000100/mp_rank_01/model_optim_rng.pt", "no such file", "Megatron"),
    "megatron_tp_pp": ("iter_0000100/mp_rank_01_001", "make no grid of tensor and pipeline parallelism", "Megatron"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISSING)
def test_a_missing_part_is_named_with_the_tool_that_joins_the_whole(copy: Callable[[str], Path], name: str) -> None:
    path, (part, reason, tool) = copy(name), MISSING[name]
    if (path / part).is_dir():
        shutil.rmtree(path / part)
    else:
        (path / part).unlink()
    said = refusal(path)
    assert reason in said
    assert tool in said


def test_zero_without_its_full_precision_is_read_as_it_was_trained_with_and_that_is_said(copy: Callable[[str], Path]) -> None:
    path = copy("zero2")
    for file in (path / "global_step1").glob("*rank_1*"):
        file.unlink()
    check_values(path, HALF)
    container = open_container(path)
    assert {entry.dtype for entry in container.tensors.values()} == {"BF16"}
    assert any("not the full precision of the optimizer (2 partitions belong together" in one for one in said(container.said))
    (copies,) = [one.document() for one in container.said if one.key == "folder.zero_copies"]
    for language, words in (("ja", "2 個の区画で一組"), ("zh-Hans", "应有 2 个分区"), ("zh-Hant", "應有 2 個分區")):
        assert words in catalogue(language).text(copies)


@pytest.mark.parametrize("language", ["ja", "zh-Hans", "zh-Hant"])
def test_a_refusal_that_a_document_repeats_is_in_its_language_to_the_last_word(copy: Callable[[str], Path], language: str) -> None:
    path = copy("zero3")
    for file in (path / "global_step1").glob("*rank_1*"):
        file.unlink()
    with pytest.raises(RefusedError, match="2 partitions belong together and those of 1 rank are here") as error:
        open_container(path)
    repeated = catalogue(language).text(error.value.message().document()).replace(str(path), "")
    assert re.findall(r"[a-z]{2,} [a-z]{2,} [a-z]{2,}", repeated) == []


def test_of_several_steps_the_one_that_the_note_names_is_read_and_the_others_are_named(copy: Callable[[str], Path]) -> None:
    path = copy("zero2")
    shutil.copytree(path / "global_step1", path / "global_step20")
    assert resolve(path).taken.first.startswith("global_step1/")
    assert any("left aside: 'global_step20/" in one for one in said(open_container(path).said))
    (path / "latest").unlink()
    assert resolve(path).taken.first.startswith("global_step20/")
    path = copy("megatron_tp")
    shutil.copytree(path / "iter_0000100", path / "iter_0000200")
    assert resolve(path).taken.first.startswith("iter_0000100/")


@pytest.mark.parametrize(
    ("name", "left"),
    [("zero2", "'global_step1/bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt' (3 files)"), ("dcp_rows", "'__0_0.distcp' (2 files)"),
     ("megatron_tp", "'iter_0000100/mp_rank_00/model_optim_rng.pt' (2 files)"), ("fsdp2", "'model_world_size_2_rank_0.pt' (2 files)")],
)  # fmt: skip
def test_weights_in_a_usual_file_are_the_model_and_what_a_trainer_keeps_is_named_as_left_aside(
    copy: Callable[[str], Path], name: str, left: str
) -> None:
    path = copy(name)
    shutil.copy(DATA / WHOLE, path / "model.safetensors")
    assert resolve(path).taken.first == "model.safetensors"
    (aside,) = [one for one in said(open_container(path).said) if "left aside" in one]
    assert f"'model.safetensors' was read; left aside: {left}" in aside
    check_agreement(path)


def test_an_inner_folder_that_cannot_be_looked_into_hides_no_model(copy: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = copy("zero2")
    shutil.copy(DATA / WHOLE, path / "model.safetensors")
    names = LocalFolder.names

    def closed(folder: LocalFolder) -> Iterator[str]:
        if folder.path.name == "global_step1":
            raise RefusedError("no permission to read it", where=folder.where)
        return names(folder)

    monkeypatch.setattr(LocalFolder, "names", closed)
    assert set(open_container(path).tensors) == set(open_container(DATA / WHOLE).tensors)


def test_what_is_not_the_model_is_left_out_and_named() -> None:
    container = open_container(DATA / "dcp_flat")
    assert any("4 tensors that are not the model's, such as 'optimizer.state" in one for one in said(container.said))
    assert "the tensors are those under 'state_dict'" in said(open_container(DATA / "lightning").odd)[0]


def test_a_dtensor_of_one_process_is_whole(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    tensor = pytest.importorskip("torch.distributed.tensor")
    dist = torch.distributed
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'group'}", rank=0, world_size=1)
    try:
        mesh = dist.device_mesh.init_device_mesh("cpu", (1,))
        value = torch.arange(12.0).reshape(4, 3)
        torch.save({"a.weight": tensor.distribute_tensor(value, mesh, [tensor.Shard(0)])}, tmp_path / "pytorch_model.bin")
    finally:
        dist.destroy_process_group()
    np.testing.assert_array_equal(open_container(tmp_path).read("a.weight"), value.numpy())


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:") as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def inside(name: str, start: str) -> dict[str, bytes]:
    """A fixture's files as members of an archive."""
    folder = DATA / name
    return {f"{start}{p.relative_to(folder)}": p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_archives_that_hold_a_folder_of_dcp_or_one_file_a_rank_are_read(tmp_path: Path) -> None:
    check_values(archive(tmp_path / "dcp.nemo", inside("dcp_rows", "./model_weights/")), WHOLE)
    ranks = {name.replace("model_optim_rng.pt", "model_weights.ckpt"): data for name, data in inside("megatron_tp/iter_0000100", "").items()}
    check_values(archive(tmp_path / "ranks.nemo", {"model_config.yaml": b"a: 1\n", **ranks}), MEGATRON)


def test_archives_of_other_kinds_are_named(tmp_path: Path) -> None:
    weights = inside("nemo", "")["model.nemo"]
    made = {
        "two.nemo": ({"a.ckpt": weights, "b.ckpt": weights}, "holds 2 sets of weights ('a.ckpt', 'b.ckpt')"),
        "none.nemo": ({"model_config.yaml": b"a: 1\n"}, "holds no weights that are read"),
        "zarr.nemo": ({"model_weights/a.weight/.zarray": b"{}"}, "holds no weights that are read"),
    }
    for name, (members, reason) in made.items():
        with pytest.raises(RefusedError, match="tar -xf") as caught:
            open_container(archive(tmp_path / name, members))
        assert reason in str(caught.value)


# At an address


@pytest.mark.parametrize("name", ["dcp_rows", "dcp_flat", "fsdp1", "zero2", "megatron_tp", "fsdp2"])
def test_a_repository_that_holds_a_checkpoint_in_pieces_is_read_at_its_address(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {path.relative_to(DATA / name).as_posix(): path.read_bytes() for path in (DATA / name).rglob("*") if path.is_file()}
    here = open_container(DATA / name)
    with serve(Hub(files)) as far:
        monkeypatch.setenv("HF_ENDPOINT", far.address)
        there = open_container("hf://org/name")
        assert set(there.tensors) == set(here.tensors)
        for tensor in here.tensors:
            np.testing.assert_array_equal(there.read(tensor), here.read(tensor))
        assert there.said == here.said


def test_chunks_at_an_address_without_their_metadata_are_refused_with_the_tool_that_joins_them(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {path.name: path.read_bytes() for path in (DATA / "dcp_rows").iterdir() if path.name != ".metadata"}
    with serve(Hub(files)) as far:
        monkeypatch.setenv("HF_ENDPOINT", far.address)
        with pytest.raises(RefusedError) as error:
            open_container("hf://org/name")
    assert "a checkpoint of torch.distributed.checkpoint (DCP)" in str(error.value)
    assert "dcp_to_torch" in str(error.value)
    del files["__1_0.distcp"]
    files[".metadata"] = (DATA / "dcp_rows" / ".metadata").read_bytes()
    with serve(Hub(files)) as far:
        monkeypatch.setenv("HF_ENDPOINT", far.address)
        with pytest.raises(RefusedError, match=r"the file '__1_0.distcp' of this checkpoint is missing"):
            open_container("hf://org/name")
