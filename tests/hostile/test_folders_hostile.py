"""Folders that are wrong in one way each: the resolver refuses them with its own line, in little time, or reads the one sound set."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from forebear.core.errors import RefusedError
from forebear.core.limits import MAX_SHARDS
from forebear.files.sources import open_container
from tests.files.make import encode_arrays, write

ONE = encode_arrays({"a": np.ones((2, 2), np.float32)})
TWO = encode_arrays({"b": np.ones((2, 2), np.float32)})
INDEX = "model.safetensors.index.json"
FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


def index(folder: Path, weight_map: object, name: str = INDEX) -> None:
    (folder / name).write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))


def _outside(folder: Path) -> None:
    write(folder.parent / "other.safetensors", ONE)
    index(folder, {"a": "../other.safetensors"})


def _link_out(folder: Path) -> None:
    write(folder.parent / "other.safetensors", ONE)
    (folder / FIRST).symlink_to(folder.parent / "other.safetensors")
    index(folder, {"a": FIRST})


def _loop(folder: Path) -> None:
    (folder / FIRST).symlink_to(folder / SECOND)
    (folder / SECOND).symlink_to(folder / FIRST)
    index(folder, {"a": FIRST})


def _pipe(folder: Path) -> None:
    os.mkfifo(folder / FIRST)
    index(folder, {"a": FIRST})


def _inner_folder(folder: Path) -> None:
    (folder / FIRST).mkdir()
    index(folder, {"a": FIRST})


def _in_two(folder: Path) -> None:
    write(folder / FIRST, ONE)
    write(folder / SECOND, ONE)


def _other_file(folder: Path) -> None:
    write(folder / FIRST, ONE)
    write(folder / SECOND, b"<html>not found</html>")
    index(folder, {"a": FIRST, "b": SECOND})


def _split(folder: Path) -> None:
    write(folder / "m-00001-of-00003.gguf", b"GGUF" + bytes(20))


def _ranks(folder: Path) -> None:
    for rank in (0, 2):
        write(folder / f"consolidated.{rank:02d}.pth", b"PK\3\4")


def _empty_shard(folder: Path) -> None:
    write(folder / FIRST, ONE)
    write(folder / SECOND, b"")


def _huge_number(folder: Path) -> None:
    write(folder / "model-00001-of-99999.safetensors", ONE)


def _many(folder: Path) -> None:
    for number in range(2 * MAX_SHARDS + 1):
        (folder / f"part{number}.safetensors").touch()


def _many_named(folder: Path) -> None:
    index(folder, {str(number): f"{number}.safetensors" for number in range(MAX_SHARDS + 1)})


def _strange_names(folder: Path) -> None:
    for name in ("a\n.safetensors", "b\x1b[31m.safetensors", "\u202ec.safetensors"):
        write(folder / name, ONE)


CASES: dict[str, tuple[Callable[[Path], None], str]] = {
    "an index that leads out": (_outside, "not a file name inside its folder"),
    "an absolute name in an index": (lambda f: index(f, {"a": "/etc/passwd"}), "the index names the shard '/etc/passwd'"),
    "an empty name in an index": (lambda f: index(f, {"a": ""}), "the index names the shard ''"),
    "half a character in an index": (lambda f: index(f, {"a": "\ud800.safetensors"}), "the index names the shard '\\ud800"),
    "a link out of the folder": (_link_out, "is a link that leads out of the folder"),
    "links in a ring": (_loop, "a symbolic link that leads back to itself"),
    "a pipe for a shard": (_pipe, "is a pipe, not a regular file"),
    "a folder for a shard": (_inner_folder, "is a folder, not a file"),
    "an index of numbers": (lambda f: index(f, {"a": 7}), "has no weight_map"),
    "an index that is a list": (lambda f: index(f, ["a"]), "has no weight_map from tensor names"),
    "an index of nothing": (lambda f: index(f, {}), "the index names no tensor"),
    "an index of more files than there are": (_many_named, "shards; at most"),
    "an index of files that are not here": (lambda f: index(f, {"a": FIRST}), "the shard 'model-00001-of-00002.safetensors' is missing"),
    "an index that is no JSON": (lambda f: (f / INDEX).write_text("{" * 5000) and None, "JSON"),
    "one tensor in two shards": (_in_two, "tensor 'a' is in two shards"),
    "a web page for a shard": (_other_file, "a web page, not the file itself"),
    "a split file without its others": (_split, "the part 'm-00002-of-00003.gguf' is missing"),
    "ranks with a gap": (_ranks, "ranks 01 are not here"),
    "a shard without a byte": (_empty_shard, "the file is empty"),
    "one of a hundred thousand": (_huge_number, "1 of 99999 shards is here"),
    "thousands of files": (_many, "weight files"),
    "names that draw on a terminal": (_strange_names, "3 weight files and no index"),
    "nothing but names of ranks of FSDP": (lambda f: (f / "pytorch_model_fsdp_0").mkdir(), "an FSDP checkpoint"),
    "a file with a folder's name of FSDP": (lambda f: write(f / "pytorch_model_fsdp_0", ONE) and None, "a folder without weights"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_each_folder_is_refused_with_its_own_line(tmp_path: Path, case: str) -> None:
    make, wanted = CASES[case]
    folder = tmp_path / "m"
    folder.mkdir()
    make(folder)
    before = sorted(path.name for path in tmp_path.rglob("*"))
    began = time.process_time()
    with pytest.raises(RefusedError) as caught:
        open_container(folder)
    said = str(caught.value)
    assert wanted in said
    assert said.isprintable()
    assert caught.value.said is not None
    assert caught.value.advice is not None
    assert time.process_time() - began < 2
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_the_sound_set_is_read_whatever_lies_around_it(tmp_path: Path) -> None:
    write(tmp_path / FIRST, ONE)
    write(tmp_path / SECOND, TWO)
    index(tmp_path, {"a": FIRST, "b": SECOND})
    index(tmp_path, {"a": "/etc/passwd"}, "other.bin.index.json")
    os.mkfifo(tmp_path / "pipe.pt")
    (tmp_path / "ring.bin").symlink_to("ring.bin")
    found = open_container(tmp_path)
    assert sorted(found.tensors) == ["a", "b"]
    assert found.said
