"""A hub on this machine for tests: listing, resolve with redirect to signed addresses, ranges, and faults on demand."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Data(Protocol):
    """A file's contents."""

    def __len__(self) -> int: ...
    def __getitem__(self, part: slice) -> bytes: ...


@dataclass
class Seen:
    """One request as the server saw it."""

    path: str
    range: str | None
    token: str | None
    host: str


@dataclass
class Hub:
    """files: by name, of the one repository org/name. faults: taken one per file request; each gets the handler and
    says whether it has answered. latency: seconds before each answer. listed: bytes of listings among those sent.
    signed_uses: after which a signed address dies."""

    files: Mapping[str, Data]
    latency: float = 0.0
    signed_uses: int | None = None
    redirect: str = "localhost"
    faults: list[Callable[[Any], bool]] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    sent: int = 0
    listed: int = 0
    busiest: int = 0
    etag: str = "one"
    modified: str = ""
    linked: str = ""
    port: int = 0
    _now: int = 0
    _last: float = 0.0
    _area: float = 0.0
    _union: float = 0.0
    _signature: int = 1
    _uses: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def address(self) -> str:
        """The origin."""
        return f"http://127.0.0.1:{self.port}"

    def file(self, name: str) -> str:
        """A file's resolve address."""
        return f"{self.address}/org/name/resolve/{COMMIT}/{name}"

    def count(self, step: int) -> None:
        """A request begins (1) or ends (-1); keeps how many were served at once and for how long."""
        now = time.perf_counter()
        if self._now:
            self._area += self._now * (now - self._last)
            self._union += now - self._last
        self._last = now
        self._now += step
        self.busiest = max(self.busiest, self._now)

    @property
    def side_by_side(self) -> float:
        """Requests served at once, on average over the time in which any was."""
        return self._area / self._union if self._union else 0.0

    def ranges(self) -> int:
        """Requests for parts of files so far."""
        return sum(seen.range is not None for seen in self.seen)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    hub: Hub
    counted = False

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        hub = self.hub
        with hub.lock:
            hub.seen.append(Seen(self.path, self.headers["Range"], self.headers["Authorization"], self.headers["Host"]))
            hub.count(1)
        self.counted = True
        try:
            time.sleep(hub.latency)
            self.answer(hub)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            self.ends()

    def ends(self, sent: int = 0) -> None:
        """Count a request's end and its bytes once, before they go: the caller may ask again as soon as it has them."""
        with self.hub.lock:
            self.hub.sent += sent
            if self.counted:
                self.hub.count(-1)
            self.counted = False

    def answer(self, hub: Hub) -> None:
        path = self.path.split("?")[0]
        if path.startswith("/api/models/org/name/revision/"):
            listing = json.dumps({"sha": COMMIT, "siblings": [{"rfilename": name} for name in hub.files]}).encode()
            hub.listed += len(listing)
            self.reply(200, listing)
        elif path.startswith("/org/name/resolve/"):
            name = path.split("/", 5)[5]
            if name not in hub.files:
                self.reply(404, b"no such entry")
            elif not hub.redirect:
                self.part(hub, hub.files[name])
            else:
                with hub.lock:
                    hub._signature, hub._uses = hub._signature + 1, 0
                place = f"http://{hub.redirect}:{hub.port}/signed/{name}?signature={hub._signature}"
                self.reply(302, b"", {"Location": place} | ({"X-Linked-ETag": hub.linked} if hub.linked else {}))
        elif path.startswith("/signed/"):
            self.signed(hub, path)
        else:
            self.reply(404, b"nothing here")

    def signed(self, hub: Hub, path: str) -> None:
        with hub.lock:
            hub._uses += 1
            dead = hub.signed_uses is not None and (
                hub._uses > hub.signed_uses or not self.path.endswith(f"={hub._signature}")
            )
        if dead:
            self.reply(403, b"expired")
        else:
            self.part(hub, hub.files[path.removeprefix("/signed/")])

    def part(self, hub: Hub, data: Data) -> None:
        with hub.lock:
            fault = hub.faults.pop(0) if hub.faults else None
        if fault is not None and fault(self):
            return
        tags = {name: tag for name, tag in (("ETag", hub.etag), ("Last-Modified", hub.modified)) if tag}
        stated = self.headers["Range"]
        if stated is None:
            self.reply(200, data[0 : len(data)], tags)
            return
        first, last = stated.removeprefix("bytes=").split("-")
        begin, end = int(first), min(int(last) + 1 if last else len(data), len(data))
        if begin >= len(data):
            self.reply(416, b"", {"Content-Range": f"bytes */{len(data)}"})
            return
        self.reply(206, data[begin:end], {"Content-Range": f"bytes {begin}-{end - 1}/{len(data)}", **tags})

    def reply(
        self, status: int, body: bytes, headers: Mapping[str, str] | None = None, length: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.ends(len(body))
        self.end_headers()
        self.wfile.write(body)


def status(code: int, **headers: str) -> Callable[[Any], bool]:
    """A fault: answer with a status."""

    def fault(handler: Any) -> bool:
        handler.reply(code, b"busy", {name.replace("_", "-"): value for name, value in headers.items()})
        return True

    return fault


def cut(handler: Any) -> bool:
    """A fault: promise a thousand bytes, send ten, hang up."""
    handler.reply(206, b"0123456789", {"Content-Range": "bytes 0-999/1000"}, length=1000)
    handler.close_connection = True
    handler.connection.close()
    return True


@contextmanager
def serve(hub: Hub) -> Iterator[Hub]:
    """The hub on a free port of this machine."""
    handler = type("Handler", (_Handler,), {"hub": hub})
    kind = type("Server", (ThreadingHTTPServer,), {"request_queue_size": 64})  # five waiting callers would be few
    server = kind(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    hub.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
