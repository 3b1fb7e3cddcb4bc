"""A print: what is kept of a model, as one file that carries its own digest. No weights are in it.

A file is MAGIC, the length of a JSON head, the head, arrays one after another, and the SHA-256 of all before it. The head holds
what is of this content alone (`print`) and what is known of it besides (`entry`: names, sources, claims).
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.core.bounded import parse_json
from forebear.core.errors import refusal
from forebear.core.messages import message
from forebear.library.evening import ANCHOR_NUMBERS, PAIRS, code, evened
from forebear.library.hashing import SCREEN, SKETCH

MAGIC = b"FBPRINT1"
PRINT_VERSION = 2
"""Changes when the meaning of any number in a print does; prints of two versions are never compared. What 2 has and 1 lacked,
evened geometries and their codes, is made of what a print of version 1 holds when it is read."""
MAX_PRINT_BYTES = 8 * 2**20
"""Largest file read as a print; a mixture of experts of 61 layers has less than a mebibyte."""
VERIFY = message("library_advice.verify")
"""What to do about a print or a catalogue that cannot be believed."""
SCREEN_PARTS = ("q", "k", "v", "o", "gate", "up", "down")
PART_NUMBERS = SCREEN * SCREEN
SCREEN_NUMBERS = len(SCREEN_PARTS) * PART_NUMBERS
GAIN_SAMPLE = 64
_ARRAYS: dict[str, tuple[str, int]] = {
    "screen": ("i1", SCREEN_NUMBERS), "anchors": ("i1", ANCHOR_NUMBERS), "sketches": ("<f2", SKETCH * SKETCH), "norms": ("<f4", 1),
    "moments": ("<f4", 3), "gains": ("<f2", GAIN_SAMPLE), "geometry": ("<f2", 1), "vocabulary": ("<u8", 1), "digests": ("<u8", 1),
    "evened": ("i1", 1),
}  # fmt: skip
"""Name -> number type and width of a row; every array has rows."""
ID = re.compile(r"(?:quick-|about-)?[0-9a-f]{64}")


@dataclass(frozen=True)
class Print:
    """What is kept of a model (METHODS §14, §18).

    id:      SHA-256 over the digests of its tensors in order, whatever their names; "quick-" before it where not all were read,
             "about-" for an entry without weights.
    about:   family, layers, width, parameters, which sketches, gains and digests the arrays hold, effective dimension, what
             was left out.
    arrays:  screen (1, 847) int8; anchors (1, 160) int8, the signs that `evening.code` makes; sketches (k, 256) float16 of unit
             norm with norms (k, 1) and moments (k, 3: mean, kurtosis of a sample, largest); gains (g, 64); geometry (n, 1)
             cosines of anchor tokens; vocabulary (m, 1), smallest hashes of its tokens; digests (t, 1), first 8 bytes of each
             tensor's digest that is not trivial; evened (n, 1), the geometry as `evening.evened` makes it.
    entry:   names, sources, claims, configuration.
    """

    id: str
    about: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]
    entry: Mapping[str, Any] = field(default_factory=dict)

    @property
    def quick(self) -> bool:
        """Whether only some tensors were read."""
        return self.id.startswith("quick-")

    @property
    def weightless(self) -> bool:
        """Whether it is an entry of which only configuration, tokenizer and claims are known."""
        return self.id.startswith("about-")

    @property
    def name(self) -> str:
        """What it is called first."""
        names = self.entry.get("names") or [self.id[:12]]
        return str(names[0])

    def content(self) -> bytes:
        """The bytes that depend on the model's content alone: equal for two containers of one model."""
        head = _json({"version": PRINT_VERSION, "id": self.id, "about": self.about})
        return head + b"".join(_bytes(self.arrays, name) for name in _ARRAYS)

    def matrices(self) -> list[tuple[str, int | None]]:
        """Part and layer of every row of `sketches`."""
        return [(str(part), None if layer is None else int(layer)) for part, layer in self.about["matrices"]]


def pack(one: Print) -> bytes:
    """A print as the bytes of its file."""
    counts = {name: len(one.arrays[name]) for name in _ARRAYS}
    head = _json({"version": PRINT_VERSION, "id": one.id, "about": one.about, "entry": one.entry, "arrays": counts})
    body = MAGIC + struct.pack("<I", len(head)) + head + b"".join(_bytes(one.arrays, name) for name in _ARRAYS)
    return body + hashlib.sha256(body).digest()


def unpack(data: bytes, where: str) -> Print:
    """A print from the bytes of its file, every length checked before it is believed.

    Raises: RefusedError for anything that is no whole print: torn, changed, of a later version, hostile.
    """
    if len(data) > MAX_PRINT_BYTES or len(data) < len(MAGIC) + 4 + 32 or not data.startswith(MAGIC):
        raise refusal(message("print_refused.cut"), where=where, todo=VERIFY)
    if hashlib.sha256(data[:-32]).digest() != data[-32:]:
        raise refusal(message("library_refused.digest"), where=where, todo=VERIFY)
    (size,) = struct.unpack_from("<I", data, len(MAGIC))
    at = len(MAGIC) + 4
    head = parse_json(data[at : at + size], where=where)
    if not isinstance(head, dict):
        raise refusal(message("print_refused.head"), where=where)
    if type(version := head.get("version")) is not int or version < 1:
        raise refusal(message("print_refused.version"), where=where)
    if version > PRINT_VERSION:
        said = message("print_refused.newer", version=f"{version!r:.20}", reads=PRINT_VERSION)
        raise refusal(said, where=where, todo=message("library_advice.newer"))
    if version == 1 and isinstance(counts := head.get("arrays"), dict):
        one = _checked({**head, "arrays": {**counts, "evened": 0}}, data, at + size, where)
        return replace(one, arrays={**one.arrays, **with_evened(one.arrays)})
    return _checked(head, data, at + size, where)


def with_evened(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """What is made of a geometry, and of nothing else: its evened form and, where there is a screen, the code of that."""
    even = evened(arrays["geometry"]) if len(arrays["geometry"]) == PAIRS else np.zeros(0, np.int8)
    codes = np.zeros((len(arrays["screen"]), ANCHOR_NUMBERS), np.int8)
    codes[:] = code(even) if len(even) else 0
    return {"evened": even.reshape(-1, 1), "anchors": codes}


def _checked(head: Mapping[str, Any], data: bytes, at: int, where: str) -> Print:
    counts, ident, about, entry = (head.get(key) for key in ("arrays", "id", "about", "entry"))
    whole = isinstance(counts, dict) and isinstance(ident, str) and isinstance(about, dict) and isinstance(entry, dict)
    if not whole or not ID.fullmatch(str(ident)) or set(counts or ()) != set(_ARRAYS):
        raise refusal(message("print_refused.lacks"), where=where)
    assert isinstance(counts, dict)
    assert isinstance(about, dict)
    assert isinstance(entry, dict)
    arrays: dict[str, NDArray[Any]] = {}
    for name, (kind, width) in _ARRAYS.items():
        count = counts[name]
        size = count * width * np.dtype(kind).itemsize if type(count) is int and count >= 0 else -1
        if size < 0 or at + size > len(data) - 32:
            raise refusal(message("print_refused.array", name=name), where=where)
        arrays[name] = np.frombuffer(data, dtype=kind, count=count * width, offset=at).reshape(count, width)
        at += size
    if at != len(data) - 32 or not _agree(about, arrays) or not _told(entry):
        raise refusal(message("print_refused.disagrees"), where=where)
    return Print(str(ident), about, arrays, entry)


def _agree(about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bool:
    """Whether the head describes as many rows as there are."""
    matrices, gains, runs = (about.get(key) for key in ("matrices", "gains", "digest_runs"))
    if not (_table(matrices, 2) and _table(gains, 2) and _table(runs, 3)):
        return False
    assert isinstance(matrices, list)
    assert isinstance(gains, list)
    assert isinstance(runs, list)
    counts = [1 if first is None else count for _, first, count in runs]
    if not all(type(count) is int and 0 < count <= MAX_PRINT_BYTES for count in counts) or not _figures(about):
        return False
    rows = len(matrices) == len(arrays["sketches"]) == len(arrays["norms"]) == len(arrays["moments"])
    screens = len(arrays["screen"]) == len(arrays["anchors"]) <= 1
    return rows and screens and len(gains) == len(arrays["gains"]) and sum(counts) == len(arrays["digests"])


def _table(value: Any, width: int) -> bool:
    """Whether something is a list of lists of so many values, a text first and whole numbers or nothing after it."""
    return isinstance(value, list) and all(
        isinstance(row, list) and len(row) == width and isinstance(row[0], str)
        and all(cell is None or type(cell) is int for cell in row[1:]) for row in value
    )  # fmt: skip


def _figures(about: Mapping[str, Any]) -> bool:
    """Whether what reports show of a print is of the kind they show."""
    whole = all(type(about.get(key)) is int for key in ("layers", "width", "parameters"))
    return whole and isinstance(about.get("family"), str) and isinstance(about.get("effective"), int | float)


def _told(entry: Mapping[str, Any]) -> bool:
    lists = all(
        isinstance(entry.get(key, []), list) and all(isinstance(x, str) for x in entry.get(key, []))
        for key in ("names", "bases")
    )
    sources = entry.get("sources", [])
    return (
        lists
        and isinstance(sources, list)
        and all(isinstance(s, dict) and isinstance(s.get("key"), str) for s in sources)
    )


def empty_arrays(**given: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """All arrays of a print, those not given without rows, each in its type and width."""
    out = {}
    for name, (kind, width) in _ARRAYS.items():
        value = given.get(name)
        out[name] = np.zeros((0, width), kind) if value is None else np.asarray(value).astype(kind).reshape(-1, width)
    return out


def _bytes(arrays: Mapping[str, NDArray[Any]], name: str) -> bytes:
    return np.ascontiguousarray(arrays[name], dtype=_ARRAYS[name][0]).tobytes()


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode()


def merged_entries(first: Mapping[str, Any], *others: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of one content under several names, each said once, the first's order kept."""
    out: dict[str, Any] = dict(first)
    for other in others:
        for key in ("names", "bases"):
            out[key] = _once([*out.get(key, []), *other.get(key, [])])
        known = {source["key"]: source for source in [*out.get("sources", []), *other.get("sources", [])]}
        out["sources"] = [known[key] for key in sorted(known)]
        for key, value in other.items():
            out.setdefault(key, value)
    return out


def without_sources(one: Print, keys: Collection[str]) -> Print:
    """A print whose entry no longer names the sources of these keys: they hold another content now."""
    left = [source for source in one.entry.get("sources", ()) if source["key"] not in keys]
    return replace(one, entry={**one.entry, "sources": left})


def _once(words: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(words))
