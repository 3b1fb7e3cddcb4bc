"""One writer: a whole file or none, never in the place of a link, a device, a pipe or an input."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from forebear.core.bounded import read_bounded
from forebear.core.documents import canonical_json
from forebear.core.errors import RefusedError, UsageError
from forebear.core.output import check_output, whole_file, write_whole
from forebear.core.stopping import clear_up, unfinished


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077, 0o002, 0])
def test_a_new_file_has_the_mode_of_the_umask(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_whole(tmp_path / "new", b"x")
    finally:
        os.umask(before)
    assert mode(tmp_path / "new") == 0o666 & ~umask


@pytest.mark.parametrize("had", [0o600, 0o640, 0o664, 0o755, 0o666])
def test_a_file_that_exists_keeps_its_mode(tmp_path, had):
    target = tmp_path / "old"
    target.write_bytes(b"long before")
    target.chmod(had)
    write_whole(target, b"now")
    assert (target.read_bytes(), mode(target)) == (b"now", had)
    assert os.listdir(tmp_path) == ["old"]


def test_a_file_that_root_replaces_keeps_its_owner(tmp_path):
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root may give files away")
    target = tmp_path / "old"
    target.write_bytes(b"x")
    os.chown(target, 12345, 23456)
    target.chmod(0o640)
    write_whole(target, b"y")
    assert (target.stat().st_uid, target.stat().st_gid, mode(target)) == (12345, 23456, 0o640)


def odd_things(folder: Path) -> dict[str, Path]:
    """Whatever is no regular file, each with what must not change; sockets and pipes included."""
    precious = folder / "precious"
    precious.write_bytes(b"precious")
    made = {name: folder / name for name in ("link", "dangling", "folder link", "pipe", "socket", "folder", "loop")}
    made["link"].symlink_to(precious)
    made["dangling"].symlink_to(folder / "not there")
    made["folder"].mkdir()
    made["folder link"].symlink_to(made["folder"])
    made["loop"].symlink_to(made["loop"])
    os.mkfifo(made["pipe"])
    socket.socket(socket.AF_UNIX).bind(str(made["socket"]))
    return made | {
        device: Path(device) for device in ("/dev/null", "/dev/full", "/dev/zero", "/dev/tty", "/dev/stdout")
    }


def test_nothing_but_a_regular_file_is_replaced(tmp_path):
    things = odd_things(tmp_path)
    before = {name: os.lstat(path) for name, path in things.items()}
    for name, path in things.items():
        with pytest.raises(RefusedError, match=r"is a (link|folder|pipe|device|socket)"):
            write_whole(path, b"new")
        with pytest.raises(UsageError, match=r"is a (link|folder|pipe|device|socket)"):
            check_output(path)
        assert os.lstat(path)[:3] == before[name][:3], name
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert not (tmp_path / "not there").exists()
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def test_a_link_on_the_way_to_the_folder_is_followed(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "way").symlink_to(tmp_path / "real")
    write_whole(tmp_path / "way" / "x", b"x")
    assert (tmp_path / "real" / "x").read_bytes() == b"x"


def test_what_was_read_is_no_output_by_any_of_its_names(tmp_path):
    read, other = tmp_path / "read.json", tmp_path / "other.json"
    read.write_bytes(b"{}")
    other.write_bytes(b"{}")
    os.link(read, tmp_path / "hard link")
    check_output(read)  # not read yet
    read_bounded(read, 100)
    for path in (read, tmp_path / "hard link", tmp_path / "." / "read.json"):
        with pytest.raises(UsageError, match="is an input of this run"):
            check_output(path)
    check_output(other)
    check_output(tmp_path / "new")


def test_a_file_that_took_the_number_of_one_that_was_read_is_an_output(tmp_path):
    read, new = tmp_path / "read.json", tmp_path / "new.json"
    read.write_bytes(b"{}")
    read_bounded(read, 100)
    new.write_bytes(b"[]")
    os.replace(new, read)  # another file under the name
    check_output(read)
    new.write_bytes(b"{}")
    read_bounded(new, 100)
    os.utime(new, ns=(0, 0))  # the system numbers files anew when it likes; a change is what a test can make
    check_output(new)


@pytest.mark.parametrize("name", ["x\0y", "x\ud800y", "y" * 300, "no/such/folder", "file/below"])
def test_a_name_that_cannot_be_made_is_refused_and_leaves_nothing(tmp_path, name):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RefusedError):
        write_whole(tmp_path / name, b"x")
    assert os.listdir(tmp_path) == ["file"]


def test_a_file_this_user_may_not_write_is_kept(tmp_path, monkeypatch):
    target = tmp_path / "kept"
    target.write_bytes(b"kept")
    monkeypatch.setattr(os, "access", lambda path, mode: not (Path(path) == target and mode == os.W_OK))
    with pytest.raises(RefusedError, match="not to be written"):
        write_whole(target, b"new")
    assert target.read_bytes() == b"kept"


@pytest.mark.parametrize("room", [0, 1, 4096, 99_999])
def test_a_disk_without_room_leaves_the_old_file_and_no_other(tmp_path, room):
    target = tmp_path / "out"
    target.write_bytes(b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        with pytest.raises(RefusedError, match=r"cannot be written \(File too large\)"):
            write_whole(target, b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (os.listdir(tmp_path), target.read_bytes()) == (["out"], b"old")


def test_an_error_inside_the_block_leaves_the_old_file_and_no_other(tmp_path):
    target = tmp_path / "out"
    target.write_bytes(b"old")

    def stopped() -> None:
        with whole_file(target) as out:
            out.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert (os.listdir(tmp_path), target.read_bytes()) == (["out"], b"old")


def test_what_is_unfinished_is_cleared_up_and_links_in_it_are_not_followed(tmp_path):
    kept, folder, file = tmp_path / "kept", tmp_path / "half a seal", tmp_path / "half a file"
    kept.mkdir()
    (kept / "inner").write_bytes(b"kept")
    with unfinished(folder), unfinished(file), unfinished(tmp_path / "never made"):
        (folder / "data" / "deep").mkdir(parents=True)
        (folder / "data" / "deep" / "x").write_bytes(b"x")
        (folder / "data" / "way out").symlink_to(kept)
        file.write_bytes(b"x")
        clear_up()
        assert sorted(os.listdir(tmp_path)) == ["kept"]
    assert (kept / "inner").read_bytes() == b"kept"
    with unfinished(file):
        file.write_bytes(b"whole")
        file.rename(tmp_path / "final")
    assert (tmp_path / "final").read_bytes() == b"whole"
    clear_up()
    assert sorted(os.listdir(tmp_path)) == ["final", "kept"]


STEERING = [
    *map(chr, range(0x7F, 0xA0)),
    *"\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
]


def test_json_escapes_what_steers_a_terminal_and_stays_the_same_document():
    document = {f"k{c}": [c, f"\\{c}", f"a\\\\{c}"] for c in [*STEERING, "\x1b", "\x00", "\ud800"]} | {"見": "文書 é"}
    written = canonical_json(document)
    assert json.loads(written.decode()) == document
    assert not set(written.decode()) & {*STEERING, "\x1b", "\x00"}
    assert "見".encode() in written


PROGRAM = """
import sys, time
from pathlib import Path
from forebear.core.output import whole_file
with whole_file(Path(sys.argv[1])) as out:
    out.write(b"half")
    out.flush()
    print("ready", flush=True)
    time.sleep(60)
"""


def test_sigkill_in_the_middle_of_writing_leaves_the_old_file_and_the_next_try_works(tmp_path):
    target = tmp_path / "out"
    target.write_bytes(b"old")
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(target)], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGKILL)
    assert target.read_bytes() == b"old"
    write_whole(target, b"new")
    assert target.read_bytes() == b"new"
    assert [name for name in os.listdir(tmp_path) if not name.startswith(".")] == ["out"]
