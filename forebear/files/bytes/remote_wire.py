"""One connection and the answers on it: h11 reads HTTP/1.1 strictly, every wait is bounded by the request's clock.

Source: RFC 9112 (messages), RFC 9110 15.2 (interim answers).
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass

import h11

from forebear.core.errors import printable
from forebear.core.messages import Message, message
from forebear.core.patience import Patience
from forebear.core.wording import in_english
from forebear.files.bytes.remote_address import Spot, UnreachedError, refuse

SILENCE_SECONDS = 30.0
"""Longest without a byte, or for one number to take a connection, before it is tried again on another connection."""
MAX_HEAD_BYTES = 16 * 2**10
"""Status line and headers together."""
MAX_NUMBERS = 8
"""Most numbers of a host that are tried."""
MAX_INTERIM = 16
"""Most interim answers (1xx) before the answer itself."""
_ONCE = frozenset(("location", "content-range", "content-encoding", "etag", "last-modified", "x-linked-etag"))


_BLANKS = re.compile(rb"[ \t]{256}")
"""h11 takes time that grows with the square of a run of blanks in a header it refuses; no honest one has so many."""


class MalformedError(Exception):
    """An answer that is no HTTP/1.1; why: a message, or the HTTP parser's own words."""

    def __init__(self, why: Message | str) -> None:
        self.why = why
        super().__init__(in_english(why) if isinstance(why, Message) else why)


class Clock:
    """When a request must be over, whatever phase it is in."""

    def __init__(self, address: str, patience: Patience) -> None:
        self._address, self._patience = address, patience
        self._until = min(time.monotonic() + patience.timeout, patience.ends)

    def left(self) -> float:
        """Seconds left. Raises RefusedError, which says which of both limits is over, when there are none."""
        left = self._until - time.monotonic()
        if left > 0:
            return left
        if time.monotonic() >= self._patience.ends:
            over = message("remote.deadline", seconds=f"{self._patience.deadline:,g}")
            refuse(self._address, over, message("advice.deadline"))
        late = message("remote.timeout", seconds=f"{self._patience.timeout:,g}")
        refuse(self._address, late, message("advice.timeout"))

    def patience(self) -> float:
        """Seconds until the next byte must have come."""
        return min(SILENCE_SECONDS, self.left())


@dataclass(frozen=True, slots=True)
class Head:
    """status and headers, names in small letters."""

    status: int
    headers: Mapping[str, str]


class Wire:
    """A connection to one of a host's numbers; one request at a time: `ask`, then `body` or `close`.

    Raises (all methods): OSError for a connection that fails, MalformedError, RefusedError when the time is over.
    """

    def __init__(self, spot: Spot, numbers: tuple[str, ...], clock: Clock, context: ssl.SSLContext | None) -> None:
        self._socket, self.number = _connected(spot, numbers, clock)
        if context is not None:
            try:
                self._socket.settimeout(clock.patience())
                self._socket = context.wrap_socket(self._socket, server_hostname=spot.host)
            except BaseException:
                self._socket.close()
                raise
        self._state = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._piece = 4096
        self._head_end: bytes | None = b""
        self._ended = False
        self.used = False

    def ask(self, target: str, headers: list[tuple[str, str]], clock: Clock) -> Head:
        """Send a GET and give the answer's status and headers."""
        data = self._state.send(h11.Request(method="GET", target=target, headers=headers)) or b""
        self._state.send(h11.EndOfMessage())
        self._socket.settimeout(clock.patience())
        self._socket.sendall(data)
        self._piece = 4096  # few bytes at a time where lines are read: h11 is slow on long ones
        self._head_end = b""
        for _ in range(MAX_INTERIM + 1):
            event = self._event(clock)
            if isinstance(event, h11.Response):
                return self._head(event)
            if not isinstance(event, h11.InformationalResponse):
                break
        raise MalformedError(message("wire.interim", most=MAX_INTERIM))

    def _head(self, event: h11.Response) -> Head:
        self._head_end = None
        found: dict[str, str] = {}
        for raw_name, raw_value in event.headers:
            name, value = raw_name.decode("ascii"), raw_value.decode("latin-1")
            if name in _ONCE and found.get(name, value) != value:
                raise MalformedError(message("wire.twice", name=name))
            found[name] = value
        if "content-length" in found and "transfer-encoding" in found:
            raise MalformedError(message("wire.length_and_coding"))
        if "transfer-encoding" not in found:
            self._piece = 2**18
        return Head(event.status_code, found)

    def body(self, most: int, clock: Clock) -> bytes | None:
        """The body; None, and the connection closed, as soon as it has more than `most` bytes."""
        out = bytearray()
        while isinstance(event := self._event(clock), h11.Data):
            out += event.data
            if len(out) > most:
                self.close()
                return None
        if not isinstance(event, h11.EndOfMessage):
            raise MalformedError(message("wire.endless"))
        return bytes(out)

    def ready(self) -> bool:
        """Whether another request may be sent: the last answer ended and nothing came after it."""
        state = self._state
        if state.our_state is not h11.DONE or state.their_state is not h11.DONE or state.trailing_data[0]:
            return False
        state.start_next_cycle()
        self.used = True
        return True

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _event(self, clock: Clock) -> object:
        try:
            while (event := self._state.next_event()) is h11.NEED_DATA:
                self._socket.settimeout(clock.patience())
                data = self._socket.recv(self._piece)
                self._ended = not data
                if self._head_end is not None:
                    if _BLANKS.search(self._head_end + data):
                        raise MalformedError(message("wire.blanks"))
                    self._head_end = (self._head_end + data)[-255:]
                self._state.receive_data(data)
        except h11.RemoteProtocolError as error:
            if self._ended:
                raise UnreachedError(message("wire.closed")) from error
            raise MalformedError(printable(str(error), 120)) from error
        return event


def _connected(spot: Spot, numbers: tuple[str, ...], clock: Clock) -> tuple[socket.socket, str]:
    """A connection to the first number that takes one."""
    failed: OSError = UnreachedError(message("wire.no_number"))
    for i, number in enumerate(tried := numbers[:MAX_NUMBERS]):
        try:
            seconds = clock.patience() / (1 if i + 1 == len(tried) else 2)
            return connect(number, spot.port, seconds), number
        except OSError as error:
            failed = error
    raise failed


def connect(number: str, port: int, seconds: float) -> socket.socket:
    """A connection to a number, which nobody looks up again."""
    found = socket.socket(socket.AF_INET6 if ":" in number else socket.AF_INET, socket.SOCK_STREAM)
    try:
        found.settimeout(seconds)
        found.connect((number, port))
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        found.close()
        raise
    return found
