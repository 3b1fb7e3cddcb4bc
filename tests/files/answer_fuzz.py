"""Random answers of a server, from good ones bent and from pieces: only what the server did wrong may be refused, and nothing may fault.

Run by itself for longer: python -m tests.files.answer_fuzz 20000 [first seed]
"""

from __future__ import annotations

import random
import socket
import sys
import time
from collections import Counter
from unittest import mock

from forebear.core.errors import RefusedError
from forebear.core.patience import patience_of, waiting
from forebear.files.bytes import remote_http, remote_wire
from forebear.files.bytes.remote import RemoteFile, fetch_small
from forebear.files.bytes.remote_http import Client

NUMBERS = [b"0", b"1", b"99", b"100", b"101", b"-1", b"+100", b"1_00", b"0x64", b" 100", b"1e2", b"9" * 5000, b"1" * 19, b"\xb2", b"", b"100, 100",
           b"100, 99", b"NaN", b"\xd9\xa3", b"00100"]  # fmt: skip
STATUS = [
    b"200",
    b"206",
    b"206",
    b"206",
    b"302",
    b"307",
    b"404",
    b"416",
    b"503",
    b"100",
    b"103",
    b"101",
    b"204",
    b"304",
    b"099",
    b"999",
    b"20",
    b"2000",
]
VERSIONS = [b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2", b"HTTP/0.9", b"http/1.1", b"ICY", b""]
NAMES = [b"Content-Length", b"Content-Range", b"Transfer-Encoding", b"Location", b"ETag", b"Content-Encoding", b"Connection", b"Retry-After",
         b"X-Linked-ETag", b"X", b"Content-Length ", b" X", b"", b"Last-Modified"]  # fmt: skip
PLACES = [b"/x", b"http://[", b"//", b"https://[::1]/", b"http://127.0.0.1:99999/", b"?", b"#", b"http://localhost/\xff", b"http://127.1/", b"x:y",
          b"http://127.0.0.1/" + b"a" * 9000]  # fmt: skip
ODD = [b"\r", b"\n", b"\x00", b":", b" ", b"\t", b"\xff", b"\r\n", b";", b",", b"0\r\n\r\n"]


def value(rng: random.Random, name: bytes) -> bytes:
    number = rng.choice(NUMBERS)
    if name == b"Content-Range":
        whole = rng.choice([b"100", b"100", b"100", b"*", number])
        return (
            rng.choice(
                [
                    b"bytes 0-99/",
                    b"bytes 0-99/",
                    b"bytes 99-0/",
                    b"bytes %s-99/" % number,
                    b"items 0-99/",
                    b"bytes 0-98/",
                ]
            )
            + whole
        )
    if name == b"Transfer-Encoding":
        return rng.choice(
            [b"chunked", b"Chunked", b"gzip", b"gzip, chunked", b"identity", b"chunked, chunked", b"xchunked"]
        )
    if name == b"Location":
        return rng.choice(PLACES)
    return rng.choice([number, b"100", b"identity", b"gzip", b'"tag"', b"close", b"a" * 64])


def chunked(rng: random.Random, body: bytes) -> bytes:
    out, at = b"", 0
    while at < len(body):
        size = rng.randint(1, 60)
        stated = rng.choice([b"%x" % len(body[at : at + size])] * 150 + NUMBERS[5:12] + [b"f" * 30])
        out += (
            stated
            + rng.choice([b""] * 20 + [b";a=b", b" ", b";" * 200])
            + b"\r\n"
            + body[at : at + size]
            + rng.choice([b"\r\n"] * 60 + [b"\n", b"xx"])
        )
        at += size
    return out + rng.choice(
        [b"0\r\n\r\n"] * 6 + [b"0\r\nA: b\r\n\r\n", b"00\r\n", b"-0\r\n\r\n", b"0\r\nbad\r\n\r\n", b""]
    )


def answer(rng: random.Random, *, whole: bool) -> bytes:
    """One answer: mostly near a good one, so that most get past the status line."""
    body = bytes(rng.randrange(256) for _ in range(rng.choice([100] * 8 + [0, 99, 101, 300])))
    out = b"".join(b"HTTP/1.1 10%d x\r\n\r\n" % rng.choice([0, 2, 3]) for _ in range(rng.choice([0] * 20 + [1, 3, 30])))
    good = rng.random() < 0.85
    out += (
        (b"HTTP/1.1 200 x\r\n" if whole else b"HTTP/1.1 206 x\r\n")
        if good
        else rng.choice(VERSIONS) + b" " + rng.choice(STATUS) + rng.choice([b" x", b"", b"  "]) + b"\r\n"
    )
    lines = [(b"Content-Range", b"bytes 0-99/100")] if good else []
    in_chunks = rng.random() < 0.3
    lines += (
        [(b"Transfer-Encoding", b"chunked")]
        if in_chunks
        else [(b"Content-Length", b"%d" % len(body))]
        if rng.random() < 0.9
        else []
    )
    for _ in range(rng.choice([0, 0, 0, 0, 1, 2, 5])):
        name = rng.choice(NAMES)
        lines.append((name, value(rng, name)))
    rng.shuffle(lines)
    out += (
        b"".join(n + rng.choice([b": ", b":"]) + v + rng.choice([b"\r\n"] * 60 + [b"\n", b"\r"]) for n, v in lines)
        + b"\r\n"
    )
    out += chunked(rng, body) if in_chunks else body
    for _ in range(rng.choice([0] * 9 + [1, 3])):
        at = rng.randrange(len(out) + 1)
        out = rng.choice([out[:at] + rng.choice(ODD) + out[at:], out[:at] + out[at + 1 :], out[:at]])
    return out


def try_seed(seed: int) -> str:
    """What came of one answer given to every request: "read", "refused" once parsed, or "malformed". Any other exception is a fault."""
    rng = random.Random(f"tests/files/answer_fuzz {seed}")
    small = rng.random() < 0.3
    data = answer(rng, whole=small)

    def connect(number: str, port: int, seconds: float) -> socket.socket:
        ours, theirs = socket.socketpair()
        ours.settimeout(seconds)
        theirs.sendall(data)  # before anything is asked: it fits the buffer
        theirs.shutdown(socket.SHUT_WR)
        kept.append(theirs)
        return ours

    kept: list[socket.socket] = []
    try:
        with mock.patch.object(remote_wire, "connect", connect), mock.patch.object(remote_http, "pause", return_value=None), \
                waiting(patience_of(10, 10)):  # fmt: skip
            client = Client("http://127.0.0.1:9/m")
            try:
                if small:
                    fetch_small(client, "http://127.0.0.1:9/m", 1000)
                else:
                    RemoteFile(client, "http://127.0.0.1:9/m").read(0, 100)
            finally:
                client.close()
    except RefusedError as error:
        if len(str(error)) > 900 or not str(error).isprintable():
            raise AssertionError(f"a message that may not be shown: {error!r}") from error
        return "malformed" if "no valid HTTP answer" in str(error) or "connection failed" in str(error) else "refused"
    finally:
        for line in kept:
            line.close()
    return "read"


if __name__ == "__main__":
    count, start = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    outcomes: Counter[str] = Counter()
    slowest = 0.0
    for seed in range(start, start + count):
        begin = time.process_time()
        try:
            outcomes[try_seed(seed)] += 1
        except BaseException:
            print("seed", seed)
            raise
        slowest = max(slowest, time.process_time() - begin)
    print(dict(outcomes), f"slowest {slowest:.3f} s of processor time")
