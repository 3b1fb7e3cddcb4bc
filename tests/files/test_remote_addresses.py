"""Who may be asked: every spelling of an inside address, names that lead inside, and the connection goes where was checked."""

from __future__ import annotations

import random
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from forebear.core.errors import RefusedError
from forebear.core.patience import patience_of, waiting
from forebear.files.bytes import remote_wire
from forebear.files.bytes.hub import endpoint, token_for
from forebear.files.bytes.remote import RemoteFile
from forebear.files.bytes.remote_address import is_public, redirected, spot_of
from forebear.files.bytes.remote_http import Client
from forebear.files.sources import open_container
from tests.files.raw_server import Raw, part, raw_server

TLS = Path(__file__).parent.parent / "data" / "tls"
CONNECT = remote_wire.connect
OUTSIDE = "93.184.215.14"
INSIDE = ["127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1", "169.254.169.254",
          "100.64.0.1", "100.127.255.255", "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.9", "192.88.99.1",
          "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1",
          "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1",
          "2001:0:7f00:1::", "2001:db8::1", "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fec0::1", "ff02::1",
          "100::1", "2606:4700::5efe:10.0.0.1", "4000::1"]  # fmt: skip
PUBLIC = [OUTSIDE, "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::1.1.1.1", "2002:101:101::1", "::ffff:1.1.1.1"]
ODD_LOOPBACK = ["127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "0x7f.0x0.0x0.0x1",
                "127.0.0.1.", "0X7F.1", "localhost", "LOCALHOST", "localhost.", "[::1]", "[0:0:0:0:0:0:0:1]", "0", "0x0",
                "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"]  # fmt: skip


@pytest.mark.parametrize("number", INSIDE)
def test_a_number_inside_is_not_public(number: str) -> None:
    assert not is_public(number)


@pytest.mark.parametrize("number", PUBLIC)
def test_a_public_number_is(number: str) -> None:
    assert is_public(number)


class Names:
    """A stub of the system's look-up: names to numbers, asked one after another; and who was connected to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, known: Mapping[str, list[list[str]]], port: int = 0) -> None:
        self.known = {name: list(turns) for name, turns in known.items()}
        self.asked: list[str] = []
        self.connected: list[str] = []

        def look_up(host: str, wanted: int, **_: Any) -> list[Any]:
            self.asked.append(host)
            if host not in self.known:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            turns = self.known[host]
            numbers = turns.pop(0) if len(turns) > 1 else turns[0]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (number, wanted)) for number in numbers]

        def connect(number: str, wanted: int, seconds: float) -> socket.socket:
            self.connected.append(number)
            if not port:
                raise ConnectionRefusedError("nobody there")
            return CONNECT("127.0.0.1", port, seconds)

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        monkeypatch.setattr(remote_wire, "connect", connect)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_TOKEN", "HF_ENDPOINT", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("forebear.files.bytes.remote_http.pause", lambda seconds: None)


@pytest.fixture
def tls(monkeypatch: pytest.MonkeyPatch) -> Callable[[socket.socket], socket.socket]:
    """A server's side of TLS as hub.example, which clients of this test trust; keeps the names asked for in `names`."""
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "hub.example.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "hub.example.pem", TLS / "hub.example.key")

    def wrap(line: socket.socket) -> socket.socket:
        return context.wrap_socket(line, server_side=True)

    return wrap


def leads_to(place: str) -> Callable[[socket.socket, bytes], None]:
    def speak(line: socket.socket, request: bytes) -> None:
        answer = b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % place.encode("latin-1")
        line.sendall(answer if b"m.safetensors" in request else part())

    return speak


def ask(raw: Raw, typed: str = "https://hub.example") -> Any:
    with waiting(patience_of(20, None)):
        address = f"{typed}:{raw.port}/m.safetensors"
        return Client(address).get(address, first=0, last=99, limit=100)


@pytest.mark.parametrize("literal", [*(f"[{n}]" if ":" in n else n for n in INSIDE), *ODD_LOOPBACK])
def test_an_outside_host_may_not_redirect_inside_however_it_is_spelt(literal: str, tls, monkeypatch) -> None:
    with raw_server(leads_to(f"https://{literal}/secret"), wrap=tls) as raw:
        names = Names(monkeypatch, {"hub.example": [[OUTSIDE]], "localhost": [["127.0.0.1"]]}, raw.port)
        with pytest.raises(RefusedError, match="is where an answer or a document leads"):
            ask(raw)
        assert names.connected == [OUTSIDE]


@pytest.mark.parametrize("numbers", [[n] for n in INSIDE] + [[OUTSIDE, "127.0.0.1"], ["10.0.0.1", OUTSIDE]])
def test_a_name_that_leads_inside_is_refused_like_the_number(numbers: list[str], tls, monkeypatch) -> None:
    with raw_server(leads_to("https://inside.example/secret"), wrap=tls) as raw:
        names = Names(monkeypatch, {"hub.example": [[OUTSIDE]], "inside.example": [numbers]}, raw.port)
        with pytest.raises(RefusedError, match="its name leads to"):
            ask(raw)
        assert names.connected == [OUTSIDE]


def test_a_name_is_looked_up_once_and_the_number_checked_is_the_one_connected_to(tls, monkeypatch) -> None:
    def speak(line: socket.socket, request: bytes) -> None:
        if b"m.safetensors" in request:
            line.sendall(b"HTTP/1.1 302 Found\r\nLocation: https://hub.example/other\r\nContent-Length: 0\r\n\r\n")
        else:
            line.sendall(part())
        line.shutdown(socket.SHUT_RDWR)  # so that each request needs a connection

    with raw_server(speak, wrap=tls) as raw:
        names = Names(monkeypatch, {"hub.example": [["1.1.1.1"], ["127.0.0.1"], ["10.0.0.1"]]}, raw.port)
        address = f"https://hub.example:{raw.port}/m.safetensors"
        client = Client(address)
        for _ in range(3):
            assert client.get(address, first=0, last=99, limit=100).status == 206
        assert names.asked == ["hub.example"]
        assert set(names.connected) == {"1.1.1.1"}
        assert all(b"Host: hub.example" in request for request in raw.requests)


def test_the_certificate_must_be_the_names(tls, monkeypatch) -> None:
    with raw_server(lambda line, request: line.sendall(part()), wrap=tls) as raw:
        names = Names(monkeypatch, {"hub.example": [[OUTSIDE]], "other.example": [[OUTSIDE]]}, raw.port)
        assert ask(raw).status == 206
        with pytest.raises(RefusedError, match="its certificate is not valid for it"):
            ask(raw, "https://other.example")
        assert len(names.connected) == 2  # not tried again


def test_what_a_person_types_may_be_private_and_lead_to_itself(tls, monkeypatch) -> None:
    with raw_server(leads_to("/other"), wrap=tls) as raw:
        names = Names(monkeypatch, {"hub.example": [["10.0.0.5", "10.0.0.6"]]}, raw.port)
        assert ask(raw).status == 206
        assert set(names.connected) == {"10.0.0.5"}


@pytest.mark.parametrize(("first", "target", "fine"), [
    ("10.0.0.5", "10.0.0.5", True), ("10.0.0.5", OUTSIDE, True), ("10.0.0.5", "10.0.0.6", False), ("10.0.0.5", "127.0.0.1", False),
    ("127.0.0.1", "127.0.0.9", True), ("127.0.0.1", "10.0.0.5", False),
])  # fmt: skip
def test_a_private_host_may_lead_to_the_same_machine_or_outside(first, target, fine, tls, monkeypatch) -> None:
    with raw_server(leads_to("https://hub.example/other"), wrap=tls) as raw:
        names = Names(monkeypatch, {"mirror.example": [[first]], "hub.example": [[target]]}, raw.port)
        place = f"https://hub.example:{raw.port}/m.safetensors"
        client = Client("https://mirror.example/m")
        from forebear.files.bytes.remote_address import allowed

        spot = spot_of(place)
        if fine:
            assert allowed(spot, (target,), first, same_name=False) == (target,)
            return
        with pytest.raises(RefusedError):
            allowed(spot, (target,), first, same_name=False)
        with pytest.raises(RefusedError):  # and an address that nobody typed is judged as a document's
            client.get(place, first=0, last=99, limit=100)
        assert names.connected == []


def test_a_host_with_a_public_and_a_private_number_leads_back_to_the_one_that_answered_only(monkeypatch, tls) -> None:
    with raw_server(leads_to("https://hub.example:8443/x"), wrap=tls) as raw:
        names = Names(monkeypatch, {"hub.example": [[OUTSIDE, "127.0.0.1"]]}, raw.port)
        assert ask(raw).status == 206
        assert set(names.connected) == {OUTSIDE}


@pytest.mark.parametrize("place", [
    "http://[", "http://[::1", "https://]", "https://[::1%25lo]/", "https://[v1.x]/", "https://hub.example:99999/",
    "https://hub.example:0/", "https://hub.example:-1/", "https://hub.example:8_0/", "https://hub.example:+80/", "https://hub.example:x/",
    "https://user@hub.example/", "https://user:word@hub.example/", "https://@hub.example/", "https:///x", "https://", "https:",
    "https://h\u00fcb.example/", "https://hub.example/\u00fc", "https://\\hub.example/", "https://hub.example\\@x/", "https://a..b/", "https://.a/",
    "https://-a.example/", "https://" + "a" * 64 + ".example/", "https://" + "a." * 130 + "example/", "https://hub.example/a b",
    "https://hub.example/\tx", "https://hub.example/\x00", "https://hub.example/\x7f", "https://%31%32/", "https://1.2.3.4.5/", "https://256.1.1.1/",
    "https://0x7f.0x7g.0x/", "https://09.1.1.1/", "https://hub.example/" + "a" * 9000, "ftp://hub.example/", "file:///etc/passwd", "javascript:x",
    "data:,x", "//[", "", "http://hub.example/", "https://xn--" + "a" * 70 + "/", "https://hub.example:" + "9" * 5000 + "/", "https://[::ffff:1.2.3.4.5]/",
])  # fmt: skip
def test_a_malformed_address_is_refused_typed_or_as_a_redirect(place: str, tls, monkeypatch) -> None:
    with raw_server(leads_to(place), wrap=tls) as raw:
        if not any(c > "\xff" for c in place):
            names = Names(monkeypatch, {"hub.example": [[OUTSIDE]]}, raw.port)
            with pytest.raises(RefusedError):
                ask(raw)
            assert names.connected == [OUTSIDE]
    with pytest.raises(RefusedError) as raised:
        spot_of(place)
    assert "word@" not in str(raised.value)
    if place.startswith("http"):
        with pytest.raises(RefusedError):
            open_container(place)
        monkeypatch.setenv("HF_ENDPOINT", place.replace("\x00", "\x01"))
        with pytest.raises(RefusedError, match="HF_ENDPOINT"):
            open_container("hf://org/name")


def test_line_ends_in_a_location_are_not_taken_out_to_make_an_address(monkeypatch) -> None:
    for place in ("https://hub.exa\tmple/", "https://hub.example/\rX: y", "\nhttps://hub.example/", "/a\x00b", " /x"):
        with pytest.raises(RefusedError, match="no address"):
            redirected(spot_of("https://hub.example/"), place)


def test_https_never_leads_to_http(tls, monkeypatch) -> None:
    for place in ("http://hub.example/", "http://localhost/", "http://127.0.0.1/"):
        with raw_server(leads_to(place), wrap=tls) as raw:
            names = Names(monkeypatch, {"hub.example": [["127.0.0.1"]], "localhost": [["127.0.0.1"]]}, raw.port)
            with pytest.raises(RefusedError, match=r"not https|from https to http"):
                ask(raw)
            assert len(names.connected) == 1


def test_localhost_that_leads_elsewhere_is_not_asked_in_plain_http(monkeypatch) -> None:
    names = Names(monkeypatch, {"localhost": [[OUTSIDE]]})
    with pytest.raises(RefusedError, match="is not https"):
        open_container("http://localhost/m")
    assert names.connected == []


def test_the_token_is_bound_to_scheme_host_and_port(monkeypatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    assert endpoint() == "https://huggingface.co"
    assert token_for(spot_of("https://HuggingFace.co:443/org/x")) == "secret"
    for other in ("https://huggingface.co:8443/", "https://huggingface.co.evil.example/", "https://evil.example/huggingface.co",
                  "https://cdn.huggingface.co/"):  # fmt: skip
        assert token_for(spot_of(other)) == ""
    monkeypatch.setenv("HF_TOKEN", "a\nX-Evil: b")
    with pytest.raises(RefusedError, match="HF_TOKEN"):
        token_for(spot_of("https://huggingface.co/"))


@pytest.mark.parametrize("target", ["https://other.example/x", "https://hub.example:8443/x"])
def test_the_token_is_not_sent_where_a_redirect_leads(target: str, tls, monkeypatch) -> None:
    with raw_server(leads_to(target), wrap=tls) as raw:
        Names(monkeypatch, {"hub.example": [[OUTSIDE]], "other.example": [["1.1.1.1"]]}, raw.port)
        monkeypatch.setattr(remote_wire, "SILENCE_SECONDS", 5.0)
        address = f"https://hub.example:{raw.port}/m.safetensors"
        with suppress(RefusedError):  # other.example has no certificate here
            Client(address, "secret").get(address, first=0, last=99, limit=100)
        assert b"Authorization: Bearer secret" in raw.requests[0]
        assert not any(b"secret" in request for request in raw.requests[1:])


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY", "http_proxy"])
def test_proxies_of_the_environment_are_not_used_and_a_failure_says_so(variable: str, tls, monkeypatch) -> None:
    with raw_server(lambda line, request: line.sendall(part()), wrap=tls) as raw, raw_server(leads_to("/x")) as proxy:
        names = Names(monkeypatch, {"hub.example": [[OUTSIDE]]}, raw.port)
        monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
        assert ask(raw).status == 206
        assert proxy.requests == []
        assert names.connected == [OUTSIDE]
    if variable.lower() in ("https_proxy", "all_proxy"):
        with pytest.raises(RefusedError, match=f"{variable} is set, but proxies are not used"):
            ask(raw, "https://unknown.example")


def test_a_name_that_does_not_exist_or_cannot_be_encoded_is_refused(monkeypatch) -> None:
    Names(monkeypatch, {"empty.example": [[]]})
    for host, message in (("none.example", "was not found"), ("empty.example", "was not found")):
        with pytest.raises(RefusedError, match=message):
            open_container(f"https://{host}/m")

    def odd(*_: Any, **__: Any) -> Any:
        raise UnicodeEncodeError("idna", "x", 0, 1, "label too long")

    monkeypatch.setattr(socket, "getaddrinfo", odd)
    with pytest.raises(RefusedError, match="cannot be looked up"):
        open_container("https://odd.example/m")


@pytest.mark.parametrize(
    "address", ["https://hub.example", "https://hub.example?x=1", "https://hub.example#f", "https://hub.example/a?b=/c"]
)
def test_a_file_beside_stays_at_the_same_host(address: str) -> None:
    beside = spot_of(spot_of(address).file_beside("config.json"))
    assert beside.origin == spot_of(address).origin
    assert beside.target == "/config.json"


@pytest.mark.parametrize("hop", [1, 2, 3])
def test_a_chain_that_leads_inside_is_refused_at_whichever_hop(hop: int, tls, monkeypatch) -> None:
    def speak(line: socket.socket, request: bytes) -> None:
        at = int(request.split(b" ")[1].rpartition(b"?")[2] or b"0") if b"?" in request.split(b" ")[1] else 0
        place = b"https://10.0.0.1/x" if at + 1 == hop else b"/x?%d" % (at + 1)
        line.sendall(b"HTTP/1.1 307 x\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % place)

    with raw_server(speak, wrap=tls) as raw:
        names = Names(monkeypatch, {"hub.example": [[OUTSIDE]]}, raw.port)
        with pytest.raises(RefusedError, match=r"10\.0\.0\.1"):
            ask(raw)
        assert set(names.connected) == {OUTSIDE}
        assert len(raw.requests) == hop


def test_a_later_piece_may_not_be_led_inside_either(tls, monkeypatch) -> None:
    def speak(line: socket.socket, request: bytes) -> None:
        if b"bytes=0-" in request:
            line.sendall(part(bytes(65_536), size=200_000))
        else:
            line.sendall(b"HTTP/1.1 302 x\r\nLocation: https://inside.example/\r\nContent-Length: 0\r\n\r\n")

    with raw_server(speak, wrap=tls) as raw:
        names = Names(monkeypatch, {"hub.example": [[OUTSIDE]], "inside.example": [["192.168.1.1"]]}, raw.port)
        address = f"https://hub.example:{raw.port}/m"
        file = RemoteFile(Client(address), address)
        with pytest.raises(RefusedError, match=r"192\.168\.1\.1"):
            file.read(150_000, 10)
        assert set(names.connected) == {OUTSIDE}


def test_a_host_with_a_thousand_numbers_is_tried_at_a_few(monkeypatch) -> None:
    names = Names(monkeypatch, {"hub.example": [[f"93.184.{i // 250}.{i % 250 + 1}" for i in range(1000)]]})
    with pytest.raises(RefusedError, match="6 times"):
        open_container("https://hub.example/m")
    assert len(names.connected) == 6 * remote_wire.MAX_NUMBERS


def test_a_look_up_that_fails_for_now_is_tried_again(tls, monkeypatch) -> None:
    with raw_server(lambda line, request: line.sendall(part()), wrap=tls) as raw:
        Names(monkeypatch, {"hub.example": [[OUTSIDE]]}, raw.port)
        stub, turns = socket.getaddrinfo, [socket.EAI_AGAIN, socket.EAI_AGAIN]

        def sometimes(*given: Any, **named: Any) -> Any:
            if turns:
                raise socket.gaierror(turns.pop(), "try again")
            return stub(*given, **named)

        monkeypatch.setattr(socket, "getaddrinfo", sometimes)
        assert ask(raw).status == 206
        turns += [socket.EAI_AGAIN] * 50
        with pytest.raises(RefusedError, match="was not found"):
            ask(raw)


@pytest.mark.parametrize(
    "path", ["/a/../../etc/m", "/%2e%2e/%2e%2e/etc/m", "/..", "/a/..", "/./m", "/%00/m", "/%0a/%1b[31m", "/%e2%80%ae/m"]
)
def test_the_path_shown_for_an_address_leads_nowhere(path: str, tls, monkeypatch) -> None:
    with raw_server(lambda line, request: line.sendall(part()), wrap=tls) as raw:
        Names(monkeypatch, {"hub.example": [[OUTSIDE]]}, raw.port)
        address = f"https://hub.example:{raw.port}{path}"
        shown = RemoteFile(Client(address), address).path
        assert ".." not in shown.parts
        assert str(shown).isprintable()


PIECES = ["https://", "http://", "hub.example", "127.0.0.1", "[::1]", "[", "]", ":", ":443", ":99999", "/", "//", "..", "@", "?", "#", "%", "%00", "\\", "\x00",
          "\r\n", "\t", " ", "\u00fc", "\ud800", "\u2488", "\uff0e", "xn--", "0x7f", "1" * 400, "a" * 70, ".", "-", "_", "~", "e", "9", "localhost", "::", "%25"]  # fmt: skip


def odd_addresses(seed: int, count: int) -> Iterator[str]:
    rng = random.Random(f"tests/files/test_remote_addresses {seed}")
    for _ in range(count):
        start = rng.choice(["https://", "https://", "http://", ""])
        yield start + "".join(rng.choice(PIECES) for _ in range(rng.randint(0, 7)))


def test_random_addresses_are_taken_apart_or_refused() -> None:
    taken, here = 0, spot_of("https://hub.example/a/b?c")
    for address in odd_addresses(0, 4000):
        for take in (spot_of, lambda text: redirected(here, text)):
            try:
                spot = take(address)
            except RefusedError as error:
                assert str(error).isprintable()  # noqa: PT017 most are refused; the others are looked at below
                continue
            taken += 1
            assert spot_of(f"{spot.scheme}://{spot.netloc}{spot.target}").origin == spot.origin
            assert spot_of(spot.file_beside("x")).origin == spot.origin
    assert taken > 400
