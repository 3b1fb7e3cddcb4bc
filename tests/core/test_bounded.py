"""Files that somebody names: regular ones are read within bounds, everything else is refused at once."""

from __future__ import annotations

import os
import socket

import pytest

from forebear.core.bounded import inner_parts, open_regular, parse_json, read_bounded
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
def test_a_name_from_a_document_that_leads_out_of_its_folder_is_none(name):
    assert inner_parts(name) is None


def test_a_name_from_a_document_that_stays_in_its_folder_has_its_parts():
    assert inner_parts("sub/名 ..x.md") == ("sub", "名 ..x.md")


@pytest.mark.parametrize(
    "text", [b"1" * 5000, b'{"a": -' + b"9" * 5000 + b"}", b"[" * 10**5, b"\xff", b"NaN", b'{"a":1,"a":2}']
)
def test_json_that_is_not_ours_is_refused(text):
    with pytest.raises(RefusedError):
        parse_json(text, where="x")


@pytest.mark.parametrize("number", ["18446744073709551616", "-9223372036854775809", "1e999", "-1E+400", "9" * 400 + ".5", "1" + "0" * 4000])
def test_a_number_that_no_format_has_is_refused(number):
    with pytest.raises(RefusedError, match=r"64 bits|finite"):
        parse_json(f'{{"a": [{number}]}}'.encode(), where="x")


def test_large_numbers_that_fit_are_read_and_look_alikes_in_text_are_left_alone():
    text = b'[18446744073709551615, -9223372036854775808, 1e308, 1e-999, "1e999", "99999999999999999999999"]'
    assert parse_json(text, where="x") == [2**64 - 1, -(2**63), 1e308, 0.0, "1e999", "9" * 23]
