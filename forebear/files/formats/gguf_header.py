"""The header of a GGUF file, walked once within bounds: every count is checked against the bytes left before any loop.

Source: the GGUF specification (gguf.md of the ggml project), versions 2 and 3.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from forebear.core.errors import refusal
from forebear.core.limits import MAX_METADATA_ENTRIES, MAX_TENSORS
from forebear.core.messages import Message, message
from forebear.files.base import TensorEntry, quoted
from forebear.files.formats.gguf_types import BLOCKS, TYPE_NAMES
from forebear.files.refusing import AGAIN, SOURCE, at_byte, claims, more_than, of_tensor

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MAX_DIMENSIONS = 4
MAX_NAME_BYTES = 4096
MAX_ARRAY_TEXTS = 2**20
"""Most texts all arrays of the metadata may hold (the largest known vocabulary with its merges: under 800,000)."""
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "B", 10: "Q", 11: "q", 12: "d"}
_BOOL, _STRING, _ARRAY = 7, 8, 9
_U32, _U64 = struct.Struct("<I"), struct.Struct("<Q")

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class GgufArray:
    """An array of the metadata, checked but not built: `items` of one type in `raw`."""

    type: int
    items: int
    raw: memoryview

    def build(self) -> list[Scalar]:
        """The values; text that is not UTF-8 keeps its bytes as surrogates."""
        if self.type != _STRING:
            values = struct.unpack(f"<{self.items}{_SCALARS[self.type]}", self.raw)
            return [bool(v) for v in values] if self.type == _BOOL else list(values)
        return [text.decode("utf-8", "surrogateescape") for text in self.strings()]

    def strings(self) -> list[bytes]:
        """The elements of an array of text, as bytes."""
        out, at = [], 0
        for _ in range(self.items if self.type == _STRING else 0):
            (length,) = _U64.unpack_from(self.raw, at)
            out.append(bytes(self.raw[at + 8 : at + 8 + length]))
            at += 8 + length
        return out

    def __str__(self) -> str:
        return f"[{self.items} values of type {self.type}]"


@dataclass(frozen=True, slots=True)
class GgufEntry(TensorEntry):
    """A tensor and where its bytes begin in the file; dtype is ggml's name for the type."""

    begin: int = 0


@dataclass(slots=True)
class GgufHeader:
    """What the header declares, all of it checked."""

    version: int
    values: Mapping[str, Scalar | GgufArray]
    tensors: dict[str, GgufEntry]
    odd: list[Message]
    raw: bytes


class _Cursor:
    """The header's bytes, fetched as the walk reaches them, never past the cap or the end of the file."""

    def __init__(self, fetch: Callable[[int, int], bytes], size: int, cap: int, where: str) -> None:
        self._fetch, self.size, self.cap, self.where = fetch, size, cap, where
        self.data = bytearray()
        self.at = 0

    def refuse(self, what: Message, todo: Message = AGAIN) -> NoReturn:
        raise refusal(at_byte(what, self.at), where=self.where, todo=todo)

    def refuse_tensor(self, name: str, what: Message, todo: Message = AGAIN) -> NoReturn:
        self.refuse(of_tensor(name, what), todo)

    def need(self, count: int, field: str, name: str = "") -> None:
        """Make `count` more bytes available. field: as the specification names it; name: of the key or tensor it is of."""
        end = self.at + count
        if end <= len(self.data):
            return
        if end > self.size:
            self.refuse(message("unfit.inside", what=_field(field, name), wanted=count, left=self.size - self.at))
        if end > self.cap:
            self.refuse(message("gguf.long_header", most=self.cap), message("advice.cap", size=min(self.size, 4 * end)))
        upto = min(self.size, self.cap, max(end, 2 * len(self.data), 2**18))
        self.data += self._fetch(len(self.data), upto - len(self.data))

    def left(self) -> int:
        return self.size - self.at

    def u32(self, field: str, name: str = "") -> int:
        self.need(4, field, name)
        (value,) = _U32.unpack_from(self.data, self.at)
        self.at += 4
        return int(value)

    def u64(self, field: str, name: str = "") -> int:
        self.need(8, field, name)
        (value,) = _U64.unpack_from(self.data, self.at)
        self.at += 8
        return int(value)

    def string(self, field: str, name: str = "", most: int | None = None) -> bytes:
        length = self.u64(f"{field}.len", name)
        if length > self.left():
            self.refuse(claims(_field(field, name), length, "bytes", self.left()))
        if most is not None and length > most:
            self.refuse(message("most.long", what=_field(field, name), length=length, most=most))
        self.need(length, field, name)
        text = bytes(self.data[self.at : self.at + length])
        self.at += length
        return text


def _field(field: str, name: str) -> Message:
    """A field of the header by its name in the specification, and whose it is."""
    return message("thing.field_of", field=field, name=quoted(name)) if name else message("thing.field", field=field)


def _too_many(things: str, count: int, most: int) -> Message:
    return message("most.declares", what=message("thing.header"), count=count, things=message(things), most=most)


def parse_gguf(fetch: Callable[[int, int], bytes], *, size: int, max_header: int, where: str) -> GgufHeader:
    """Parse and check a GGUF header.

    fetch:   (offset, count) -> bytes; called for consecutive runs from 0 on. size: of the file, bytes.
    Returns: entries whose byte ranges lie inside the file, aligned, without overlap.
    Raises:  RefusedError for anything outside the format, a count the file cannot hold, nesting, an unknown type.
    """
    cursor = _Cursor(fetch, size, max_header, where)
    version, tensor_count, value_count = _preamble(cursor)
    values = _metadata(cursor, value_count)
    alignment = _alignment(cursor, values)
    declared = _declarations(cursor, tensor_count)
    header_end = cursor.at
    data_begin = -(-header_end // alignment) * alignment
    tensors = {name: _place(cursor, name, d, alignment, data_begin) for name, d in declared.items()}
    odd = _check_ranges(tensors, data_begin, size, alignment, where)
    return GgufHeader(version, values, tensors, odd, bytes(cursor.data[:header_end]))


def _preamble(cursor: _Cursor) -> tuple[int, int, int]:
    cursor.need(4, "magic")
    if cursor.data[:4] != MAGIC:
        cursor.refuse(message("gguf.magic"), message("advice.gguf"))
    cursor.at = 4
    version = cursor.u32("version")
    if version not in VERSIONS:
        if version and not version & 0xFFFF:
            cursor.refuse(message("gguf.big"), message("advice.little_tool"))
        said = message("gguf.version", version=version, known=", ".join(map(str, VERSIONS)))
        cursor.refuse(said, message("advice.current_writer"))
    tensors, values = cursor.u64("tensor_count"), cursor.u64("metadata_kv_count")
    if tensors > MAX_TENSORS:
        cursor.refuse(_too_many("thing.tensors", tensors, MAX_TENSORS), SOURCE)
    if values > MAX_METADATA_ENTRIES:
        cursor.refuse(_too_many("thing.entries", values, MAX_METADATA_ENTRIES), SOURCE)
    if tensors * 24 + values * 13 > cursor.left():
        cursor.refuse(message("gguf.counts", tensors=tensors, entries=values, left=cursor.left()))
    return version, tensors, values


def _metadata(cursor: _Cursor, count: int) -> dict[str, Scalar | GgufArray]:
    values: dict[str, Scalar | GgufArray] = {}
    items = 0
    for _ in range(count):
        raw = cursor.string("key", most=MAX_NAME_BYTES)
        key = _text(cursor, raw, "key")
        if key in values:
            cursor.refuse(message("gguf.key_twice", key=quoted(key)))
        kind = cursor.u32("value_type", key)
        if kind == _ARRAY:
            array = _array(cursor, key, items)
            items += array.items if array.type == _STRING else 0
            values[key] = array
        elif kind == _STRING:
            values[key] = cursor.string("value", key).decode("utf-8", "replace")
        elif kind in _SCALARS:
            values[key] = _scalar(cursor, key, kind)
        else:
            cursor.refuse(message("gguf.key_type", key=quoted(key), type=kind))
    return values


def _text(cursor: _Cursor, raw: bytes, field: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        cursor.refuse(message("unfit.not_utf8", what=_field(field, "")))


def _scalar(cursor: _Cursor, key: str, kind: int) -> Scalar:
    form = struct.Struct("<" + _SCALARS[kind])
    cursor.need(form.size, "value", key)
    (value,) = form.unpack_from(cursor.data, cursor.at)
    cursor.at += form.size
    if kind == _BOOL:
        if value > 1:
            cursor.refuse(message("gguf.truth", key=quoted(key), value=value))
        return bool(value)
    return int(value) if isinstance(value, int) else float(value)


def _array(cursor: _Cursor, key: str, before: int) -> GgufArray:
    kind, count = cursor.u32("value.type", key), cursor.u64("value.len", key)
    if kind == _ARRAY:
        cursor.refuse(message("gguf.nested", key=quoted(key)))
    if kind != _STRING and kind not in _SCALARS:
        cursor.refuse(message("gguf.array_type", key=quoted(key), type=kind))
    size = 8 if kind == _STRING else struct.calcsize("<" + _SCALARS[kind])
    if count * size > cursor.left():
        cursor.refuse(claims(message("thing.array", name=quoted(key)), count, "elements", cursor.left()))
    if kind == _STRING and before + count > MAX_ARRAY_TEXTS:
        cursor.refuse(more_than("metadata", MAX_ARRAY_TEXTS, "texts"), SOURCE)
    begin = cursor.at
    if kind == _STRING:
        _skip_strings(cursor, key, count)
    else:
        cursor.need(count * size, "value", key)
        cursor.at += count * size
    return GgufArray(kind, count, memoryview(bytes(cursor.data[begin : cursor.at])))


def _skip_strings(cursor: _Cursor, key: str, count: int) -> None:
    """Walk over `count` strings; the loop is bounded by MAX_ARRAY_TEXTS and by the bytes there are."""
    unpack = _U64.unpack_from
    for _ in range(count):
        if cursor.at + 8 > len(cursor.data):
            cursor.need(8, "value.array", key)
        (length,) = unpack(cursor.data, cursor.at)
        if length > cursor.size - cursor.at - 8:
            cursor.refuse(claims(_field("value.array", key), length, "bytes", cursor.left() - 8))
        cursor.at += 8
        if cursor.at + length > len(cursor.data):
            cursor.need(length, "value.array", key)
        cursor.at += length


def _alignment(cursor: _Cursor, values: Mapping[str, Scalar | GgufArray]) -> int:
    alignment = values.get("general.alignment", 32)
    if isinstance(alignment, bool) or not isinstance(alignment, int):
        cursor.refuse(message("gguf.alignment_kind"))
    if not 1 <= alignment <= 2**20 or alignment & (alignment - 1):
        cursor.refuse(message("gguf.alignment", value=alignment))
    return alignment


def _declarations(cursor: _Cursor, count: int) -> dict[str, tuple[tuple[int, ...], int, int]]:
    """name -> (shape with rows first, type, offset)."""
    declared: dict[str, tuple[tuple[int, ...], int, int]] = {}
    for _ in range(count):
        raw = cursor.string("name", most=MAX_NAME_BYTES)
        name = _text(cursor, raw, "name")
        if name in declared:
            cursor.refuse_tensor(name, message("gguf.twice"))
        dimensions = cursor.u32("n_dimensions", name)
        if dimensions > MAX_DIMENSIONS:
            cursor.refuse_tensor(name, message("gguf.dimensions", count=dimensions, most=MAX_DIMENSIONS))
        sizes = [cursor.u64("dimensions", name) for _ in range(dimensions)]
        if math.prod(size or 1 for size in sizes) * 8 >= 2**63:
            cursor.refuse(message("of.tensor_says", name=quoted(name), what=message("unfit.overflows")))
        declared[name] = (
            tuple(reversed(sizes)),
            cursor.u32("type", name),
            cursor.u64("offset", name),
        )
    return declared


def _place(
    cursor: _Cursor, name: str, declared: tuple[tuple[int, ...], int, int], alignment: int, data_begin: int
) -> GgufEntry:
    shape, number, offset = declared
    if number not in BLOCKS:
        known = message("advice.known", names=", ".join(TYPE_NAMES.values()))
        cursor.refuse_tensor(name, message("gguf.type", type=number), known)
    block, block_bytes = BLOCKS[number]
    width = shape[-1] if shape else 1
    if width % block:
        said = message("gguf.blocks", width=width, block=block, type=TYPE_NAMES[number])
        cursor.refuse(message("of.tensor_says", name=quoted(name), what=said))
    if offset % alignment:
        cursor.refuse_tensor(name, message("gguf.aligned", offset=offset, alignment=alignment))
    stored = math.prod(shape) // block * block_bytes
    if data_begin + offset + stored > cursor.size:
        what = message("thing.tensor", name=quoted(name))
        cursor.refuse(message("unfit.truncated", what=what, end=data_begin + offset + stored, size=cursor.size))
    return GgufEntry(name, TYPE_NAMES[number], shape, stored, 0, data_begin + offset)


def _check_ranges(tensors: Mapping[str, GgufEntry], begin: int, size: int, alignment: int, where: str) -> list[Message]:
    """Refuse overlaps; say how many bytes belong to nothing."""
    reached, before, unused = begin, message("thing.header"), 0
    for entry in sorted(tensors.values(), key=lambda e: (e.begin, e.stored_bytes)):
        if entry.begin < reached and entry.stored_bytes:
            over = message("unfit.overlaps", name=quoted(entry.name), before=before)
            raise refusal(over, where=where, todo=AGAIN)
        gap = entry.begin - reached
        unused += gap if gap >= alignment else 0
        reached = max(reached, entry.begin + entry.stored_bytes)
        before = message("thing.tensor", name=quoted(entry.name))
    if size - reached >= alignment:
        unused += size - reached
    return [message("odd.unused", count=unused)] if unused else []
