""".npy arrays and .npz archives of them, without numpy's own loader: no object arrays, every shape against the bytes.

Source: numpy's format description (numpy/lib/format.py, versions 1 to 3).
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import refusal
from forebear.core.limits import MAX_DIMENSIONS, MAX_TENSORS
from forebear.core.messages import Message, message
from forebear.files.base import Container, Float32, TensorEntry, quoted
from forebear.files.bytes.archive import ZipArchive
from forebear.files.bytes.bytesource import ByteSource
from forebear.files.dtypes import DTYPES, decode
from forebear.files.refusing import AGAIN, SOURCE, complex_numbers, more_than
from forebear.files.rowwise import PlacedContainer, row_count
from forebear.files.view import Look, View

MAGIC = b"\x93NUMPY"
MAX_ARRAY_HEADER = 2**16
_TAGS = {
    "f2": "F16", "f4": "F32", "f8": "F64", "i1": "I8", "i2": "I16", "i4": "I32", "i8": "I64", "u1": "U8", "u2": "U16",
    "u4": "U32", "u8": "U64", "b1": "BOOL", "c8": "C64", "V2": "BF16",
}  # fmt: skip
_PLAIN = message("advice.plain")
_HEADER = re.compile(  # possessive quantifiers: a hostile header costs no backtracking
    rb"\{\s*+'descr'\s*+:\s*+'([<>|=])([a-zA-Z])(\d{1,4})'\s*+,\s*+'fortran_order'\s*+:\s*+(True|False)\s*+,"
    rb"\s*+'shape'\s*+:\s*+\(\s*+((?:\d{1,19}+L?+\s*+(?:,\s*+|(?=\))))*+)\)\s*+,?+\s*+\}\s*+"
)


@dataclass(frozen=True, slots=True)
class NpyEntry(TensorEntry):
    """An array: where its values begin in its source, and whether columns come first."""

    begin: int = 0
    columns_first: bool = False


class NpyContainer(PlacedContainer):
    """Arrays of .npy sources; column-major ones show their stored shape (see `open_npz`, which turns them)."""

    tensors: dict[str, NpyEntry]

    def __init__(
        self, kind: str, file: ByteSource, archive: ZipArchive | None, entries: Mapping[str, NpyEntry]
    ) -> None:
        self._file, self._archive = file, archive
        self._open: OrderedDict[str, ByteSource] = OrderedDict()
        odd: list[Message] = []
        halves = sum(entry.dtype == "BF16" for entry in entries.values())
        if halves:
            odd.append(message("odd.bfloat16", count=halves))
        super().__init__(kind, (file.path,), dict(entries), {}, odd)
        self._count()

    def _source(self, entry: TensorEntry) -> ByteSource:
        if self._archive is None:
            return self._file
        source = self._open.pop(entry.name, None)
        if source is None:
            source = self._archive.source(self._archive.members[f"{entry.name}.npy"])
        self._open[entry.name] = source
        if len(self._open) > 8:  # a deflated member keeps snapshots
            self._open.popitem(last=False)
        return source

    def _place(self, entry: TensorEntry) -> tuple[int, int]:
        assert isinstance(entry, NpyEntry)
        return entry.begin, entry.stored_bytes // max(1, row_count(entry)[0])

    def _decode(self, entry: TensorEntry, raw: NDArray[np.uint8]) -> Float32:
        if entry.dtype == "C64":
            raise complex_numbers(self, entry.name)
        return decode(raw.reshape(-1), DTYPES[entry.dtype])


def parse_npy(file: ByteSource, name: str) -> NpyEntry:
    """The header of one .npy source.

    Raises: RefusedError for object arrays, structured or big-endian values, a header that is none, a shape that does not
    fit the bytes.
    """
    where = str(file.path)
    head = bytes(file.read(0, min(12, file.size)))
    if head[:6] != MAGIC:
        _refuse(name, message("npy.magic"), where)
    wide = head[6:7] in (b"\x02", b"\x03")
    if not wide and head[6:7] != b"\x01":
        _refuse(name, message("npy.version", version=str(head[6]) if len(head) > 6 else "?"), where)
    begin = 12 if wide else 10
    length = int.from_bytes(head[8:begin], "little")
    if len(head) < begin or begin + length > file.size:
        _refuse(name, message("npy.ends"), where, AGAIN)
    if length > MAX_ARRAY_HEADER:
        _refuse(name, message("npy.header", length=length, most=MAX_ARRAY_HEADER), where)
    text = bytes(file.read(begin, length))
    found = _HEADER.fullmatch(text)
    if found is None:
        objects = b"'|O'" in text or b"'O'" in text
        _refuse(name, message("npy.objects") if objects else message("npy.no_header"), where)
    return _entry(name, found, begin + length, file.size, where)


def _entry(name: str, found: re.Match[bytes], begin: int, size: int, where: str) -> NpyEntry:
    order, kind = found[1].decode(), (found[2] + found[3]).decode()
    if kind.startswith("O"):
        _refuse(name, message("npy.objects"), where)
    tag = _TAGS.get(kind)
    if tag is None:
        _refuse(name, message("npy.type", type=repr(kind)), where)
    if order == ">" and kind[1:] != "1":
        _refuse(name, message("npy.big"), where)
    shape = tuple(int(part.strip(b" L")) for part in found[5].split(b",") if part.strip())
    if len(shape) > MAX_DIMENSIONS:
        many = message("most.has", count=len(shape), things=message("thing.dimensions"), most=MAX_DIMENSIONS)
        _refuse(name, many, where)
    if math.prod(s or 1 for s in shape) * 8 >= 2**63:
        _refuse(name, message("npy.overflows"), where)
    stored = math.prod(shape) * DTYPES[tag].bits // 8
    if begin + stored != size:
        _refuse(name, message("npy.bytes", found=size - begin, needed=stored), where, AGAIN)
    columns_first = found[4] == b"True" and sum(s != 1 for s in shape) > 1
    if columns_first and len(shape) > 2:
        _refuse(name, message("npy.columns", count=len(shape)), where)
    return NpyEntry(name, tag, tuple(reversed(shape)) if columns_first else shape, stored, 0, begin, columns_first)


def _refuse(name: str, what: Message, where: str, todo: Message = _PLAIN) -> NoReturn:
    raise refusal(message("of.array", name=quoted(name), what=what), where=where, todo=todo)


def open_npy(file: ByteSource, max_header: int | None) -> Container:
    """One .npy array, named after its file."""
    name = Path(file.path).name.removesuffix(".npy") or "array"
    entry = parse_npy(file, name)
    return _turned(NpyContainer("npy", file, None, {name: entry}), bytes(file.read(0, entry.begin)))


def is_npz(archive: ZipArchive) -> bool:
    """Whether every member of an archive is a .npy array."""
    return bool(archive.members) and all(name.endswith(".npy") for name in archive.members)


def open_npz(file: ByteSource, archive: ZipArchive) -> Container:
    """An .npz archive; arrays named after their members."""
    if len(archive.members) > MAX_TENSORS:
        archive.refuse(more_than("archive", MAX_TENSORS, "arrays"), SOURCE)
    entries: dict[str, NpyEntry] = {}
    digest = hashlib.sha256()
    for member_name, member in archive.members.items():
        name = member_name.removesuffix(".npy")
        entry = entries[name] = parse_npy(archive.source(member), name)
        digest.update(f"{name} {entry.dtype} {entry.shape}\n".encode())
    return _turned(NpyContainer("npz", file, archive, entries), digest.digest())


def _turned(container: NpyContainer, header: bytes) -> Container:
    """Column-major arrays shown row-major; a container without any comes back as it is."""
    container.header_digest = hashlib.sha256(header).hexdigest()
    if not any(entry.columns_first for entry in container.tensors.values()):
        return container
    return View(container, {n: Look(n, transposed=e.columns_first) for n, e in container.tensors.items()})
