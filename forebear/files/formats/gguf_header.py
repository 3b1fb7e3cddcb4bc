"""The header of a GGUF file, walked once within bounds: every count is checked against the bytes left before any loop.

Source: the GGUF specification (gguf.md of the ggml project), versions 2 and 3.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from forebear.core.errors import RefusedError
from forebear.core.limits import MAX_METADATA_ENTRIES, MAX_TENSORS
from forebear.core.messages import Message, message
from forebear.files.base import TensorEntry, quoted
from forebear.files.formats.gguf_types import BLOCKS, TYPE_NAMES

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MAX_DIMENSIONS = 4
MAX_NAME_BYTES = 4096
MAX_ARRAY_TEXTS = 2**20
"""Most texts all arrays of the metadata may hold (the largest known vocabulary with its merges: under 800,000)."""
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "B", 10: "Q", 11: "q", 12: "d"}
_BOOL, _STRING, _ARRAY = 7, 8, 9
_DAMAGED = "The file is damaged or was written by a faulty tool; get it again."
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

    def refuse(self, what: str, todo: str = _DAMAGED) -> NoReturn:
        raise RefusedError(f"{what} (byte {self.at:,})", where=self.where, todo=todo)

    def need(self, count: int, what: str) -> None:
        """Make `count` more bytes available."""
        end = self.at + count
        if end <= len(self.data):
            return
        if end > self.size:
            self.refuse(f"the file ends inside {what}: {count:,} bytes wanted, {self.size - self.at:,} left")
        if end > self.cap:
            self.refuse(f"the header is longer than the {self.cap:,} bytes read",
                        f"If you trust the file, lift the cap with --max-header {min(self.size, 4 * end)}.")  # fmt: skip
        upto = min(self.size, self.cap, max(end, 2 * len(self.data), 2**18))
        self.data += self._fetch(len(self.data), upto - len(self.data))

    def left(self) -> int:
        return self.size - self.at

    def u32(self, what: str) -> int:
        self.need(4, what)
        (value,) = _U32.unpack_from(self.data, self.at)
        self.at += 4
        return int(value)

    def u64(self, what: str) -> int:
        self.need(8, what)
        (value,) = _U64.unpack_from(self.data, self.at)
        self.at += 8
        return int(value)

    def string(self, what: str, most: int | None = None) -> bytes:
        length = self.u64(f"the length of {what}")
        if length > self.left():
            self.refuse(f"{what} claims {length:,} bytes, {self.left():,} are left")
        if most is not None and length > most:
            self.refuse(f"{what} is {length:,} bytes long; at most {most:,} are read")
        self.need(length, what)
        text = bytes(self.data[self.at : self.at + length])
        self.at += length
        return text


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
    cursor.need(4, "the magic")
    if cursor.data[:4] != MAGIC:
        cursor.refuse("this does not begin with GGUF", "Give a GGUF file.")
    cursor.at = 4
    version = cursor.u32("the version")
    if version not in VERSIONS:
        if version and not version & 0xFFFF:
            cursor.refuse("the file is big-endian", "Convert it to little-endian with the tool that wrote it.")
        cursor.refuse(f"GGUF version {version} is not one of {VERSIONS}", "Convert it with a current llama.cpp.")
    tensors, values = cursor.u64("the tensor count"), cursor.u64("the metadata count")
    if tensors > MAX_TENSORS:
        cursor.refuse(f"declares {tensors:,} tensors; at most {MAX_TENSORS:,} are read", "Check where it is from.")
    if values > MAX_METADATA_ENTRIES:
        cursor.refuse(f"declares {values:,} metadata entries; at most {MAX_METADATA_ENTRIES:,} are read",
                      "Check where it is from.")  # fmt: skip
    if tensors * 24 + values * 13 > cursor.left():
        cursor.refuse(f"{tensors:,} tensors and {values:,} metadata entries cannot fit into {cursor.left():,} bytes")
    return version, tensors, values


def _metadata(cursor: _Cursor, count: int) -> dict[str, Scalar | GgufArray]:
    values: dict[str, Scalar | GgufArray] = {}
    items = 0
    for _ in range(count):
        raw = cursor.string("a metadata key", MAX_NAME_BYTES)
        key = _text(cursor, raw, "a metadata key")
        if key in values:
            cursor.refuse(f"the metadata key {quoted(key)} stands twice")
        kind = cursor.u32(f"the type of {quoted(key)}")
        if kind == _ARRAY:
            array = _array(cursor, key, items)
            items += array.items if array.type == _STRING else 0
            values[key] = array
        elif kind == _STRING:
            values[key] = cursor.string(f"the text of {quoted(key)}").decode("utf-8", "replace")
        elif kind in _SCALARS:
            values[key] = _scalar(cursor, key, kind)
        else:
            cursor.refuse(f"the metadata key {quoted(key)} has the unknown type {kind}")
    return values


def _text(cursor: _Cursor, raw: bytes, what: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        cursor.refuse(f"{what} is not UTF-8")


def _scalar(cursor: _Cursor, key: str, kind: int) -> Scalar:
    form = struct.Struct("<" + _SCALARS[kind])
    cursor.need(form.size, f"the value of {quoted(key)}")
    (value,) = form.unpack_from(cursor.data, cursor.at)
    cursor.at += form.size
    if kind == _BOOL:
        if value > 1:
            cursor.refuse(f"the truth value {quoted(key)} is {value}, neither 0 nor 1")
        return bool(value)
    return int(value) if isinstance(value, int) else float(value)


def _array(cursor: _Cursor, key: str, before: int) -> GgufArray:
    kind, count = cursor.u32(f"the element type of {quoted(key)}"), cursor.u64(f"the length of {quoted(key)}")
    if kind == _ARRAY:
        cursor.refuse(f"the metadata key {quoted(key)} nests arrays")
    if kind != _STRING and kind not in _SCALARS:
        cursor.refuse(f"the array {quoted(key)} has elements of the unknown type {kind}")
    size = 8 if kind == _STRING else struct.calcsize("<" + _SCALARS[kind])
    if count * size > cursor.left():
        cursor.refuse(f"the array {quoted(key)} claims {count:,} elements, {cursor.left():,} bytes are left")
    if kind == _STRING and before + count > MAX_ARRAY_TEXTS:
        cursor.refuse(f"the metadata arrays hold more than {MAX_ARRAY_TEXTS:,} texts", "Check where it is from.")
    begin = cursor.at
    if kind == _STRING:
        _skip_strings(cursor, key, count)
    else:
        cursor.need(count * size, f"the array {quoted(key)}")
        cursor.at += count * size
    return GgufArray(kind, count, memoryview(bytes(cursor.data[begin : cursor.at])))


def _skip_strings(cursor: _Cursor, key: str, count: int) -> None:
    """Walk over `count` strings; the loop is bounded by MAX_ARRAY_TEXTS and by the bytes there are."""
    what, unpack = f"an element of {quoted(key)}", _U64.unpack_from
    for _ in range(count):
        if cursor.at + 8 > len(cursor.data):
            cursor.need(8, what)
        (length,) = unpack(cursor.data, cursor.at)
        if length > cursor.size - cursor.at - 8:
            cursor.refuse(f"{what} claims {length:,} bytes, {cursor.left() - 8:,} are left")
        cursor.at += 8
        if cursor.at + length > len(cursor.data):
            cursor.need(length, what)
        cursor.at += length


def _alignment(cursor: _Cursor, values: Mapping[str, Scalar | GgufArray]) -> int:
    alignment = values.get("general.alignment", 32)
    if isinstance(alignment, bool) or not isinstance(alignment, int):
        cursor.refuse("general.alignment is not a whole number")
    if not 1 <= alignment <= 2**20 or alignment & (alignment - 1):
        cursor.refuse(f"general.alignment is {alignment}, not a power of two up to 1,048,576")
    return alignment


def _declarations(cursor: _Cursor, count: int) -> dict[str, tuple[tuple[int, ...], int, int]]:
    """name -> (shape with rows first, type, offset)."""
    declared: dict[str, tuple[tuple[int, ...], int, int]] = {}
    for _ in range(count):
        raw = cursor.string("a tensor name", MAX_NAME_BYTES)
        name = _text(cursor, raw, "a tensor name")
        if name in declared:
            cursor.refuse(f"tensor {quoted(name)} is declared twice")
        dimensions = cursor.u32(f"the dimensions of {quoted(name)}")
        if dimensions > MAX_DIMENSIONS:
            cursor.refuse(f"tensor {quoted(name)} has {dimensions:,} dimensions; the format allows {MAX_DIMENSIONS}")
        sizes = [cursor.u64(f"a size of {quoted(name)}") for _ in range(dimensions)]
        if math.prod(size or 1 for size in sizes) * 8 >= 2**63:
            cursor.refuse(f"tensor {quoted(name)}: the shape overflows")
        declared[name] = (
            tuple(reversed(sizes)),
            cursor.u32(f"the type of {quoted(name)}"),
            cursor.u64(f"where {quoted(name)} is"),
        )
    return declared


def _place(
    cursor: _Cursor, name: str, declared: tuple[tuple[int, ...], int, int], alignment: int, data_begin: int
) -> GgufEntry:
    shape, number, offset = declared
    if number not in BLOCKS:
        cursor.refuse(f"tensor {quoted(name)} has the unknown type {number}",
                      f"Known: {', '.join(TYPE_NAMES.values())}.")  # fmt: skip
    block, block_bytes = BLOCKS[number]
    width = shape[-1] if shape else 1
    if width % block:
        cursor.refuse(
            f"tensor {quoted(name)}: rows of {width:,} values are no whole blocks of {block} ({TYPE_NAMES[number]})"
        )
    if offset % alignment:
        cursor.refuse(f"tensor {quoted(name)} begins at {offset:,}, which is not aligned to {alignment}")
    stored = math.prod(shape) // block * block_bytes
    if data_begin + offset + stored > cursor.size:
        cursor.refuse(f"truncated: tensor {quoted(name)} ends at byte {data_begin + offset + stored:,} of {cursor.size:,}",
                      "Download or copy it again.")  # fmt: skip
    return GgufEntry(name, TYPE_NAMES[number], shape, stored, 0, data_begin + offset)


def _check_ranges(tensors: Mapping[str, GgufEntry], begin: int, size: int, alignment: int, where: str) -> list[Message]:
    """Refuse overlaps; say how many bytes belong to nothing."""
    reached, before, unused = begin, "the header", 0
    for entry in sorted(tensors.values(), key=lambda e: (e.begin, e.stored_bytes)):
        if entry.begin < reached and entry.stored_bytes:
            raise RefusedError(f"tensor {quoted(entry.name)} overlaps {before}", where=where, todo=_DAMAGED)
        gap = entry.begin - reached
        unused += gap if gap >= alignment else 0
        reached, before = max(reached, entry.begin + entry.stored_bytes), f"tensor {quoted(entry.name)}"
    if size - reached >= alignment:
        unused += size - reached
    return [message("odd.unused", count=unused)] if unused else []
