"""The header of a safetensors file, parsed by its own narrow grammar checked against the file before it is believed.

A general JSON parser would build whatever the header holds (25 MB of `[],[],` becomes half a gigabyte of lists, deep
nesting overruns the stack); this one walks the bytes, keeps nothing but accepted entries, and nests no deeper than the
format does. Where the reference library is lenient and nothing is lost by it (no metadata written as null, fields that it does
not know), so is this, and says so: `Header.odd`.
Source: the safetensors format, version 0.8.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import NoReturn

from forebear.core.errors import RefusedError, printable
from forebear.core.limits import MAX_DIMENSIONS, MAX_METADATA_ENTRIES, MAX_TENSORS
from forebear.core.messages import Message, message
from forebear.files.base import TensorEntry, quoted
from forebear.files.dtypes import DTYPES

# Possessive quantifiers: nothing to take back, so a hostile string costs no backtracking and no stack.
_WS = rb"[ \t\r\n]*+"
_STRING = rb'"([^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+)"'
_INT = rb"(?:0|[1-9][0-9]*+)"
_INTS = rb"\[" + _WS + rb"((?:" + _INT + rb"(?:" + _WS + rb"," + _WS + _INT + rb")*+)?+)" + _WS + rb"\]"
_KEY = re.compile(_WS + _STRING + _WS + rb":" + _WS)
_TEXT = re.compile(_STRING)
_LIST = re.compile(_INTS)
_OPEN = re.compile(rb"\{" + _WS)
_NEXT = re.compile(_WS + rb"([,}])")
_END = re.compile(_WS + rb"\}")
_REST = re.compile(_WS + rb"\Z")
_PLAIN_ENTRY = re.compile(  # the order every writer uses; other orders take the slow way to the same result
    _WS.join(
        [b"", _STRING, rb":", rb"\{", rb'"dtype"', rb":", rb'"([A-Z0-9_]{1,16})"', rb",", rb'"shape"', rb":", _INTS,
         rb",", rb'"data_offsets"', rb":", _INTS, rb"\}", rb"([,}])"]
    )
)  # fmt: skip
_LARGEST = 2**63 - 1
_MALFORMED = "The file is damaged or was written by a faulty tool; get it again."
MAX_UNKNOWN_BYTES = 2**16
"""Longest value of a field that the format does not know."""
MAX_UNKNOWN = 1000
"""Different names of such fields that are kept apart."""
SHOWN = 4


def _no_number(word: str) -> NoReturn:
    raise ValueError(word)


_ANY = json.JSONDecoder(parse_constant=_no_number, parse_int=len, parse_float=len)
"""Numbers become their lengths: their values are of no interest, and conversion has a price."""


@dataclass(frozen=True, slots=True)
class PlacedEntry(TensorEntry):
    """An entry and where its bytes begin in the file."""

    begin: int = 0


@dataclass(slots=True)
class Header:
    """What a header declares, all of it checked: entries in header order."""

    tensors: dict[str, PlacedEntry]
    metadata: dict[str, str]
    odd: list[Message]


def parse_header(raw: bytes, *, data_begin: int, file_size: int, where: str, shard: int = 0) -> Header:
    """Parse and check a safetensors header.

    raw:        the header's bytes; data_begin: where tensor bytes begin in the file; file_size: in bytes.
    Returns:    entries whose byte ranges tile [data_begin, file_size) exactly.
    Raises:     RefusedError for anything outside the grammar: duplicate or unknown keys, unknown dtype, too many
                tensors or dimensions, a size that does not follow from dtype and shape, ranges that overlap, leave a
                hole, or do not end with the file.
    """
    declared = raw.count(b'"data_offsets"')
    if declared > MAX_TENSORS + 1:  # before any entry is built: a million tensors cost one scan
        _refuse_count(declared, where)
    header = _Parser(raw, data_begin, where, shard).parse()
    _check_ranges(header.tensors, data_begin, file_size, where)
    return header


def _refuse_count(count: int, where: str) -> NoReturn:
    raise RefusedError(
        f"the header declares {count:,} tensors; at most {MAX_TENSORS:,} are read",
        where=where,
        todo="No known model has that many; check where the file is from.",
    )


class _Parser:
    """One walk over the header's bytes."""

    def __init__(self, raw: bytes, data_begin: int, where: str, shard: int) -> None:
        self.raw, self.data_begin, self.where, self.shard = raw, data_begin, where, shard
        self.tensors: dict[str, PlacedEntry] = {}
        self.metadata: dict[str, str] | None = None
        self.null_metadata = False
        self.unknown: Counter[str] = Counter()

    def parse(self) -> Header:
        start = _OPEN.match(self.raw)
        if start is None:
            self.refuse(0, "the header is not a JSON object")
        at = start.end()
        if (end := _END.match(self.raw, at)) is not None:
            at, more = end.end(), False
        else:
            more = True
        while more:
            at, more = self.entry(at)
        if _REST.match(self.raw, at) is None:
            self.refuse(at, "something follows the header's closing brace")
        return Header(self.tensors, self.metadata or {}, self.oddities())

    def oddities(self) -> list[Message]:
        """What the reference library reads and no writer should write."""
        odd = [message("odd.null_metadata")] if self.null_metadata else []
        if self.unknown:
            names = [printable(name, 40) for name, _ in self.unknown.most_common(SHOWN)]
            odd.append(message("odd.fields", count=self.unknown.total(), names=names))
        return odd

    def refuse(self, at: int, what: str) -> NoReturn:
        raise RefusedError(f"{what} (header byte {at:,})", where=self.where, todo=_MALFORMED)

    def entry(self, at: int) -> tuple[int, bool]:
        """One `"name": {...}` from `at`; returns where it ends and whether another follows."""
        plain = _PLAIN_ENTRY.match(self.raw, at)
        if plain is not None and plain[1] != b"__metadata__":
            name = self.text(plain[1], at)
            self.add(name, at, plain[2].decode(), self.numbers(plain[3], at, name), self.numbers(plain[4], at, name))
            return plain.end(), plain[5] == b","
        key = _KEY.match(self.raw, at)
        if key is None:
            self.refuse(at, "the header is not valid JSON: a name in quotes and a colon should stand here")
        name = self.text(key[1], at)
        if name == "__metadata__":
            if self.metadata is not None:
                self.refuse(at, "duplicate key __metadata__")
            self.metadata = {}
            if self.raw.startswith(b"null", key.end()):
                self.null_metadata = True
                return self.separator(key.end() + 4)
            return self.pairs(key.end(), self.metadata)
        return self.fields(key.end(), name)

    def text(self, token: bytes, at: int) -> str:
        """A JSON string's contents as text that can be encoded again."""
        try:
            if b"\\" not in token:
                return token.decode("utf-8")
            text = str(json.loads(b'"' + token + b'"'))
            text.encode("utf-8")
        except UnicodeError as error:
            raise RefusedError(
                f"text that is not UTF-8 (header byte {at:,})", where=self.where, todo=_MALFORMED
            ) from error
        return text

    def numbers(self, token: bytes, at: int, name: str) -> tuple[int, ...]:
        """The whole numbers of a list, few and below 2**63."""
        if not token:
            return ()
        parts = token.split(b",", MAX_DIMENSIONS)
        if len(parts) > MAX_DIMENSIONS:
            count = token.count(b",") + 1
            self.refuse(at, f"tensor {quoted(name)} has {count:,} dimensions; at most {MAX_DIMENSIONS} are read")
        if len(token) > 20 * MAX_DIMENSIONS:  # Python refuses to convert very many digits in its own words
            parts = [part.strip()[:20] for part in parts]
        values = tuple(map(int, parts))
        if max(values) > _LARGEST:
            self.refuse(at, f"tensor {quoted(name)} declares a number too large to be a size")
        return values

    def separator(self, at: int) -> tuple[int, bool]:
        found = _NEXT.match(self.raw, at)
        if found is None:
            self.refuse(at, "the header is not valid JSON: a comma or a closing brace should stand here")
        return found.end(), found[1] == b","

    def begin_object(self, at: int, what: str) -> tuple[int, bool]:
        start = _OPEN.match(self.raw, at)
        if start is None:
            self.refuse(at, f"{what} is not an object")
        if (end := _END.match(self.raw, start.end())) is not None:
            return end.end(), False
        return start.end(), True

    def pairs(self, at: int, into: dict[str, str]) -> tuple[int, bool]:
        """`__metadata__`: text to text, nothing else."""
        at, more = self.begin_object(at, "__metadata__")
        while more:
            key = _KEY.match(self.raw, at)
            value = _TEXT.match(self.raw, key.end()) if key is not None else None
            if key is None or value is None:
                self.refuse(at, "__metadata__ must map text to text")
            name = self.text(key[1], at)
            if name in into:
                self.refuse(at, f"duplicate key {quoted(name)} in __metadata__")
            if len(into) >= MAX_METADATA_ENTRIES:
                self.refuse(at, f"__metadata__ has more than {MAX_METADATA_ENTRIES:,} entries")
            into[name] = self.text(value[1], at)
            at, more = self.separator(value.end())
        return self.separator(at)

    def fields(self, at: int, name: str) -> tuple[int, bool]:
        """dtype, shape and data_offsets of one tensor, in any order, each once."""
        begin = at
        texts: dict[str, str] = {}
        lists: dict[str, tuple[int, ...]] = {}
        at, more = self.begin_object(at, f"tensor {quoted(name)}")
        while more:
            key = _KEY.match(self.raw, at)
            if key is None:
                self.refuse(at, f"tensor {quoted(name)}: a field name in quotes and a colon should stand here")
            word = self.text(key[1], at)
            if word in texts or word in lists:
                self.refuse(at, f"tensor {quoted(name)}: duplicate key {quoted(word)}")
            if word == "dtype":
                value = _TEXT.match(self.raw, key.end())
                if value is None:
                    self.refuse(key.end(), f"tensor {quoted(name)}: dtype is not text")
                texts[word] = self.text(value[1], at)
            elif word in ("shape", "data_offsets"):
                value = _LIST.match(self.raw, key.end())
                if value is None:
                    self.refuse(key.end(), f"tensor {quoted(name)}: {word} is not a list of whole numbers from 0 up")
                lists[word] = self.numbers(value[1], at, name)
            else:
                self.unknown[word if len(self.unknown) < MAX_UNKNOWN else ""] += 1
                at, more = self.separator(self.skip(key.end(), f"tensor {quoted(name)}: unknown key {quoted(word)}"))
                continue
            at, more = self.separator(value.end())
        missing = [word for word in ("dtype", "shape", "data_offsets") if word not in texts and word not in lists]
        if missing:
            self.refuse(begin, f"tensor {quoted(name)} lacks {' and '.join(missing)}")
        self.add(name, begin, texts["dtype"], lists["shape"], lists["data_offsets"])
        return self.separator(at)

    def skip(self, at: int, what: str) -> int:
        """Where a JSON value of any kind ends; values are read a piece at a time, none longer than MAX_UNKNOWN_BYTES."""
        for size in (2**8, 2**12, MAX_UNKNOWN_BYTES):
            piece = self.raw[at : at + size].decode("latin-1")
            try:
                end = _ANY.raw_decode(piece)[1]
            except (ValueError, RecursionError):
                continue
            if end < len(piece):  # else a number may go on
                return at + end
        self.refuse(at, f"{what} has no JSON value of at most {MAX_UNKNOWN_BYTES:,} bytes")

    def add(self, name: str, at: int, tag: str, shape: tuple[int, ...], offsets: tuple[int, ...]) -> None:
        """Accept one tensor if its byte range follows from its dtype and shape."""
        if name in self.tensors:
            self.refuse(at, f"duplicate key: tensor {quoted(name)} is declared twice")
        if len(self.tensors) >= MAX_TENSORS:
            _refuse_count(len(self.tensors) + 1, self.where)
        dtype = DTYPES.get(tag)
        if dtype is None:
            raise RefusedError(
                f"tensor {quoted(name)} has the unknown dtype {quoted(tag)}",
                where=self.where,
                todo=f"Known: {', '.join(DTYPES)}.",
            )
        if len(offsets) != 2 or offsets[0] > offsets[1]:
            self.refuse(at, f"tensor {quoted(name)}: data_offsets must be a begin and an end, in that order")
        # Zero sizes do not excuse the others: numpy multiplies them all.
        if math.prod(size or 1 for size in shape) * 8 > _LARGEST:
            self.refuse(at, f"tensor {quoted(name)}: the shape overflows")
        bits = math.prod(shape) * dtype.bits
        if bits % 8:
            self.refuse(at, f"tensor {quoted(name)}: {math.prod(shape):,} values of {tag} do not fill whole bytes")
        if offsets[1] - offsets[0] != bits // 8:
            span = offsets[1] - offsets[0]
            self.refuse(
                at, f"tensor {quoted(name)}: data_offsets span {span:,} bytes, dtype and shape need {bits // 8:,}"
            )
        self.tensors[name] = PlacedEntry(name, tag, shape, bits // 8, self.shard, self.data_begin + offsets[0])


def _check_ranges(tensors: dict[str, PlacedEntry], data_begin: int, file_size: int, where: str) -> None:
    """The ranges, in file order, follow each other without overlap or hole from the header to the end of the file."""
    reached, before = data_begin, "the header"
    for entry in sorted(tensors.values(), key=lambda e: (e.begin, e.stored_bytes)):
        if entry.begin < reached:
            raise RefusedError(f"tensor {quoted(entry.name)} overlaps {before}", where=where, todo=_MALFORMED)
        if entry.begin > reached:
            raise RefusedError(
                f"a hole of {entry.begin - reached:,} bytes before tensor {quoted(entry.name)}",
                where=where,
                todo=_MALFORMED,
            )
        reached, before = entry.begin + entry.stored_bytes, f"tensor {quoted(entry.name)}"
        if reached > file_size:
            raise RefusedError(
                f"truncated at byte {file_size:,}: tensor {quoted(entry.name)} ends at {reached:,}",
                where=where,
                todo="Download or copy it again.",
            )
    if reached < file_size:
        raise RefusedError(f"{file_size - reached:,} bytes follow the last tensor", where=where, todo=_MALFORMED)
