"""Protocol-buffer messages walked field by field in any byte source: lengths checked, large values left where they are.

Source: the protocol buffers encoding guide (wire types 0, 1, 2, 5; groups, 3 and 4, are not used by what is read here).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import refusal
from forebear.core.messages import Message, message
from forebear.files.bytes.bytesource import ByteSource
from forebear.files.refusing import AGAIN, SOURCE, at_byte, claims, more_than

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_WINDOW = 2**16


@dataclass(frozen=True, slots=True)
class Field:
    """One field. value: of a varint or fixed number (unsigned); begin, end: where its bytes stand."""

    number: int
    wire: int
    value: int
    begin: int
    end: int


class Messages:
    """A byte source read as messages. Every field met costs one of `max_fields`; text is read up to `max_bytes` in all."""

    def __init__(self, file: ByteSource, *, max_fields: int, max_bytes: int) -> None:
        self.file, self._fields, self._most, self._bytes = file, max_fields, max_fields, max_bytes
        self.where = str(file.path)
        self._begin, self._window = 0, b""

    def refuse(self, what: Message, todo: Message = AGAIN) -> NoReturn:
        """Raise with the file's name."""
        raise refusal(what, where=self.where, todo=todo)

    def refuse_field(self, key: str, what: str, byte: int, /, **values: Any) -> NoReturn:
        """Raise for a field or message, named as ONNX names it."""
        self.refuse(at_byte(message(f"proto.{key}", what=message("thing.field", field=what), **values), byte))

    def fields(self, begin: int, end: int, what: str) -> Iterator[Field]:
        """The fields of the message in bytes begin..end, in order.

        Raises: RefusedError for a length that leaves the message, an unknown wire type, too many fields.
        """
        at = begin
        while at < end:
            self._fields -= 1
            if self._fields < 0:
                self.refuse(more_than("file", self._most, "fields"), SOURCE)
            key, at = self._varint(at, end, what)
            number, wire = key >> 3, key & 7
            if not 0 < number < 2**29:
                self.refuse_field("number", what, at, number=number)
            field, at = self._field(number, wire, at, end, what)
            yield field

    def _field(self, number: int, wire: int, at: int, end: int, what: str) -> tuple[Field, int]:
        if wire == VARINT:
            value, after = self._varint(at, end, what)
            return Field(number, wire, value, at, after), after
        if wire in (FIXED32, FIXED64):
            size = 4 if wire == FIXED32 else 8
        elif wire == BYTES:
            size, at = self._varint(at, end, what)
        else:
            self.refuse_field("wire", what, at, wire=wire)
        if size > end - at:
            self.refuse(at_byte(claims(message("thing.field", field=what), size, "bytes", end - at), at))
        value = int.from_bytes(self._peek(at, size), "little") if wire != BYTES else 0
        return Field(number, wire, value, at, at + size), at + size

    def _varint(self, at: int, end: int, what: str) -> tuple[int, int]:
        value = shift = 0
        for byte in self._peek(at, min(10, end - at)):
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if value >= 2**64:
                    self.refuse_field("past_64", what, at)
                return value, at
            shift += 7
        self.refuse_field("cut" if at >= end else "endless", what, at)

    def _peek(self, at: int, size: int) -> bytes:
        """A few bytes, from a window that moves along."""
        if not self._begin <= at <= at + size <= self._begin + len(self._window):
            self._begin = at
            self._window = bytes(self.file.read(at, min(max(size, _WINDOW), self.file.size - at)))
        return self._window[at - self._begin : at - self._begin + size]

    def bytes(self, field: Field, what: str, most: int) -> bytes:
        """A length-delimited field's bytes."""
        size = field.end - field.begin
        if field.wire != BYTES:
            self.refuse_field("no_bytes", what, field.begin)
        if size > most:
            self.refuse(message("most.long", what=message("thing.field", field=what), length=size, most=most))
        self._bytes -= size
        if self._bytes < 0:
            self.refuse(message("proto.graph_long"), message("advice.lift"))
        return self._peek(field.begin, size) if size <= _WINDOW else bytes(self.file.read(field.begin, size))

    def text(self, field: Field, what: str, most: int = 4096) -> str:
        """A text field."""
        try:
            return self.bytes(field, what, most).decode("utf-8")
        except UnicodeDecodeError:
            self.refuse(at_byte(message("unfit.not_utf8", what=message("thing.field", field=what)), field.begin))

    def numbers(self, field: Field, what: str, most: int) -> NDArray[np.int64]:
        """A packed or single varint field as signed 64-bit numbers; packed ones are decoded side by side."""
        if field.wire == VARINT:
            return np.array([signed(field.value)], dtype=np.int64)
        if field.wire != BYTES:
            self.refuse_field("no_numbers", what, field.begin)
        data = np.frombuffer(self.bytes(field, what, 10 * most), dtype=np.uint8)
        ends = np.flatnonzero(data < 0x80)
        if ends.size > most:
            of_what = message("thing.field", field=what)
            self.refuse(message("most.more_than", what=of_what, most=most, things=message("thing.numbers")))
        begins = np.concatenate([[0], ends[:-1] + 1]) if ends.size else ends
        lengths = ends - begins + 1
        if data.size and (not ends.size or ends[-1] + 1 != data.size or lengths.max() > 10):
            self.refuse_field("endless", what, field.begin)
        values = np.zeros(ends.size, dtype=np.uint64)
        for place in range(int(lengths.max()) if ends.size else 0):
            longer = lengths > place
            values[longer] |= (data[begins[longer] + place].astype(np.uint64) & np.uint64(0x7F)) << np.uint64(7 * place)
        return values.view(np.int64)


def signed(value: int) -> int:
    """A 64-bit number as protocol buffers store negative ones: two's complement."""
    return value - 2**64 if value >= 2**63 else value
