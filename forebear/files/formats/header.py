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

from forebear.core.errors import printable, refusal
from forebear.core.limits import MAX_DIMENSIONS, MAX_METADATA_ENTRIES, MAX_TENSORS
from forebear.core.messages import Message, message
from forebear.files.base import TensorEntry, quoted
from forebear.files.dtypes import DTYPES
from forebear.files.refusing import AGAIN, SOURCE, of_tensor

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
    many = message("most.declares", what=message("thing.header"), count=count, things=message("thing.tensors"), most=MAX_TENSORS)
    raise refusal(many, where=where, todo=SOURCE)


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
            self.refuse(0, message("unfit.no_object"))
        at = start.end()
        if (end := _END.match(self.raw, at)) is not None:
            at, more = end.end(), False
        else:
            more = True
        while more:
            at, more = self.entry(at)
        if _REST.match(self.raw, at) is None:
            self.refuse(at, message("unfit.follows_header"))
        return Header(self.tensors, self.metadata or {}, self.oddities())

    def oddities(self) -> list[Message]:
        """What the reference library reads and no writer should write."""
        odd = [message("odd.null_metadata")] if self.null_metadata else []
        if self.unknown:
            names = [printable(name, 40) for name, _ in self.unknown.most_common(SHOWN)]
            odd.append(message("odd.fields", count=self.unknown.total(), names=names))
        return odd

    def refuse(self, at: int, what: Message) -> NoReturn:
        raise refusal(message("of.header_byte", what=what, byte=at), where=self.where, todo=AGAIN)

    def refuse_tensor(self, at: int, name: str, what: Message) -> NoReturn:
        self.refuse(at, message("of.tensor_says", name=quoted(name), what=what))

    def entry(self, at: int) -> tuple[int, bool]:
        """One `"name": {...}` from `at`; returns where it ends and whether another follows."""
        plain = _PLAIN_ENTRY.match(self.raw, at)
        if plain is not None and plain[1] != b"__metadata__":
            name = self.text(plain[1], at)
            self.add(name, at, plain[2].decode(), self.numbers(plain[3], at, name), self.numbers(plain[4], at, name))
            return plain.end(), plain[5] == b","
        key = _KEY.match(self.raw, at)
        if key is None:
            self.refuse(at, message("unfit.name_wanted"))
        name = self.text(key[1], at)
        if name == "__metadata__":
            if self.metadata is not None:
                self.refuse(at, message("unfit.metadata_twice"))
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
            said = message("of.header_byte", what=message("unfit.utf8"), byte=at)
            raise refusal(said, where=self.where, todo=AGAIN) from error
        return text

    def numbers(self, token: bytes, at: int, name: str) -> tuple[int, ...]:
        """The whole numbers of a list, few and below 2**63."""
        if not token:
            return ()
        parts = token.split(b",", MAX_DIMENSIONS)
        if len(parts) > MAX_DIMENSIONS:
            count = token.count(b",") + 1
            many = message("most.has", count=count, things=message("thing.dimensions"), most=MAX_DIMENSIONS)
            self.refuse(at, of_tensor(name, many))
        if len(token) > 20 * MAX_DIMENSIONS:  # Python refuses to convert very many digits in its own words
            parts = [part.strip()[:20] for part in parts]
        values = tuple(map(int, parts))
        if max(values) > _LARGEST:
            self.refuse(at, of_tensor(name, message("unfit.no_size")))
        return values

    def separator(self, at: int) -> tuple[int, bool]:
        found = _NEXT.match(self.raw, at)
        if found is None:
            self.refuse(at, message("unfit.comma_wanted"))
        return found.end(), found[1] == b","

    def begin_object(self, at: int, what: Message) -> tuple[int, bool]:
        start = _OPEN.match(self.raw, at)
        if start is None:
            self.refuse(at, message("unfit.no_entry", what=what))
        if (end := _END.match(self.raw, start.end())) is not None:
            return end.end(), False
        return start.end(), True

    def pairs(self, at: int, into: dict[str, str]) -> tuple[int, bool]:
        """`__metadata__`: text to text, nothing else."""
        at, more = self.begin_object(at, message("thing.word", word="__metadata__"))
        while more:
            key = _KEY.match(self.raw, at)
            value = _TEXT.match(self.raw, key.end()) if key is not None else None
            if key is None or value is None:
                self.refuse(at, message("unfit.metadata_text"))
            name = self.text(key[1], at)
            if name in into:
                self.refuse(at, message("unfit.metadata_key", name=quoted(name)))
            if len(into) >= MAX_METADATA_ENTRIES:
                what = message("thing.word", word="__metadata__")
                many = message("most.more_than", what=what, most=MAX_METADATA_ENTRIES, things=message("thing.entries"))
                self.refuse(at, many)
            into[name] = self.text(value[1], at)
            at, more = self.separator(value.end())
        return self.separator(at)

    def fields(self, at: int, name: str) -> tuple[int, bool]:
        """dtype, shape and data_offsets of one tensor, in any order, each once."""
        begin = at
        texts: dict[str, str] = {}
        lists: dict[str, tuple[int, ...]] = {}
        at, more = self.begin_object(at, message("thing.tensor", name=quoted(name)))
        while more:
            key = _KEY.match(self.raw, at)
            if key is None:
                self.refuse_tensor(at, name, message("unfit.field_wanted"))
            word = self.text(key[1], at)
            if word in texts or word in lists:
                self.refuse_tensor(at, name, message("unfit.key_twice", key=quoted(word)))
            if word == "dtype":
                value = _TEXT.match(self.raw, key.end())
                if value is None:
                    self.refuse_tensor(key.end(), name, message("unfit.no_text", word=word))
                texts[word] = self.text(value[1], at)
            elif word in ("shape", "data_offsets"):
                value = _LIST.match(self.raw, key.end())
                if value is None:
                    self.refuse_tensor(key.end(), name, message("unfit.no_sizes", word=word))
                lists[word] = self.numbers(value[1], at, name)
            else:
                self.unknown[word if len(self.unknown) < MAX_UNKNOWN else ""] += 1
                at, more = self.separator(self.skip(key.end(), name, word))
                continue
            at, more = self.separator(value.end())
        missing = [word for word in ("dtype", "shape", "data_offsets") if word not in texts and word not in lists]
        if missing:
            self.refuse(begin, of_tensor(name, message("unfit.lacks", names=" and ".join(missing))))
        self.add(name, begin, texts["dtype"], lists["shape"], lists["data_offsets"])
        return self.separator(at)

    def skip(self, at: int, name: str, word: str) -> int:
        """Where a JSON value of any kind ends; values are read a piece at a time, none longer than MAX_UNKNOWN_BYTES."""
        for size in (2**8, 2**12, MAX_UNKNOWN_BYTES):
            piece = self.raw[at : at + size].decode("latin-1")
            try:
                end = _ANY.raw_decode(piece)[1]
            except (ValueError, RecursionError):
                continue
            if end < len(piece):  # else a number may go on
                return at + end
        what = message("thing.unknown_key", name=quoted(name), key=quoted(word))
        self.refuse(at, message("unfit.no_value", what=what, most=MAX_UNKNOWN_BYTES))

    def add(self, name: str, at: int, tag: str, shape: tuple[int, ...], offsets: tuple[int, ...]) -> None:
        """Accept one tensor if its byte range follows from its dtype and shape."""
        if name in self.tensors:
            self.refuse(at, message("unfit.tensor_twice", name=quoted(name)))
        if len(self.tensors) >= MAX_TENSORS:
            _refuse_count(len(self.tensors) + 1, self.where)
        dtype = DTYPES.get(tag)
        if dtype is None:
            said = of_tensor(name, message("unfit.dtype", dtype=quoted(tag)))
            raise refusal(said, where=self.where, todo=message("advice.known", names=", ".join(DTYPES)))
        if len(offsets) != 2 or offsets[0] > offsets[1]:
            self.refuse_tensor(at, name, message("unfit.offsets"))
        # Zero sizes do not excuse the others: numpy multiplies them all.
        if math.prod(size or 1 for size in shape) * 8 > _LARGEST:
            self.refuse_tensor(at, name, message("unfit.overflows"))
        bits = math.prod(shape) * dtype.bits
        if bits % 8:
            self.refuse_tensor(at, name, message("unfit.part_bytes", count=math.prod(shape), dtype=tag))
        if offsets[1] - offsets[0] != bits // 8:
            span = offsets[1] - offsets[0]
            self.refuse_tensor(at, name, message("unfit.span", span=span, needed=bits // 8))
        self.tensors[name] = PlacedEntry(name, tag, shape, bits // 8, self.shard, self.data_begin + offsets[0])


def _check_ranges(tensors: dict[str, PlacedEntry], data_begin: int, file_size: int, where: str) -> None:
    """The ranges, in file order, follow each other without overlap or hole from the header to the end of the file."""
    reached, before = data_begin, message("thing.header")
    for entry in sorted(tensors.values(), key=lambda e: (e.begin, e.stored_bytes)):
        if entry.begin < reached:
            over = message("unfit.overlaps", name=quoted(entry.name), before=before)
            raise refusal(over, where=where, todo=AGAIN)
        if entry.begin > reached:
            hole = message("unfit.hole", count=entry.begin - reached, name=quoted(entry.name))
            raise refusal(hole, where=where, todo=AGAIN)
        reached, before = entry.begin + entry.stored_bytes, message("thing.tensor", name=quoted(entry.name))
        if reached > file_size:
            raise refusal(message("unfit.truncated", what=before, end=reached, size=file_size), where=where, todo=AGAIN)
    if reached < file_size:
        raise refusal(message("unfit.follow", count=file_size - reached), where=where, todo=AGAIN)
