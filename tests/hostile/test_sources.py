"""A path that is no checkpoint is refused in one line, whatever stands there; nothing hangs, nothing outside is read."""

from __future__ import annotations

import errno
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forebear.core.errors import RefusedError
from forebear.files.formats.safetensors import SafetensorsContainer
from forebear.files.sources import open_container
from tests.files.make import encode, write
from tests.said import said as english

GOOD = encode({"w": ("U8", (4,), b"abcd")})
OTHER = encode({"v": ("U8", (2,), b"xy")})
INDEX = "model.safetensors.index.json"
WEIGHT_MAP = {"w": "model-00001-of-00002.safetensors", "v": "model-00002-of-00002.safetensors"}


def refusal(path: str | Path) -> str:
    """The one line that opening a path gives."""
    with pytest.raises(RefusedError) as caught:
        open_container(path)
    message = str(caught.value)
    assert message.isprintable()
    assert caught.value.where
    assert caught.value.todo
    return message


def shards(folder: Path, weight_map: Any = WEIGHT_MAP, **more: Any) -> Path:
    """A folder of two shards and an index."""
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "model-00001-of-00002.safetensors", GOOD)
    write(folder / "model-00002-of-00002.safetensors", OTHER)
    (folder / INDEX).write_text(json.dumps({"metadata": {"total_size": 6}, "weight_map": weight_map, **more}))
    return folder


# Paths


def test_a_missing_path_is_said_to_be_missing(tmp_path: Path) -> None:
    assert "no such file or folder" in refusal(tmp_path / "none")
    assert "no such file or folder" in refusal(write(tmp_path / "file", GOOD) / "inner")


@pytest.mark.parametrize("content", [{}, {"config.json": b"{}"}, {"notes.txt": b"x"}, {".hidden.safetensors": GOOD}])
def test_a_folder_without_weights_is_said_to_have_none(tmp_path: Path, content: dict[str, bytes]) -> None:
    for name, data in content.items():
        write(tmp_path / name, data)
    assert "a folder without weights" in refusal(tmp_path)


def test_a_folder_named_like_a_file_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").mkdir()
    assert "a folder without weights" in refusal(tmp_path / "model.safetensors")
    assert "is a folder, not a file" in refusal(tmp_path)


def test_a_link_that_leads_back_to_itself_is_refused(tmp_path: Path) -> None:
    loop = tmp_path / "loop.safetensors"
    loop.symlink_to(loop)
    assert "leads back to itself" in refusal(loop)
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert "leads back to itself" in refusal(tmp_path / "a")
    assert "leads back to itself" in refusal(tmp_path)  # the folder's only weights are the loop


def test_a_link_to_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").symlink_to(tmp_path / "gone")
    assert "no such file or folder" in refusal(tmp_path)


def test_a_link_to_a_checkpoint_is_followed(tmp_path: Path) -> None:
    write(tmp_path / "real.safetensors", GOOD)
    (tmp_path / "link").symlink_to("real.safetensors")
    assert open_container(tmp_path / "link").read("w").tolist() == [97.0, 98.0, 99.0, 100.0]


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Path]:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        yield tmp_path / "s"


def test_pipes_sockets_and_devices_are_refused_without_waiting(tmp_path: Path, listening: Path) -> None:
    os.mkfifo(tmp_path / "pipe.safetensors")
    assert "is a pipe, not a regular file" in refusal(tmp_path / "pipe.safetensors")
    assert "not a regular file" in refusal(listening)
    assert "is a device, not a regular file" in refusal("/dev/zero")
    assert "is a pipe, not a regular file" in refusal(tmp_path)


@pytest.mark.parametrize(("number", "said"), [
    (errno.EACCES, "no permission to read it"), (errno.EMFILE, "too many open files"), (errno.EIO, "cannot be read"),
])  # fmt: skip
def test_what_the_system_refuses_is_said_plainly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    path = write(tmp_path / "m.safetensors", GOOD)

    def refuse(*_: Any, **__: Any) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("forebear.files.bytes.access.os.open", refuse)
    assert said in refusal(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything; the test above simulates the refusal")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "m.safetensors", GOOD)
    path.chmod(0)
    assert "no permission" in refusal(path)
    (tmp_path / "f").mkdir(mode=0)
    assert "no permission" in refusal(tmp_path / "f")


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000, "/" + "d/" * 3000])
def test_impossible_paths_are_refused(path: str) -> None:
    refusal(path)


@pytest.mark.parametrize("path", ["s3://bucket/m", "gs://bucket/m", "ssh://host/m"])
def test_addresses_of_other_kinds_are_refused_by_name(path: str) -> None:
    assert "no kind of address this version reads" in refusal(path)


def test_an_existing_local_path_wins_over_the_look_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hf:" / "org").mkdir(parents=True)
    write(tmp_path / "hf:" / "org" / "m.safetensors", GOOD)
    assert list(open_container("hf://org/m.safetensors").tensors) == ["w"]


# What stands in a file


@pytest.mark.parametrize(("name", "content", "said"), [
    ("pytorch_model.bin", b"\x80\x02}q\x00.", "pickle"),
    ("model.pkl", b"\x80\x04\x95", "pickle"),
    ("model.safetensors", b"\x80\x04\x95" + bytes(40), "pickle"),
    ("model.h5", b"\x89HDF\r\n\x1a\n", "HDF5"),
    ("x.npy", b"\x93NUMPY\x01\x00", "ends inside its header"),
    ("model.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS pointer"),
    ("notes.txt", b"hello", "no checkpoint format this version knows"),
    ("none", bytes(100), "no checkpoint format this version knows"),
])  # fmt: skip
def test_what_is_not_read_is_refused_by_its_name(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    assert said in refusal(write(tmp_path / name, content))


def test_no_pickle_is_ever_opened(tmp_path: Path) -> None:
    """A pickle that would leave a trace if anything built it; the payload is inert (it makes an empty file)."""
    trace = tmp_path / "trace"
    payload = b"cbuiltins\nopen\n(S'" + str(trace).encode() + b"'\nS'w'\ntR."
    for name, content in (("a.pkl", payload), ("model.safetensors", payload), ("b.bin", b"\x80\x02" + payload)):
        refusal(write(tmp_path / name, content))
    assert not trace.exists()


def test_a_safetensors_file_of_any_name_is_read(tmp_path: Path) -> None:
    for name in ("weights", "model.bin", "model.pt"):
        assert list(open_container(write(tmp_path / name, GOOD)).tensors) == ["w"]


def test_only_pickles_in_a_folder_say_what_to_do(tmp_path: Path) -> None:
    write(tmp_path / "pytorch_model.bin", b"\x80\x02}q\x00.")
    assert "pytorch_model.bin" in refusal(tmp_path) or "pickle" in refusal(tmp_path)


# Several files


def test_an_index_leads_to_every_shard(tmp_path: Path) -> None:
    for path in (shards(tmp_path / "m"), tmp_path / "m" / INDEX):
        container = open_container(path)
        assert container.read("w").tolist() == [97.0, 98.0, 99.0, 100.0]
        assert container.take("v", [1]).tolist() == [121.0]
        assert [p.name for p in container.paths] == list(WEIGHT_MAP.values())
        assert b"".join(bytes(p) for p in container.stored("v")) == b"xy"
        assert container.bytes_read == sum(s.bytes_read for s in container.parts)  # type: ignore[attr-defined]


def test_shards_without_an_index_are_read_when_complete(tmp_path: Path) -> None:
    folder = shards(tmp_path)
    (folder / INDEX).unlink()
    assert sorted(open_container(folder).tensors) == ["v", "w"]
    (folder / WEIGHT_MAP["v"]).unlink()
    assert "1 of 2 shards is here and there is no index" in refusal(folder)


def test_files_that_are_no_set_are_ambiguous(tmp_path: Path) -> None:
    write(tmp_path / "a.safetensors", GOOD)
    assert list(open_container(tmp_path).tensors) == ["w"]
    write(tmp_path / "b.safetensors", OTHER)
    assert "2 weight files and no index ('a.safetensors', 'b.safetensors')" in refusal(tmp_path)
    write(tmp_path / "model.safetensors", OTHER)
    assert list(open_container(tmp_path).tensors) == ["v"]


OUTSIDE = ["../secret.safetensors", "/etc/passwd", "a/../../secret.safetensors", "..", ".", "", "a//b", "C:\\x", "\\\\host\\x",
           "..\\secret.safetensors", "x\0y", "file:///etc/passwd", "./../secret.safetensors"]  # fmt: skip


@pytest.mark.parametrize("shard", OUTSIDE)
def test_a_shard_named_outside_the_folder_is_refused_unread(tmp_path: Path, shard: str) -> None:
    write(tmp_path / "secret.safetensors", GOOD)
    folder = shards(tmp_path / "m", {"w": shard})
    assert "not a file name inside its folder" in refusal(folder)


def test_a_shard_that_is_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "secret.safetensors", GOOD)
    folder = shards(tmp_path / "m", {"w": "inside.safetensors"})
    (folder / "inside.safetensors").symlink_to("../secret.safetensors")
    assert "is a link that leads out of the folder" in refusal(folder)
    (tmp_path / "elsewhere").mkdir()
    write(tmp_path / "elsewhere" / "s.safetensors", GOOD)
    (folder / "sub").symlink_to("../elsewhere")
    (folder / INDEX).write_text(json.dumps({"weight_map": {"w": "sub/s.safetensors"}}))
    assert "is a link that leads out of the folder" in refusal(folder)


def hub_cache(root: Path, inner: str = "") -> Path:
    """A hub cache as the hub's client lays it out: snapshots link to blobs."""
    snapshot = root / "models--org--name" / "snapshots" / "abc123"
    home = snapshot / inner if inner else snapshot
    blobs = root / "models--org--name" / "blobs"
    shards(home)
    blobs.mkdir()
    up = "/".join([".."] * (2 + bool(inner)))
    for number, path in enumerate(sorted(home.iterdir())):
        path.rename(blobs / f"digest{number}")
        path.symlink_to(f"{up}/blobs/digest{number}")
    return home


@pytest.mark.parametrize("inner", ["", "transformer"])
def test_a_hub_cache_is_read_through_its_own_links(tmp_path: Path, inner: str) -> None:
    home = hub_cache(tmp_path, inner)
    assert sorted(open_container(home).tensors) == ["v", "w"]
    assert sorted(open_container(home / INDEX).tensors) == ["v", "w"]


def test_a_hub_cache_whose_links_lead_elsewhere_is_refused(tmp_path: Path) -> None:
    home = hub_cache(tmp_path)
    write(tmp_path / "secret", GOOD)
    (tmp_path / "models--org--other" / "blobs").mkdir(parents=True)
    write(tmp_path / "models--org--other" / "blobs" / "digest0", GOOD)
    for target in ("../../../secret", "../../../models--org--other/blobs/digest0"):
        (home / WEIGHT_MAP["w"]).unlink()
        (home / WEIGHT_MAP["w"]).symlink_to(target)
        assert "is a link that leads out of the folder" in refusal(home)


def test_a_shard_that_is_a_loop_is_refused(tmp_path: Path) -> None:
    folder = shards(tmp_path, {"w": "loop"})
    (folder / "loop").symlink_to("loop")
    assert "leads back to itself" in refusal(folder)


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    folder = shards(tmp_path)
    (folder / WEIGHT_MAP["v"]).unlink()
    assert f"the shard '{WEIGHT_MAP['v']}' is missing" in refusal(folder)


def test_an_index_that_disagrees_with_its_shards_is_said_and_every_tensor_read(tmp_path: Path) -> None:
    swapped = open_container(shards(tmp_path / "a", {"w": WEIGHT_MAP["v"], "v": WEIGHT_MAP["w"]}))
    assert (swapped.read("w").size, swapped.read("v").size) == (4, 2)
    assert any("holds the tensor for 2 tensors, such as 'w', 'v'" in s for s in english(swapped.said))
    absent = open_container(shards(tmp_path / "b", {**WEIGHT_MAP, "u": WEIGHT_MAP["w"]}))
    assert sorted(absent.tensors) == ["v", "w"]
    assert any("1 tensor that none of its files holds, such as 'u'" in s for s in english(absent.said))
    few = open_container(shards(tmp_path / "c", {"w": WEIGHT_MAP["w"]}))
    assert sorted(few.tensors) == ["v", "w"]
    assert any(f"does not name 1 file of its own numbering, such as '{WEIGHT_MAP['v']}'" in s for s in english(few.said))


def test_a_tensor_in_a_shard_that_the_index_does_not_name_is_said_aloud(tmp_path: Path) -> None:
    folder = shards(tmp_path)
    write(folder / WEIGHT_MAP["w"], encode({"w": ("U8", (4,), b"abcd"), "extra": ("U8", (1,), b"e")}))
    container = open_container(folder)
    assert container.read("extra").tolist() == [101.0]
    assert any("does not name 1 tensor of its files, such as 'extra'" in s for s in english(container.said))


def test_a_tensor_in_two_shards_is_read_where_the_index_says_and_refused_without_one(tmp_path: Path) -> None:
    folder = shards(tmp_path)
    write(folder / WEIGHT_MAP["v"], encode({"v": ("U8", (1,), b"x"), "w": ("U8", (1,), b"y")}))
    container = open_container(folder)
    assert container.read("w").size == 4
    assert any("1 tensor is in two files of the index, such as 'w'" in s for s in english(container.said))
    (folder / INDEX).write_text(json.dumps({"weight_map": {"w": WEIGHT_MAP["v"], "v": WEIGHT_MAP["v"], "x": WEIGHT_MAP["w"]}}))
    assert open_container(folder).read("w").tolist() == [121.0]
    (folder / INDEX).unlink()
    assert "tensor 'w' is in two shards" in refusal(folder)


def test_a_damaged_shard_is_named(tmp_path: Path) -> None:
    folder = shards(tmp_path)
    write(folder / WEIGHT_MAP["v"], OTHER[:-1])
    assert f"{WEIGHT_MAP['v']}: truncated" in refusal(folder)


@pytest.mark.parametrize(("content", "said"), [
    (b"", "JSON"), (b"[]", "no weight_map"), (b"{}", "names no tensor"), (b'{"weight_map": null}', "names no tensor"), (b'{"weight_map": []}', "no weight_map"),
    (b'{"weight_map": {"w": 1}}', "no weight_map"), (b'{"weight_map": {}}', "names no tensor"), (b'{"weight_map": ', "JSON"),
    (b'{"weight_map": {"w": "a", "w": "b"}}', "twice"), (b"\xff{}", "UTF-8"), (b"[" * 100_000, "nested too deeply"),
    (b'{"weight_map": {' + b",".join(b'"%d":"%d"' % (i, i) for i in range(10_001)) + b"}}", "10,001 shards"),
    (b'{"n": ' + b"9" * 5000 + b"}", "JSON"), (b'{"x": [' + b"[]," * 1_000_000 + b"1]}", "values"),
    (b" " * (25 * 2**20 + 1), "bytes"),
])  # fmt: skip
def test_a_bad_index_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    write(tmp_path / INDEX, content)
    assert said in refusal(tmp_path)


def test_more_shards_than_file_descriptors_can_be_open_are_read(tmp_path: Path) -> None:
    import resource

    count = 80
    for number in range(count):
        data = bytes([number])
        write(tmp_path / f"m-{number + 1:05}-of-{count:05}.safetensors", encode({f"t{number}": ("U8", (1,), data)}))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    in_use = len(os.listdir("/dev/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (in_use + 40, hard))
    try:
        container = open_container(tmp_path)
        values = [int(container.read(f"t{number}")[0]) for number in range(count)]
        again = [int(container.read(f"t{number}")[0]) for number in (0, 79, 40)]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert values == list(range(count))
    assert again == [0, 79, 40]


# Files that change under the reader


def big(path: Path) -> tuple[SafetensorsContainer, np.ndarray]:
    array = np.arange(3_000_000, dtype="<f4")
    return SafetensorsContainer(write(path, encode({"w": ("F32", array.shape, array.tobytes())}))), array


def test_a_file_truncated_while_it_is_read_is_refused_not_fatal(tmp_path: Path) -> None:
    container, _ = big(tmp_path / "m.safetensors")
    walk = container.stored("w")
    next(walk)
    os.truncate(tmp_path / "m.safetensors", 2**20)
    with pytest.raises(RefusedError, match="changed while it was being read"):
        next(walk)
    with pytest.raises(RefusedError, match="changed while it was being read"):
        container.take("w", [2_999_999])


def test_a_file_rewritten_in_place_is_refused(tmp_path: Path) -> None:
    container, _ = big(tmp_path / "m.safetensors")
    assert container.rows("w", 5, 7).tolist() == [5.0, 6.0]
    with (tmp_path / "m.safetensors").open("r+b") as file:
        file.seek(-4, os.SEEK_END)
        file.write(b"\0\0\0\0")
    os.utime(tmp_path / "m.safetensors", ns=(1, 1))
    with pytest.raises(RefusedError, match="changed while it was being read"):
        container.rows("w", 0, 1)


def test_a_file_replaced_by_another_is_read_on_while_open_and_refused_once_released(tmp_path: Path) -> None:
    container, array = big(tmp_path / "m.safetensors")
    write(tmp_path / "new", OTHER).rename(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(container.rows("w", 9, 12), array[9:12])
    container.release()
    with pytest.raises(RefusedError, match="changed while it was being read"):
        container.rows("w", 9, 12)

