"""A server on this machine that sends exactly the bytes a test writes, however slowly, and counts who connects."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Speak = Callable[[socket.socket, bytes], None]


@dataclass
class Raw:
    """port; requests: the head of each request seen."""

    port: int
    requests: list[bytes] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def address(self) -> str:
        """A file at this server."""
        return f"http://127.0.0.1:{self.port}/m.safetensors"


@contextmanager
def raw_server(speak: Speak, *, wrap: Callable[[socket.socket], socket.socket] | None = None) -> Iterator[Raw]:
    """Calls `speak(connection, request)` for every request; wrap: makes TLS of a connection."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    raw = Raw(listener.getsockname()[1])

    def serve(connection: socket.socket) -> None:
        try:
            with wrap(connection) if wrap is not None else connection as line:
                while not raw.over.is_set():
                    head = b""
                    while b"\r\n\r\n" not in head:
                        piece = line.recv(4096)
                        if not piece:
                            return
                        head += piece
                    raw.requests.append(head)
                    speak(line, head)
        except OSError:  # the other side hung up, which is what most of these tests are about
            return

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # closed: the test is over
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield raw
    finally:
        raw.over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def saying(data: bytes) -> Speak:
    """The same bytes for every request, then the end."""

    def speak(line: socket.socket, request: bytes) -> None:
        line.sendall(data)
        line.close()

    return speak


def part(body: bytes = b"x" * 100, *extra: bytes, size: int = 100) -> bytes:
    """A plain answer to a request for a file's first bytes."""
    lines = [b"HTTP/1.1 206 Partial Content", b"Content-Range: bytes 0-%d/%d" % (len(body) - 1, size), *extra]
    return b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", body])
