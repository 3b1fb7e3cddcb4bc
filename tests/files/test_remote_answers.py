"""Answers that are malformed, contradict themselves, change, or are not what the publisher says: refused, and never a fault of ours."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

import forebear
from forebear.core.errors import RefusedError
from forebear.core.seeds import generator
from forebear.files.bytes import remote_http
from forebear.files.bytes.checking import check_again, noting_addresses
from forebear.files.bytes.remote import RemoteFile, fetch_small
from forebear.files.bytes.remote_http import Client
from forebear.files.bytes.remote_kept import BLOCK_BYTES
from forebear.files.sources import open_container
from tests.files.answer_fuzz import try_seed
from tests.files.hub_server import Hub, serve
from tests.files.raw_server import part, raw_server, saying

DATA = generator("tests/files/remote_answers", 0).bytes(5 * BLOCK_BYTES + 1234)
DEMO = Path(forebear.__file__).parent / "demo_data"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(remote_http, "pause", lambda seconds: None)


OK = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-99/100\r\n"
BODY = b"x" * 100
BAD = {
    "5,000 digits": OK + b"Content-Length: " + b"1" * 5000 + b"\r\n\r\n" + BODY,
    "21 digits": OK + b"Content-Length: " + b"1" * 21 + b"\r\n\r\n" + BODY,
    "larger than asked": OK + b"Content-Length: 99999999999999\r\n\r\n" + BODY,
    **{f"length {n!r}": OK + b"Content-Length: " + n + b"\r\n\r\n" + BODY for n in (
        b"-100", b"+100", b"1_00", b"0x64", b"1e2", b"100.0", b"", b"\xb2", b"\xd9\xa3", b"100,99", b"one")},
    "two lengths": OK + b"Content-Length: 100\r\nContent-Length: 99\r\n\r\n" + BODY,
    "length and chunks": OK + b"Content-Length: 100\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n" + BODY + b"\r\n0\r\n\r\n",
    "two ranges": OK + b"Content-Range: bytes 1-100/101\r\nContent-Length: 100\r\n\r\n" + BODY,
    "two places": b"HTTP/1.1 302 x\r\nLocation: /a\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n",
    "no place": b"HTTP/1.1 302 x\r\nContent-Length: 0\r\n\r\n",
    "unknown coding": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + BODY,
    **{f"chunk {n!r}": OK + b"Transfer-Encoding: chunked\r\n\r\n" + n + b"\r\n" + BODY + b"\r\n0\r\n\r\n" for n in (
        b"-64", b"+64", b"0x64", b"6_4", b"f" * 5000, b"f" * 16, b"", b"g", b"64 64", b"\xb2")},
    "chunk that does not end": OK + b"Transfer-Encoding: chunked\r\n\r\n64\r\n" + BODY + b"XX0\r\n\r\n",
    "bad trailer": OK + b"Transfer-Encoding: chunked\r\n\r\n64\r\n" + BODY + b"\r\n0\r\nno colon\r\n\r\n",
    **{f"range {n!r}": b"HTTP/1.1 206 x\r\nContent-Range: " + n + b"\r\nContent-Length: 100\r\n\r\n" + BODY for n in (
        b"bytes 0-99/99", b"bytes 99-0/100", b"bytes 0-98/100", b"bytes 0-99/*", b"bytes 0-99/200000", b"bytes -99/100", b"bytes 0-9" + b"9" * 5000,
        b"bytes 1-100/200", b"bytes 0-99/" + b"9" * 19, b"items 0-99/100", b"", b"bytes */100")},
    "status of two digits": b"HTTP/1.1 20 x\r\n\r\n",
    "status out of range": b"HTTP/1.1 099 x\r\n\r\n",
    "switched protocol": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
    "no HTTP": b"SSH-2.0-OpenSSH_9\r\n\r\n", "HTTP/2": b"HTTP/2 200\r\n\r\n", "nothing": b"", "TLS": b"\x16\x03\x01" + bytes(50),
    "NUL in a header": OK + b"A: \x00\r\nContent-Length: 100\r\n\r\n" + BODY,
    "bare CR": OK + b"A: x\ry\r\nContent-Length: 100\r\n\r\n" + BODY,
    "space before colon": OK + b"Content-Length : 100\r\n\r\n" + BODY,
    "no content": b"HTTP/1.1 204 x\r\n\r\n",
    "not modified": b"HTTP/1.1 304 x\r\n\r\n",
    "cut short": OK + b"Content-Length: 100\r\n\r\n" + BODY[:50],
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_a_malformed_answer_is_refused(kind: str) -> None:
    with raw_server(saying(BAD[kind])) as raw, pytest.raises(RefusedError) as raised:
        open_container(raw.address)
    assert len(str(raised.value)) < 600


def test_good_answers_of_every_form_are_read() -> None:
    for answer in (
        part(), b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + part(),
        OK + b"\r\n" + BODY, OK + b"Transfer-Encoding: chunked\r\n\r\n32;a=b\r\n" + BODY[:50] + b"\r\n32\r\n" + BODY[:50] + b"\r\n0\r\nX: y\r\n\r\n",
        OK.replace(b"1.1", b"1.0") + b"\r\n" + BODY, OK + b"Content-Length: 100\r\nContent-Length: 100\r\n\r\n" + BODY,
        OK + b"Content-Length: 100\r\n\r\n" + BODY + b"HTTP/1.1 206 another that nobody asked for",
    ):  # fmt: skip
        with raw_server(saying(answer)) as raw:
            assert bytes(RemoteFile(Client(raw.address), raw.address).read(0, 100)) == BODY


def test_a_malformed_answer_exits_3() -> None:
    with raw_server(saying(BAD["5,000 digits"])) as raw:
        done = subprocess.run(
            [sys.executable, "-m", "forebear.cli", "inspect", raw.address], capture_output=True, text=True, check=False
        )
    assert (done.returncode, done.stdout) == (3, "")
    assert "Content-Length" in done.stderr


def test_random_answers_are_read_or_refused() -> None:
    outcomes = Counter(try_seed(seed) for seed in range(400))
    assert outcomes["read"] > 100
    assert outcomes["refused"] > 30
    assert outcomes["malformed"] < 280  # three in ten at least get past the parser


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serve(Hub({"m.bin": DATA}, etag="")) as running:
        yield running


def test_a_block_fetched_twice_must_be_the_same(hub: Hub) -> None:
    file = RemoteFile(Client(hub.address), hub.file("m.bin"))
    file.read(0, len(DATA))
    assert bytes(file.read(70_000, 9)) == DATA[70_000:70_009]
    file.client.kept.forget(1)
    hub.files = {"m.bin": DATA[:70_000] + b"other" + DATA[70_005:]}
    with pytest.raises(RefusedError, match="changed while it was being read"):
        file.read(0, len(DATA))


@pytest.mark.parametrize("at", [9, 3 * BLOCK_BYTES], ids=["first block", "another"])
def test_a_sample_read_again_at_the_end_must_be_the_same(hub: Hub, at: int) -> None:
    file = RemoteFile(Client(hub.address), hub.file("m.bin"))
    file.read(0, len(DATA))
    assert file.check_again() == 2 * BLOCK_BYTES
    hub.files = {"m.bin": DATA[:at] + bytes([DATA[at] ^ 1]) + DATA[at + 1 :]}
    with pytest.raises(RefusedError, match="changed while it was being read"):
        file.check_again()


def test_a_comparison_during_which_a_file_changed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from forebear.comparison import compare

    files = {p.name: p.read_bytes() for p in (DEMO / "base").iterdir()}
    weights = files["model.safetensors"]
    walk = compare.walk
    with serve(Hub(files, etag="")) as hub:

        def then_change(*given, **named):
            result = walk(*given, **named)
            hub.files = {**files, "model.safetensors": weights[:-1] + bytes([weights[-1] ^ 1]), **(
                {"model.safetensors": weights[:16] + b"~" + weights[17:]})}  # fmt: skip
            return result

        forebear.compare(hub.file("model.safetensors"), [DEMO / "base"])
        monkeypatch.setattr(compare, "walk", then_change)
        with pytest.raises(RefusedError, match="changed while it was being read"):
            forebear.compare(hub.file("model.safetensors"), [DEMO / "base"])


def test_only_what_is_opened_inside_is_checked_again(hub: Hub) -> None:
    hub.files = {"m.safetensors": save({"w": np.zeros((300, 300), np.float32)})}
    with noting_addresses():
        container = open_container(hub.file("m.safetensors"))
        container.read("w")
        before = container.bytes_read
        check_again()
        assert container.bytes_read == before + 2 * BLOCK_BYTES
    requests = len(hub.seen)
    check_again()
    assert len(hub.seen) == requests


@pytest.mark.parametrize("name", ["etag", "modified"])
def test_a_tag_or_time_of_change_that_changes_is_noticed(hub: Hub, name: str) -> None:
    setattr(hub, name, "one")
    file = RemoteFile(Client(hub.address), hub.file("m.bin"))
    setattr(hub, name, "two")
    with pytest.raises(RefusedError, match="changed while it was being read"):
        file.read(0, len(DATA))


def test_a_size_that_changes_is_noticed(hub: Hub) -> None:
    file = RemoteFile(Client(hub.address), hub.file("m.bin"))
    hub.files = {"m.bin": DATA + b"more"}
    with pytest.raises(RefusedError, match="changed while it was being read"):
        file.read(0, len(DATA))


@pytest.mark.parametrize("order", ["forwards", "in pieces", "backwards"])
def test_the_publishers_digest_is_checked_when_a_file_was_read_whole(hub: Hub, order: str) -> None:
    steps = {"forwards": [(0, len(DATA))], "in pieces": [(a, min(70_000, len(DATA) - a)) for a in range(0, len(DATA), 70_000)],
             "backwards": [(a, min(BLOCK_BYTES, len(DATA) - a)) for a in range(0, len(DATA), BLOCK_BYTES)][::-1]}[order]  # fmt: skip
    for linked, fine in ((hashlib.sha256(DATA).hexdigest(), True), (hashlib.sha256(DATA + b"x").hexdigest(), False)):
        hub.linked = f'"{linked}"'
        file = RemoteFile(Client(hub.address), hub.file("m.bin"))
        if fine:
            assert b"".join(bytes(file.read(*step)) for step in steps) == b"".join(DATA[a : a + n] for a, n in steps)
        else:
            with pytest.raises(RefusedError, match="SHA-256 is not the one"):
                [file.read(*step) for step in steps]


def test_a_small_file_is_held_against_the_publishers_digest(hub: Hub) -> None:
    hub.files = {"tokenizer.json": b"{}"}
    hub.linked = hashlib.sha256(b"{}").hexdigest()
    assert fetch_small(Client(hub.address), hub.file("tokenizer.json")) == b"{}"
    hub.linked = hashlib.sha256(b"[]").hexdigest()
    with pytest.raises(RefusedError, match="SHA-256 is not the one"):
        fetch_small(Client(hub.address), hub.file("tokenizer.json"))
    for no_digest in ("", "W/abc", "0123", '"' + "g" * 64 + '"'):
        hub.linked = no_digest
        assert fetch_small(Client(hub.address), hub.file("tokenizer.json")) == b"{}"
