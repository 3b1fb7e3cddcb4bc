"""Ranged requests over HTTP: redirects followed by our own rules, the token kept to its host, failures tried again.

Source: RFC 9110 (ranges, redirects, Retry-After); the hub's resolve addresses redirect to signed ones that expire.
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import ssl
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NoReturn
from urllib.parse import urljoin, urlsplit

from forebear.core.errors import RefusedError, printable
from forebear.files.bytes.remote_kept import Kept

TIMEOUT_SECONDS = 30.0
IN_FLIGHT = 16
SLOWEST_SECONDS = 120.0
"""Longest that one answer may take to come in."""
ATTEMPTS = 6
MAX_REDIRECTS = 5
LONGEST_WAIT_SECONDS = 30.0
_AGAIN = frozenset((408, 425, 429, 500, 502, 503, 504))
_EXPIRED = frozenset((401, 403, 404, 410))
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_AGENT = "forebear (reads checkpoints by ranges)"


@dataclass(frozen=True, slots=True)
class Answer:
    """status, headers (names in small letters), body and the address that gave it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    address: str


@dataclass
class Client:
    """Requests to one origin and where it redirects to; safe for several threads.

    token: sent to token_host only. requests, bytes_read: counted over all threads. kept: blocks of the client's files.
    """

    token: str = ""
    token_host: str = ""
    requests: int = 0
    bytes_read: int = 0
    kept: Kept = field(default_factory=Kept)
    _pool: ThreadPoolExecutor | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _kept: threading.local = field(default_factory=threading.local)
    _all: list[http.client.HTTPConnection] = field(default_factory=list)

    def get(self, address: str, *, first: int | None = None, last: int | None = None, limit: int) -> Answer:
        """GET an address, or bytes first..last of it, following redirects; at most `limit` bytes of body.

        Raises: RefusedError for an address that is not allowed, an answer that is no answer, or too many failures.
        """
        check_address(address, None)
        origin = address
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._tried(address, first, last, limit)
            if answer.status not in _REDIRECTS:
                return answer
            address = urljoin(address, answer.headers.get("location", ""))
            check_address(address, origin)
        refuse(origin, f"redirects more than {MAX_REDIRECTS} times")

    @property
    def pool(self) -> ThreadPoolExecutor:
        """IN_FLIGHT threads, started when first needed."""
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="forebear-remote")
            return self._pool

    def _tried(self, address: str, first: int | None, last: int | None, limit: int) -> Answer:
        """One address, again after failures that pass."""
        told = ""
        for attempt in range(ATTEMPTS):
            try:
                answer = self._once(address, first, last, limit)
            except (OSError, http.client.HTTPException) as error:
                self._drop(address)
                told = f"the connection failed ({printable(str(error) or type(error).__name__, 80)})"
                wait = 0.1 * 2**attempt
            else:
                if answer.status not in _AGAIN:
                    return answer
                told = f"the server answers {answer.status}"
                wait = _wait(answer.headers.get("retry-after"), 0.1 * 2**attempt)
            if attempt + 1 < ATTEMPTS:
                pause(min(wait, LONGEST_WAIT_SECONDS))
        refuse(address, f"{told}, {ATTEMPTS} times", "Try again later.")

    def _once(self, address: str, first: int | None, last: int | None, limit: int) -> Answer:
        parts = urlsplit(address)
        connection = self._connection(address)
        headers = {"Accept-Encoding": "identity", "User-Agent": _AGENT}
        if first is not None:
            headers["Range"] = f"bytes={first}-{'' if last is None else last}"
        if self.token and parts.netloc == self.token_host:
            headers["Authorization"] = f"Bearer {self.token}"
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        with self._lock:
            self.requests += 1
        found = {name.lower(): value for name, value in response.getheaders()}
        unwanted = response.status in _REDIRECTS or response.status >= 400
        if first is not None and response.status == 200:
            self._drop(address)  # the whole file is coming: do not read it
            return Answer(200, found, b"", address)
        length = found.get("content-length", "")
        if not unwanted and length.isdecimal() and int(length) > limit:
            self._drop(address)
            refuse(address, f"sends {int(length):,} bytes where at most {limit:,} were expected")
        body = _read(response, 2**16 if unwanted else limit + 1)
        if not response.isclosed():
            self._drop(address)
        if not unwanted and length.isdecimal() and len(body) < int(length):
            raise http.client.IncompleteRead(body, int(length) - len(body))
        if not unwanted and len(body) > limit:
            self._drop(address)
            refuse(address, f"sends more than the {limit:,} bytes expected")
        with self._lock:
            self.bytes_read += len(body)
        return Answer(response.status, found, body, address)

    def _connection(self, address: str) -> http.client.HTTPConnection:
        """This thread's connection to an address's host."""
        kept: dict[str, http.client.HTTPConnection] = self._kept.__dict__.setdefault("connections", {})
        parts = urlsplit(address)
        key = f"{parts.scheme}://{parts.netloc}"
        if key not in kept:
            host, port = parts.hostname or "", parts.port
            kept[key] = (
                http.client.HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=ssl.create_default_context())
                if parts.scheme == "https" else http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
            )  # fmt: skip
            with self._lock:
                self._all.append(kept[key])
        return kept[key]

    def _drop(self, address: str) -> None:
        parts = urlsplit(address)
        kept: dict[str, http.client.HTTPConnection] = self._kept.__dict__.setdefault("connections", {})
        connection = kept.pop(f"{parts.scheme}://{parts.netloc}", None)
        if connection is not None:
            connection.close()

    def close(self) -> None:
        """Stop the threads and close every connection."""
        with self._lock:
            if self._pool is not None:
                self._pool.shutdown(wait=False, cancel_futures=True)
                self._pool = None
            for connection in self._all:
                connection.close()
            self._all.clear()


def check_address(address: str, origin: str | None) -> None:
    """Refuse what may not be asked: https only, plain http on this machine, and no way from outside back to it."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        refuse(address, "is no address")
    if parts.username is not None or parts.password is not None:
        refuse(address, "holds a name or password", "Give the token in HF_TOKEN.")
    if not host or not address.isascii() or any(c <= " " for c in address):
        refuse(address, "is no address")
    inside = is_loopback(host)
    if parts.scheme not in ("https", "http") or (parts.scheme == "http" and not inside):
        refuse(address, "is not https", "Give an https:// address.")
    if origin is not None and inside and not is_loopback(urlsplit(origin).hostname or ""):
        refuse(origin, "redirects to this machine", "Do not trust this address.")


def is_loopback(host: str) -> bool:
    """Whether a host name is this machine, by name or number, without asking anybody."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def expired(status: int) -> bool:
    """Whether a signed address may have run out, so that its origin should be asked for a new one."""
    return status in _EXPIRED


def refuse(address: str, what: str, todo: str = "Check the address.") -> NoReturn:
    """Raise with the address as the place, its query and any name and password left out: they are secrets."""
    shown = re.sub(r"^([a-zA-Z][\w+.-]*:/{1,2})[^/]*@", r"\1", address.split("?", 1)[0])
    raise RefusedError(what, where=printable(shown, 200), todo=todo)


def _read(response: http.client.HTTPResponse, most: int) -> bytes:
    """The body, at most `most` bytes, as it comes in; a server that trickles is cut off."""
    out, deadline = bytearray(), time.monotonic() + SLOWEST_SECONDS
    while len(out) < most and (piece := response.read1(min(2**16, most - len(out)))):
        out += piece
        if time.monotonic() > deadline:
            raise TimeoutError(f"no answer within {SLOWEST_SECONDS:.0f} seconds")
    return bytes(out)


def pause(seconds: float) -> None:
    """Wait before trying again."""
    time.sleep(seconds)


def _wait(stated: str | None, otherwise: float) -> float:
    return float(stated) if stated is not None and stated.isdecimal() and len(stated) < 5 else otherwise
