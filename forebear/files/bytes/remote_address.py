"""Which addresses may be asked, and at which numbers their hosts are reached.

What a person types may lead anywhere. Where an answer or a document leads must lie on the public internet, or on the very
machine that answered. A name is looked up once, the numbers found are checked, and the connection goes to one of them.

Source: RFC 3986 (addresses), RFC 6890 and 4291 (special ranges), RFC 4291 2.5.5, 3056 and 6052 (IPv4 inside IPv6).
"""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from forebear.core.errors import printable, refusal
from forebear.core.messages import Message, message
from forebear.core.wording import in_english

LONGEST_ADDRESS = 8192
_NETLOC = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,254})(?::([0-9]{0,5}))?")
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_NUMBER = re.compile(r"(0[xX][0-9A-Fa-f]*|[0-9]+)")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_PORTS = {"https": 443, "http": 80}
_UNICAST = ipaddress.IPv6Network("2000::/3")
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
_SPECIAL_4 = tuple(map(ipaddress.IPv4Network, ("192.0.0.0/24", "192.88.99.0/24")))
_SPECIAL_6 = tuple(map(ipaddress.IPv6Network, ("2001::/23", "5f00::/16", "3fff::/20")))
"""Ranges of protocols, relays, segments and examples that Python's tables leave out in some of its versions."""


class UnreachedError(OSError):
    """A host that was not reached, or did not stay; why: in words."""

    def __init__(self, why: Message) -> None:
        self.why = why
        super().__init__(in_english(why))


@dataclass(frozen=True, slots=True)
class Spot:
    """An address in its parts. host: in small letters, a number in its usual form. target: path and query."""

    address: str
    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """Who answers: tokens are sent to their own origin only."""
        return self.scheme, self.host, self.port

    @property
    def netloc(self) -> str:
        """Host and port as a Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def file_beside(self, name: str) -> str:
        """The address of another file in the same folder, without the query."""
        folder = self.target.partition("?")[0].rpartition("/")[0]
        return f"{self.scheme}://{self.netloc}{folder}/{quote(name)}"


def spot_of(address: str) -> Spot:
    """An address in its parts. Raises RefusedError for what is none, holds a password, or is plain http to elsewhere."""
    if len(address) > LONGEST_ADDRESS or not address.isascii() or any(not "!" <= c <= "~" for c in address):
        refuse(address, message("remote.no_address"), message("advice.plain_letters"))
    parts = _split(address)
    if "@" in parts.netloc:
        refuse(address, message("remote.password"), message("advice.hf_token"))
    found = _NETLOC.fullmatch(parts.netloc)
    if found is None:
        refuse(address, message("remote.no_address"))
    scheme, host = parts.scheme.lower(), _host(address, found[1])
    port = int(found[2]) if found[2] else _PORTS.get(scheme, 0)
    if scheme not in _PORTS or (scheme == "http" and not is_loopback(host)):
        refuse(address, message("remote.not_https"), message("advice.https"))
    if not 0 < port < 65_536:
        refuse(address, message("remote.port", port=str(port)[:20]))
    return Spot(address, scheme, host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def _split(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError:
        refuse(address, message("remote.no_address"))


def _host(address: str, stated: str) -> str:
    """A host's name, or its number in the usual form: also from the odd forms that the system's own look-up takes."""
    try:
        if stated.startswith("["):
            return str(ipaddress.IPv6Address(stated[1:-1]))
        labels = stated.lower().removesuffix(".").split(".")
        if _NUMBER.fullmatch(labels[-1]):
            return socket.inet_ntoa(socket.inet_aton(".".join(labels)))
    except (ValueError, OSError):
        refuse(address, message("remote.host_number"))
    if not all(_LABEL.fullmatch(label) for label in labels) or sum(map(len, labels)) + len(labels) > 254:
        refuse(address, message("remote.no_address"))
    return ".".join(labels)


def redirected(spot: Spot, location: str | None) -> Spot:
    """Where an answer leads. Raises RefusedError for no address, and from https to anything else."""
    if not location:
        refuse(spot.address, message("remote.nowhere"))
    if len(location) > LONGEST_ADDRESS or any(not "!" <= c <= "~" for c in location):
        refuse(spot.address, message("remote.no_redirect"))  # said before urljoin takes line ends out
    try:  # urljoin would make https:x or https:///x of this very host
        joined = location if _SCHEME.match(location) else urljoin(spot.address, location)
    except ValueError:
        refuse(spot.address, message("remote.no_redirect"))
    found = spot_of(joined)
    if spot.scheme == "https" and found.scheme != "https":
        refuse(spot.address, message("remote.downgrade"), message("advice.stay_https"))
    return found


def numbers_of(spot: Spot, seconds: float) -> tuple[str, ...]:
    """The numbers of a host, looked up by the system within so many seconds. Raises OSError, RefusedError."""
    if _is_number(spot.host):
        return (spot.host,)
    found: list[tuple[str, ...] | OSError | UnicodeError] = []

    def look_up() -> None:  # the system's look-up knows no time limit
        try:
            rows = socket.getaddrinfo(spot.host, spot.port, type=socket.SOCK_STREAM)
            found.append(tuple(dict.fromkeys(str(row[4][0]) for row in rows)))
        except (OSError, UnicodeError) as error:
            found.append(error)

    thread = threading.Thread(target=look_up, name="forebear-name", daemon=True)
    thread.start()
    thread.join(seconds)
    if not found:
        raise UnreachedError(message("wire.name_late"))
    if isinstance(found[0], UnicodeError):
        refuse(spot.address, message("remote.host_lookup"))
    if isinstance(found[0], OSError):
        raise found[0]
    if not found[0]:
        raise UnreachedError(message("wire.no_number"))
    if spot.scheme == "http" and not all(is_loopback(number) for number in found[0]):
        refuse(spot.address, message("remote.not_https"), message("advice.https"))
    return found[0]


def allowed(spot: Spot, numbers: tuple[str, ...], answered: str | None, *, same_name: bool) -> tuple[str, ...]:
    """Those numbers of a host that an answer or a document may lead to: public ones, and the machine that answered.

    answered: the number that gave the answer; None for a document. same_name: whether the host is the one that answered.
    Raises: RefusedError when there is none, and when another name has any that is not allowed: that is how names are
    used to reach into a network.
    """
    good = tuple(n for n in numbers if is_public(n) or (answered is not None and same_machine(n, answered)))
    if good == numbers or (good and same_name):
        return good
    bad = next(n for n in numbers if n not in good)
    elsewhere = message("remote.not_public", number=printable(bad, 60))
    inside = message("remote.this_machine") if is_loopback(bad) else elsewhere
    key = "remote.inside" if bad == spot.host else "remote.name_inside"
    refuse(spot.address, message(key, where=inside), message("advice.that_address"))


def is_public(number: str) -> bool:
    """Whether a number lies on the public internet, also where an IPv4 number is written inside an IPv6 one."""
    found = ipaddress.ip_address(number)
    if isinstance(found, ipaddress.IPv4Address):
        return found.is_global and not found.is_multicast and not any(found in network for network in _SPECIAL_4)
    inner = found.ipv4_mapped or found.sixtofour
    if found in _TRANSLATED:
        inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
    if inner is not None:
        return is_public(str(inner))
    tunnelled = (int(found) >> 32) & 0xFDFFFFFF == 0x5EFE  # ISATAP: RFC 5214; Teredo is among the special ranges
    return found in _UNICAST and found.is_global and not tunnelled and not any(found in n for n in _SPECIAL_6)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by name or number, without asking anybody."""
    return host == "localhost" or (_is_number(host) and ipaddress.ip_address(host).is_loopback)


def same_machine(number: str, answered: str) -> bool:
    """Whether two numbers are one machine: equal, or both this one."""
    return number == answered or (is_loopback(number) and is_loopback(answered))


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def refuse(address: str, what: Message, todo: Message = message("advice.check_address")) -> NoReturn:  # noqa: B008
    """Raise with the address as the place, its query and any name and password left out: they are secrets."""
    shown = re.sub(r"^([a-zA-Z][\w+.-]*:/{1,2})[^/]*@", r"\1", re.split(r"[?#]", address, maxsplit=1)[0])
    raise refusal(what, where=printable(shown, 200), todo=todo)
