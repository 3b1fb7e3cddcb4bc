"""Servers that are slow in every way there is: each ends within the time given, and the refusal says which limit it was."""

from __future__ import annotations

import itertools
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

import forebear
from forebear.comparison.compare import Asked, _written
from forebear.comparison.many.workers import run_in_workers
from forebear.core.errors import RefusedError, UsageError
from forebear.core.patience import Patience, patience_of, waiting
from forebear.files.bytes import remote_wire
from forebear.files.bytes.remote import fetch_small
from forebear.files.bytes.remote_http import Client
from forebear.files.sources import open_container
from tests.files.raw_server import Speak, part, raw_server

SECONDS = 0.4
SLACK = 3.0
"""For a busy machine; without a limit each of these servers would go on for ever."""
HEAD = b"HTTP/1.1 206 Partial Content\r\n"


def drip(start: bytes, slowly: Iterable[bytes], every: float = 0.03) -> Speak:
    """Some bytes at once, then piece after piece."""

    def speak(line: socket.socket, request: bytes) -> None:
        line.sendall(start)
        for piece in slowly:
            time.sleep(every)
            line.sendall(piece)

    return speak


def endless(piece: bytes) -> Iterable[bytes]:
    return itertools.repeat(piece)


def redirects(line: socket.socket, request: bytes) -> None:
    time.sleep(0.25)
    line.sendall(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")


def busy(line: socket.socket, request: bytes) -> None:
    time.sleep(0.2)
    line.sendall(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")


CHUNKED = HEAD + b"Content-Range: bytes 0-99/100\r\nTransfer-Encoding: chunked\r\n\r\n"
SLOW: dict[str, Speak] = {
    "silence": drip(b"", endless(b"")),
    "status line": drip(b"HT", endless(b"T")),
    "a byte a time of a good status line": drip(b"", (bytes([c]) for c in HEAD)),
    "headers": drip(HEAD + b"A: ", endless(b"x")),
    "empty headers": drip(HEAD, endless(b"a:\r\n")),
    "chunk size": drip(CHUNKED, endless(b"0")),
    "chunk extension": drip(CHUNKED + b"5;", endless(b"x")),
    "chunks of one byte": drip(CHUNKED, endless(b"1\r\nx\r\n")),
    "body": drip(HEAD + b"Content-Range: bytes 0-99/100\r\nContent-Length: 100\r\n\r\n", endless(b"x")),
    "body without length": drip(HEAD + b"Content-Range: bytes 0-99/100\r\n\r\n", endless(b"x")),
    "trailers": drip(CHUNKED + b"64\r\n" + b"x" * 100 + b"\r\n0\r\n", endless(b"a: b\r\n")),
    "100 Continue": drip(b"", endless(b"HTTP/1.1 100 Continue\r\n\r\n"), 0.1),
    "early hints": drip(b"", endless(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"), 0.1),
    "a redirect whose body trickles": drip(
        b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 9999\r\n\r\n", endless(b"x")
    ),
    "redirects": redirects,
    "busy": busy,
}


@pytest.mark.parametrize("kind", SLOW)
def test_a_slow_server_ends_within_the_time_for_one_request(kind: str) -> None:
    with raw_server(SLOW[kind]) as raw:
        begin = time.monotonic()
        with waiting(patience_of(SECONDS, None)), pytest.raises(RefusedError, match=r"0\.4 seconds|--timeout"):
            open_container(raw.address)
        assert SECONDS * 0.5 < time.monotonic() - begin < SECONDS + SLACK


@pytest.mark.parametrize("kind", ["silence", "body", "busy"])
def test_a_slow_server_ends_within_the_time_for_the_run(kind: str) -> None:
    with raw_server(SLOW[kind]) as raw:
        begin = time.monotonic()
        with (
            waiting(patience_of(None, SECONDS)),
            pytest.raises(RefusedError, match=r"0\.4 seconds.*--deadline|--deadline"),
        ):
            open_container(raw.address)
        assert time.monotonic() - begin < SECONDS + SLACK


def test_a_run_that_is_over_sends_nothing_more() -> None:
    with raw_server(lambda line, request: line.sendall(part())) as raw, waiting(patience_of(None, 0.2)):
        client = Client(raw.address)
        assert client.get(raw.address, first=0, last=99, limit=100).body == b"x" * 100
        time.sleep(0.25)
        with pytest.raises(RefusedError, match=r"this run's 0\.2 seconds for addresses are over"):
            client.get(raw.address, first=0, last=99, limit=100)
        assert len(raw.requests) == 1


def flood(piece: bytes) -> Speak:
    def speak(line: socket.socket, request: bytes) -> None:
        while True:
            line.sendall(piece * 200)

    return speak


@pytest.mark.parametrize(("piece", "message"), [
    (b"HTTP/1.1 100 Continue\r\n\r\n", "interim answers"),
    (b"HTTP/1.1 103 Early Hints\r\n\r\n", "interim answers"),
    (b"HTTP/1.1 206 Partial " + b"x" * 400, "no valid HTTP answer"),
    (b" ", "no valid HTTP answer"),
    (b"\x00", "no valid HTTP answer"),
])  # fmt: skip
def test_a_fast_flood_is_cut_off_by_its_amount(piece: bytes, message: str) -> None:
    with raw_server(flood(piece)) as raw:
        begin = time.monotonic()
        with pytest.raises(RefusedError, match=message):
            open_container(raw.address)
        assert time.monotonic() - begin < 20


@pytest.mark.parametrize("lines", [b"A: " + b"x" * 40_000, b"a: b\r\n" * 9_000, b"a" * 40_000, b"A:" + b" " * 16_000 + b"\x00"],
                         ids=["giant", "many", "no colon", "spaces"])  # fmt: skip
def test_headers_have_a_limit_and_cost_little_time(lines: bytes) -> None:
    with raw_server(lambda line, request: line.sendall(HEAD + lines + b"\r\n\r\n")) as raw:
        begin = time.process_time()
        with pytest.raises(RefusedError, match="no valid HTTP answer"):
            open_container(raw.address)
        assert time.process_time() - begin < 1


def test_a_chunk_flood_of_extensions_ends_in_time() -> None:
    def speak(line: socket.socket, request: bytes) -> None:
        line.sendall(CHUNKED)
        while True:
            line.sendall(b"1;" + b"e" * 2000 + b"\r\nx\r\n")

    with raw_server(speak) as raw, waiting(patience_of(SECONDS, None)):
        begin = time.monotonic()
        with pytest.raises(RefusedError):
            open_container(raw.address)
        assert time.monotonic() - begin < SECONDS + SLACK


def test_a_connection_that_falls_silent_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_wire, "SILENCE_SECONDS", 0.2)
    seen = threading.Event()

    def speak(line: socket.socket, request: bytes) -> None:
        if not seen.is_set():
            seen.set()
            time.sleep(2)
        line.sendall(part())

    with raw_server(speak) as raw, waiting(patience_of(10, None)):
        assert Client(raw.address).get(raw.address, first=0, last=99, limit=100).status == 206
        assert len(raw.requests) == 2


def test_a_server_that_takes_no_connection_ends_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), waiting(patience_of(SECONDS, None)):
            begin = time.monotonic()
            with pytest.raises(RefusedError, match=r"0\.4 seconds"):
                open_container(f"http://127.0.0.1:{port}/m")
            assert time.monotonic() - begin < SECONDS + SLACK


def test_a_name_that_is_not_found_in_time_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: (over.wait(20), [])[1])
    begin = time.monotonic()
    with waiting(patience_of(SECONDS, None)), pytest.raises(RefusedError, match=r"0\.4 seconds"):
        open_container("https://slow.example/m")
    over.set()
    assert time.monotonic() - begin < SECONDS + SLACK


def test_a_silent_handshake_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, waiting(patience_of(SECONDS, None)):
        begin = time.monotonic()
        with pytest.raises(RefusedError, match=r"0\.4 seconds"):
            open_container(f"https://127.0.0.1:{listener.getsockname()[1]}/m")
        assert time.monotonic() - begin < SECONDS + SLACK


@pytest.mark.parametrize("wrong", ["0", "-1", "nan", "inf", "soon", "1e9", "", " "])
def test_limits_that_are_no_seconds_are_wrong_words(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if wrong.strip():
        monkeypatch.setenv("FOREBEAR_TIMEOUT", wrong)
        with pytest.raises(UsageError, match="FOREBEAR_TIMEOUT"):
            patience_of(None, None)
        monkeypatch.delenv("FOREBEAR_TIMEOUT")
    with pytest.raises(UsageError, match="--deadline"):
        patience_of(None, wrong)


def test_the_limits_come_from_the_call_then_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOREBEAR_TIMEOUT", "7")
    monkeypatch.setenv("FOREBEAR_DEADLINE", "70")
    assert (patience_of(None, None).timeout, patience_of(None, None).deadline) == (7, 70)
    assert (patience_of(3, "30.5").timeout, patience_of(3, "30.5").deadline) == (3, 30.5)


@pytest.mark.parametrize("verb", [forebear.compare, forebear.inspect])
def test_verbs_take_the_limits(verb: Callable[..., object], tmp_path: Path) -> None:
    other = [forebear.__file__] if verb is forebear.compare else []
    with raw_server(SLOW["silence"]) as raw:
        with pytest.raises(RefusedError, match=r"0\.3 seconds"):
            verb(raw.address, *other, timeout=0.3)
        with pytest.raises(RefusedError, match=r"0\.3 seconds.*`deadline`"):
            verb(raw.address, *other, deadline="0.3")


@pytest.mark.parametrize("option", ["--timeout", "--deadline"])
def test_the_command_line_takes_the_limits_and_exits_3(option: str) -> None:
    with raw_server(SLOW["body"]) as raw:
        words = [sys.executable, "-m", "forebear.cli", "inspect", raw.address, option, "0.5"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert option in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("wait", ["99999", "86400", "9" * 30, "-1", "1e9", "Wed, 21 Oct 2099 07:28:00 GMT", "\u00b2"])
def test_a_server_may_not_keep_a_run_waiting(wait: str) -> None:
    answer = b"HTTP/1.1 429 x\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n" % wait.encode("latin-1")
    with raw_server(lambda line, request: line.sendall(answer)) as raw, waiting(patience_of(SECONDS, None)):
        begin = time.monotonic()
        with pytest.raises(RefusedError, match="--timeout"):
            open_container(raw.address)
        assert time.monotonic() - begin < SECONDS + SLACK


def test_a_handshake_of_one_byte_a_time_ends_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, waiting(patience_of(SECONDS, None)):

        def speak() -> None:
            line, _ = listener.accept()
            with line:
                try:
                    line.sendall(b"\x16\x03\x03\x40\x00")
                    while True:
                        time.sleep(0.03)
                        line.sendall(b"\x02")
                except OSError:  # the client hung up, as it should
                    return

        threading.Thread(target=speak, daemon=True).start()
        begin = time.monotonic()
        with pytest.raises(RefusedError, match=r"0\.4 seconds"):
            open_container(f"https://127.0.0.1:{listener.getsockname()[1]}/m")
        assert time.monotonic() - begin < SECONDS + SLACK


def test_a_file_beside_that_never_comes_ends_in_time() -> None:
    def speak(line: socket.socket, request: bytes) -> None:
        if b"/m.npy" in request:
            line.sendall(part(b"x" * 100))

    with raw_server(speak) as raw, waiting(patience_of(SECONDS, None)):
        client = Client(raw.address)
        begin = time.monotonic()
        with pytest.raises(RefusedError, match=r"0\.4 seconds"):
            fetch_small(client, raw.address.replace("m.safetensors", "config.json"))
        assert time.monotonic() - begin < SECONDS + SLACK


def test_a_small_file_without_end_is_cut_off_by_its_size() -> None:
    for head in (b"HTTP/1.1 200 x\r\n\r\n", b"HTTP/1.0 200 x\r\n\r\n"):

        def speak(line: socket.socket, request: bytes, head: bytes = head) -> None:
            line.sendall(head)
            while True:
                line.sendall(b"{" * 4096)

        with raw_server(speak) as raw, pytest.raises(RefusedError, match="more than the 10,000 bytes expected"):
            fetch_small(Client(raw.address), raw.address, 10_000)


def test_a_worker_process_keeps_the_limits() -> None:
    base = Path(forebear.__file__).parent / "demo_data" / "base"
    options = Asked().options("a", ["b"])
    with raw_server(SLOW["silence"]) as raw, waiting(patience_of(SECONDS, None)):
        found = list(run_in_workers([(raw.address, str(base))], _written(options, 1), 1))
    assert found[0][0] is None
    assert "0.4 seconds" in str(found[0][1])


def test_worker_processes_share_the_end_of_the_run() -> None:
    options = Asked().options("a", ["b"])
    with waiting(given := patience_of(3, 30)):
        crossed = json.loads(json.dumps(_written(options, 1)))["patience"]
    assert Patience(**crossed) == given
