"""Files that somebody names: regular ones are read within bounds, everything else is refused at once."""

from __future__ import annotations

import os
import socket

import pytest

from forebear.core.bounded import confined, open_regular, parse_json, read_bounded
from forebear.core.errors import RefusedError
from forebear.files.bytes.access import PositionedFile


def special(kind, tmp_path):
    place = tmp_path / kind
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(place))
    elif kind == "folder":
        place.mkdir()
    elif kind == "loop":
        place.symlink_to(place)
    elif kind == "link to a pipe":
        os.mkfifo(tmp_path / "inner")
        place.symlink_to(tmp_path / "inner")
    elif kind == "link to a device":
        place.symlink_to("/dev/zero")
    return place


@pytest.mark.parametrize("kind", ["pipe", "socket", "folder", "loop", "missing", "link to a pipe", "link to a device"])
@pytest.mark.parametrize("way", [lambda p: read_bounded(p, 100), PositionedFile], ids=["small", "weights"])
def test_what_is_no_regular_file_is_refused_at_once(kind, way, tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(RefusedError):
        way(special(kind, tmp_path))
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/stdin", "/dev/tty", "/dev/null"])
def test_devices_are_refused(device):
    with pytest.raises(RefusedError):
        read_bounded(device, 10)


def test_a_path_that_is_no_path_is_refused():
    with pytest.raises(RefusedError, match="zero byte"):
        read_bounded("a\0b", 10)


def test_a_file_over_the_limit_is_refused_and_one_at_the_limit_is_read(tmp_path):
    place = tmp_path / "a"
    place.write_bytes(b"12345")
    assert read_bounded(place, 5) == b"12345"
    with pytest.raises(RefusedError, match="5 bytes, more than the 4 allowed"):
        read_bounded(place, 4)


def test_a_sparse_giant_is_refused_by_its_length(tmp_path):
    place = tmp_path / "sparse"
    with place.open("wb") as out:
        out.truncate(2**40)
    with pytest.raises(RefusedError, match="more than the"):
        read_bounded(place, 2**20)


def test_links_are_followed_to_files_unless_the_caller_says_no(tmp_path):
    (tmp_path / "blob").write_bytes(b"text")
    (tmp_path / "link").symlink_to("blob")
    (tmp_path / "chain").symlink_to("link")
    assert read_bounded(tmp_path / "chain", 10) == b"text"
    with pytest.raises(RefusedError, match="symbolic link, which is not followed"):
        read_bounded(tmp_path / "link", 10, links=False)
    assert read_bounded(tmp_path / "blob", 10, links=False) == b"text"


def test_a_link_put_there_after_the_look_is_not_followed_either(tmp_path, monkeypatch):
    (tmp_path / "blob").write_bytes(b"text")
    (tmp_path / "link").symlink_to("blob")
    monkeypatch.setattr(os.path, "islink", lambda path: False)
    with pytest.raises(RefusedError):
        open_regular(tmp_path / "link", links=False)


@pytest.mark.parametrize(
    "name", ["", ".", "/etc/passwd", "..", "../a", "a/../../b", "a\0b", "..\\a", "C:\\a", "C:a", "\ud800.md", "//a/b"]
)
def test_a_name_from_a_document_that_leads_out_of_its_folder_is_refused(name, tmp_path):
    with pytest.raises(RefusedError, match="not a path below it"):
        confined(tmp_path, name, what="the manifest")


def test_a_name_from_a_document_that_leads_through_a_link_is_refused(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.md").write_text("a")
    (tmp_path / "link").symlink_to("sub")
    (tmp_path / "sub" / "b.md").symlink_to("a.md")
    assert confined(tmp_path, "sub/a.md", what="the manifest") == tmp_path / "sub" / "a.md"
    assert confined(tmp_path, "sub/名 ..x.md", what="the manifest").name == "名 ..x.md"
    for name in ("link/a.md", "sub/b.md"):
        with pytest.raises(RefusedError, match="through a symbolic link"):
            confined(tmp_path, name, what="the manifest")


@pytest.mark.parametrize("text", [b"1" * 5000, b'{"a": -' + b"9" * 5000 + b"}", b"[" * 10**5, b"\xff", b"NaN", b'{"a":1,"a":2}'])
def test_json_that_is_not_ours_is_refused(text):
    with pytest.raises(RefusedError):
        parse_json(text, where="x")
