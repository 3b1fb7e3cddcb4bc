"""Ranged requests over HTTP: redirects followed by our own rules, the token kept to its host, failures tried again.

Source: RFC 9110 (ranges, redirects, Retry-After); the hub's resolve addresses redirect to signed ones that expire.
Proxies that the environment names are not used: a proxy would look names up itself, and the numbers could not be checked.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from forebear.core.errors import printable
from forebear.core.messages import Message, message
from forebear.core.patience import Patience, patience
from forebear.files.bytes.checking import note
from forebear.files.bytes.remote_address import Spot, allowed, numbers_of, redirected, refuse, spot_of
from forebear.files.bytes.remote_kept import Kept
from forebear.files.bytes.remote_wire import Clock, MalformedError, Wire

IN_FLIGHT = 16
ATTEMPTS = 6
MAX_REDIRECTS = 5
MAX_PROBLEM_BYTES = 2**16
"""Most bytes read of an answer that is not wanted, so that its connection can be used again."""
_AGAIN = frozenset((408, 425, 429, 500, 502, 503, 504))
_EXPIRED = frozenset((401, 403, 404, 410))
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_AGENT = "forebear (reads checkpoints by ranges)"
_PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


@dataclass(frozen=True, slots=True)
class Place:
    """An address and the numbers its host may be reached at: only `Client` makes one, after its checks."""

    spot: Spot
    numbers: tuple[str, ...]

    @property
    def key(self) -> tuple[tuple[str, str, int], tuple[str, ...]]:
        """Places with the same key can share connections."""
        return self.spot.origin, self.numbers


@dataclass(frozen=True, slots=True)
class Answer:
    """status, headers (names in small letters), body, the place and number that gave it.

    linked: the digest (SHA-256) that the first host gave for the file, where it did: the hub's for files in LFS.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    place: Place
    number: str
    linked: str = ""


@dataclass
class Client:
    """Requests to the host a person typed and where it leads; safe for several threads.

    typed: an address at that host, which may be private. token: sent there only. bytes_read: counted over all threads.
    kept: blocks of the client's files. checks: read a sample of a file again.
    """

    typed: str
    token: str = ""
    bytes_read: int = 0
    kept: Kept = field(default_factory=Kept)
    patience: Patience = field(default_factory=patience)
    checks: list[Callable[[], None]] = field(default_factory=list)
    _pool: ThreadPoolExecutor | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _idle: dict[tuple[tuple[str, str, int], tuple[str, ...]], list[Wire]] = field(default_factory=dict)
    _numbers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _context: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        self._origin = spot_of(self.typed).origin
        note(self)

    def get(self, asked: str | Place, *, first: int | None = None, last: int | None = None, limit: int) -> Answer:
        """GET an address, or bytes first..last of it, following redirects; at most `limit` bytes of body.

        asked: an address, or the place that an earlier answer came from.
        Raises: RefusedError for an address that is not allowed, an answer that is no answer, too many failures, or no
        whole answer in time.
        """
        spot = spot_of(asked) if isinstance(asked, str) else asked.spot
        clock = Clock(spot.address, self.patience)
        place = self._place(spot, None, clock) if isinstance(asked, str) else asked
        linked = ""
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._tried(place, first, last, limit, clock)
            if answer.place.spot.origin == self._origin:
                linked = linked or _digest(answer.headers.get("x-linked-etag", ""))
            if answer.status not in _REDIRECTS:
                return Answer(answer.status, answer.headers, answer.body, answer.place, answer.number, linked)
            place = self._place(redirected(place.spot, answer.headers.get("location")), answer, clock)
        refuse(spot.address, message("remote.redirects", most=MAX_REDIRECTS))

    @property
    def pool(self) -> ThreadPoolExecutor:
        """IN_FLIGHT threads, started when first needed."""
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="forebear-remote")
            return self._pool

    def _place(self, spot: Spot, after: Answer | None, clock: Clock) -> Place:
        """A spot with the numbers that may be asked; after: the answer that led there. A name is looked up once."""
        for attempt in range(ATTEMPTS):
            if spot.host in self._numbers:
                break
            try:
                self._numbers.setdefault(spot.host, numbers_of(spot, clock.left()))
            except OSError as error:
                clock.left()
                if not isinstance(error, socket.gaierror) or error.errno != socket.EAI_AGAIN or attempt + 1 == ATTEMPTS:
                    refuse(spot.address, message("remote.host", why=_why(error, 80)), _advice())
                pause(min(0.1 * 2**attempt, clock.left()))
        numbers = self._numbers[spot.host]
        if after is None and spot.origin == self._origin:
            return Place(spot, numbers)
        same_name = after is not None and after.place.spot.host == spot.host
        answered = None if after is None else after.number
        return Place(spot, allowed(spot, numbers, answered, same_name=same_name))

    def _tried(self, place: Place, first: int | None, last: int | None, limit: int, clock: Clock) -> Answer:
        """One place, again after failures that pass."""
        why = message("remote.connection", why="")
        for attempt in range(ATTEMPTS):
            wait = 0.1 * 2**attempt
            wire: Wire | None = None
            try:
                wire = self._wire(place, clock)
                answer = self._once(wire, place, (first, last), limit, clock)
            except (OSError, MalformedError) as error:
                why = message("remote.connection", why=_why(error, 80))
                if isinstance(error, MalformedError) and not (wire and wire.used):
                    refuse(place.spot.address, message("remote.no_http", why=_why(error, 120)))
                if type(error).__name__ == "SSLCertVerificationError":
                    refuse(place.spot.address, message("remote.certificate", why=_why(error, 120)))
            else:
                if answer.status not in _AGAIN:
                    return answer
                why = message("remote.server", status=answer.status)
                wait = _wait(answer.headers.get("retry-after"), wait)
            if wait >= clock.left():
                refuse(place.spot.address, message("remote.no_time", why=why), message("advice.more_time"))
            if attempt + 1 < ATTEMPTS:
                pause(wait)
        refuse(place.spot.address, message("remote.failed", why=why, count=ATTEMPTS), _advice())

    def _once(self, wire: Wire, place: Place, part: tuple[int | None, int | None], limit: int, clock: Clock) -> Answer:
        """One request and its answer; the connection is kept when it can be used again, closed otherwise."""
        first, last = part
        address, done = place.spot.address, False
        headers = [("Host", place.spot.netloc), ("Accept-Encoding", "identity"), ("User-Agent", _AGENT)]
        if first is not None:
            headers.append(("Range", f"bytes={first}-{'' if last is None else last}"))
        if self.token and place.spot.origin == self._origin:
            headers.append(("Authorization", f"Bearer {self.token}"))
        try:
            head = wire.ask(place.spot.target, headers, clock)
            unwanted = head.status in _REDIRECTS or head.status >= 400
            if first is not None and head.status == 200:  # the whole file is coming: do not read it
                return Answer(200, head.headers, b"", place, wire.number)
            length = head.headers.get("content-length")
            if not unwanted and length is not None and int(length) > limit:
                refuse(address, message("remote.sends", found=int(length), most=limit))
            body = wire.body(MAX_PROBLEM_BYTES if unwanted else limit, clock)
            if body is None and not unwanted:
                refuse(address, message("remote.more", most=limit))
            done = body is not None and wire.ready()
        finally:
            if not done:
                wire.close()
        with self._lock:
            self.bytes_read += len(body or b"")
            self._idle.setdefault(place.key, []).extend([wire] if done else [])
        return Answer(head.status, head.headers, body or b"", place, wire.number)

    def _wire(self, place: Place, clock: Clock) -> Wire:
        """A connection that nobody uses, or a new one to a number that was checked; certificates are checked for the name."""
        with self._lock:
            idle = self._idle.get(place.key)
            if idle:
                return idle.pop()
            if place.spot.scheme == "https" and self._context is None:
                self._context = ssl.create_default_context()
        return Wire(place.spot, place.numbers, clock, self._context if place.spot.scheme == "https" else None)

    def close(self) -> None:
        """Stop the threads and close every connection that is not in use."""
        with self._lock:
            if self._pool is not None:
                self._pool.shutdown(wait=False, cancel_futures=True)
                self._pool = None
            for wires in self._idle.values():
                for wire in wires:
                    wire.close()
            self._idle.clear()


def expired(status: int) -> bool:
    """Whether a signed address may have run out, so that its origin should be asked for a new one."""
    return status in _EXPIRED


def pause(seconds: float) -> None:
    """Wait before trying again."""
    time.sleep(seconds)


def _why(error: Exception, limit: int) -> Message | str:
    """What failed, in words of ours or as the system and the parser say it."""
    found: Message | str = getattr(error, "why", str(error)) or type(error).__name__
    return printable(found, limit) if isinstance(found, str) else found


def _advice() -> Message:
    set_here = next((name for name in _PROXIES if os.environ.get(name)), None)
    if set_here is None:
        return message("advice.later")
    return message("advice.proxy", name=set_here)


def _wait(stated: str | None, otherwise: float) -> float:
    return float(stated) if stated is not None and re.fullmatch("[0-9]{1,6}", stated) else otherwise


def _digest(stated: str) -> str:
    """The SHA-256 that an ETag-like header holds, in small letters; nothing for anything else."""
    found = re.fullmatch(r'"?([0-9a-fA-F]{64})"?', stated.strip())
    return found[1].lower() if found else ""
