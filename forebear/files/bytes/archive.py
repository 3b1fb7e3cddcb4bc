"""Zip archives by our own arithmetic: members located, checked against both directories, read in place.

A general unzipper trusts one directory and hides disagreements; here the local and the central header must agree, no
two members may share bytes or a name, and nothing is unpacked anywhere.
Source: the .ZIP file format specification (APPNOTE 6.3.10), records by their field numbers.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from forebear.core.errors import refusal
from forebear.core.limits import MAX_HEADER_BYTES, MAX_TENSORS, READ_BLOCK_BYTES
from forebear.core.messages import Message, message
from forebear.files.base import quoted
from forebear.files.bytes.archive_inflate import InflatedFile
from forebear.files.bytes.bytesource import ByteSource, Part
from forebear.files.refusing import AGAIN, BY_HAND, DAMAGED, SOURCE

STORED, DEFLATED = 0, 8
MAX_MEMBERS = 2 * MAX_TENSORS
_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")
_END64 = struct.Struct("<4sQHHIIQQQQ")
_LOCATOR64 = struct.Struct("<4sIQI")
_UNSET = (0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
_ENCRYPTED, _DESCRIPTOR, _UTF8 = 0x1, 0x8, 0x800


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive as both directories declare it. begin: of its data; stored: bytes there; size: unpacked.

    sure:  bytes that are the member's even if one field of its headers is damaged: from its local header on, extra fields not
           counted; none where the sizes are stated in one place alone.
    """

    name: str
    method: int
    begin: int
    stored: int
    size: int
    crc: int
    sure: tuple[int, int] = (0, 0)


class ZipArchive:
    """The members of a zip archive in any byte source.

    Raises: RefusedError for anything damaged, ambiguous, encrypted or beyond the bounds.
    """

    def __init__(self, file: ByteSource) -> None:
        self.file = file
        self.where = str(file.path)
        self._central = b""
        count, begin, size = self._end()
        self.members = self._directory(count, begin, size)
        self._check_overlaps(begin)

    def refuse(self, what: Message, todo: Message = AGAIN) -> NoReturn:
        """Raise with this archive's name."""
        raise refusal(what, where=self.where, todo=todo)

    def refuse_member(self, name: str, what: Message, todo: Message = AGAIN) -> NoReturn:
        """Raise for one of its members."""
        self.refuse(message("of.member", name=quoted(name), what=what), todo)

    def source(self, member: Member) -> ByteSource:
        """A member as a source of its own; deflated members are inflated as they are read, in memory."""
        part = Part(self.file, member.begin, member.stored, Path(self.where) / member.name)
        if member.method == STORED:
            return part
        return InflatedFile(part, member.size, member.crc)

    def read(self, member: Member, limit: int = MAX_HEADER_BYTES) -> bytes:
        """A small member whole, its checksum verified."""
        if member.size > limit:
            many = message("most.has", count=member.size, things=message("thing.bytes"), most=limit)
            self.refuse_member(member.name, many, SOURCE)
        data = bytes(self.source(member).read(0, member.size))
        if zlib.crc32(data) != member.crc:
            self.refuse(message("zip.checksum", name=quoted(member.name)), DAMAGED)
        return data

    def crc_of(self, member: Member) -> int:
        """The checksum of a member's bytes as they are, read in blocks."""
        source, crc = self.source(member), 0
        for offset in range(0, member.size, READ_BLOCK_BYTES):
            crc = zlib.crc32(source.read(offset, min(READ_BLOCK_BYTES, member.size - offset)), crc)
        return crc

    def _end(self) -> tuple[int, int, int]:
        """(members, where the central directory begins, its size), from the end record."""
        size = self.file.size
        if size < _END.size:
            self.refuse(message("unfit.too_small", size=size, what=message("thing.zip")))
        tail_size = min(size, _END.size + 0xFFFF)
        tail = bytes(self.file.read(size - tail_size, tail_size))
        at = tail.rfind(b"PK\5\6")
        while at >= 0 and (at + _END.size > tail_size or at + _END.size + _comment(tail, at) != tail_size):
            at = tail.rfind(b"PK\5\6", 0, at)
        if at < 0:
            self.refuse(message("zip.no_end"))
        _, disk, first_disk, here, count, length, begin, _ = _END.unpack_from(tail, at)
        end = size - tail_size + at
        if (wide := self._end64(end)) is not None:  # some writers always add it
            for narrow, other, unset in zip((here, count, length, begin), wide[2:6], _UNSET, strict=True):
                if narrow not in (other, unset):
                    self.refuse(message("zip.ends_differ"))
            disk, first_disk, here, count, length, begin, end = wide
        if disk or first_disk or here != count:
            self.refuse(message("zip.disks"), message("advice.disks"))
        self._check_directory(count, begin, length, end)
        return count, begin, length

    def _check_directory(self, count: int, begin: int, length: int, end: int) -> None:
        if begin + length != end:
            self.refuse(message("zip.directory_end", wanted=end, end=begin + length))
        if count > MAX_MEMBERS:
            what, things = message("thing.archive"), message("thing.members")
            self.refuse(message("most.declares", what=what, count=count, things=things, most=MAX_MEMBERS), SOURCE)
        if length > 4 * MAX_HEADER_BYTES or count * _CENTRAL.size > length:
            self.refuse(message("zip.directory_size", count=count, length=length))

    def _end64(self, end: int) -> tuple[int, int, int, int, int, int, int] | None:
        if end < _LOCATOR64.size + _END64.size:
            return None
        magic, disk, at, disks = _LOCATOR64.unpack(self.file.read(end - _LOCATOR64.size, _LOCATOR64.size))
        if magic != b"PK\6\7":
            return None
        if disk or disks > 1 or at + _END64.size > end - _LOCATOR64.size:
            self.refuse(message("zip.end64"))
        head = _END64.unpack(self.file.read(at, _END64.size))
        if head[0] != b"PK\6\6" or at + 12 + head[1] != end - _LOCATOR64.size:
            self.refuse(message("zip.end64"))
        disk, first_disk, here, count, length, begin = (int(value) for value in head[4:])
        return disk, first_disk, here, count, length, begin, at

    def _directory(self, count: int, begin: int, size: int) -> dict[str, Member]:
        data = self._central = bytes(self.file.read(begin, size))
        members: dict[str, Member] = {}
        at = 0
        for _ in range(count):
            if at + _CENTRAL.size > size or data[at : at + 4] != b"PK\1\2":
                self.refuse(message("zip.no_central", byte=begin + at))
            record = _CENTRAL.unpack_from(data, at)
            name_end = at + _CENTRAL.size + record[10]
            after = name_end + record[11] + record[12]
            if after > size:
                self.refuse(message("zip.long_central", byte=begin + at))
            name = self._name(data[at + _CENTRAL.size : name_end])
            if name in members:
                self.refuse(message("zip.twice", name=quoted(name)))
            member = self._member(name, record, data[name_end : name_end + record[11]])
            if not name.endswith("/"):
                members[name] = member
            elif member.size:
                self.refuse(message("zip.folder", name=quoted(name), size=member.size))
            at = after
        if at != size:
            self.refuse(message("zip.left", count=size - at))
        return members

    def _name(self, raw: bytes) -> str:
        try:
            name = raw.decode("utf-8")
        except UnicodeDecodeError:
            name = raw.decode("cp437")
        parts = name.split("/")
        if not name or "\0" in name or "\\" in name or name.startswith("/") or ".." in parts or ":" in parts[0]:
            self.refuse(message("zip.leads_out", name=quoted(name)), message("advice.no_paths"))
        return name

    def _member(self, name: str, record: tuple[int, ...], extra: bytes) -> Member:
        flags, method, crc, stored, size, local = record[3], record[4], record[7], record[8], record[9], record[16]
        if flags & _ENCRYPTED:
            self.refuse_member(name, message("zip.encrypted"), message("advice.decrypt"))
        if method not in (STORED, DEFLATED):
            self.refuse_member(name, message("zip.method", method=method), message("advice.repack"))
        size, stored, local = self._wide(name, extra, size, stored, local)
        if method == STORED and size != stored:
            self.refuse(message("zip.stored", name=quoted(name), stored=stored, size=size))
        if size > 1032 * stored + 64:  # deflate cannot do better
            self.refuse_member(name, message("zip.ratio", stored=stored, size=size))
        begin, sure = self._local(name, local, (flags, method, crc, stored, size))
        return Member(name, method, begin, stored, size, crc, sure)

    def _wide(self, name: str, extra: bytes, size: int, stored: int, local: int) -> tuple[int, int, int]:
        """Sizes and place with their 64-bit forms where the 32-bit field says so."""
        wanted = [value == 0xFFFFFFFF for value in (size, stored, local)]
        if not any(wanted):
            return size, stored, local
        at = 0
        while at + 4 <= len(extra):
            kind, length = struct.unpack_from("<HH", extra, at)
            if kind == 1 and at + 4 + length <= len(extra) and length >= 8 * sum(wanted):
                found = iter(struct.unpack_from(f"<{sum(wanted)}Q", extra, at + 4))
                size, stored, local = (
                    next(found) if w else v for w, v in zip(wanted, (size, stored, local), strict=True)
                )
                return size, stored, local
            at += 4 + length
        self.refuse_member(name, message("zip.no_wide"))

    def _local(self, name: str, at: int, central: tuple[int, int, int, int, int]) -> tuple[int, tuple[int, int]]:
        """Where the data begin, once the local header agrees with the central record, and `Member.sure`."""
        if at + _LOCAL.size > self.file.size:
            self.refuse_member(name, message("zip.after_end", byte=at))
        magic, _, flags, method, _, _, crc, stored, size, name_size, extra_size = _LOCAL.unpack(
            self.file.read(at, _LOCAL.size)
        )
        if magic != b"PK\3\4":
            self.refuse(message("zip.no_local", byte=at, name=quoted(name)))
        begin: int = at + _LOCAL.size + name_size + extra_size
        if begin + central[3] > self.file.size:
            what = message("thing.member", name=quoted(name))
            self.refuse(message("unfit.truncated", what=what, end=begin + central[3], size=self.file.size))
        raw = bytes(self.file.read(at + _LOCAL.size, name_size))
        other = self._name(raw)
        if other != name:  # that of another record: then this one's place may be damaged
            surely = _unlike(name, other) and raw not in self._central
            self.refuse(message("zip.other_name", name=quoted(name)), BY_HAND if surely else AGAIN)
        told = (crc, stored, size)
        later = flags & _DESCRIPTOR and told == (0, 0, 0)  # sizes follow the data
        wide = 0xFFFFFFFF in told
        if method != central[1] or (not later and not wide and told != central[2:]):
            self.refuse(message("zip.headers_differ", name=quoted(name)))
        return begin, (at, at if later or wide else begin - extra_size + central[3])

    def _check_overlaps(self, directory: int) -> None:
        reached, before = 0, Member("", STORED, 0, 0, 0, 0)
        for member in sorted(self.members.values(), key=lambda m: (m.begin, m.stored)):
            if member.begin - _LOCAL.size - len(member.name.encode()) < reached and before.name:
                share = message("zip.share", before=quoted(before.name), name=quoted(member.name))
                surely = max(before.sure[0], member.sure[0]) < min(before.sure[1], member.sure[1])
                self.refuse(share, BY_HAND if surely else AGAIN)
            reached, before = member.begin + member.stored, member
        if reached > directory:
            self.refuse_member(before.name, message("zip.into_directory"), BY_HAND if before.sure[1] > directory else AGAIN)


def _unlike(name: str, other: str) -> bool:
    """Whether two names differ by more than one damaged byte explains: of a name, or of its length."""
    if len(name) != len(other):
        return not (name.startswith(other) or other.startswith(name))
    return sum(a != b for a, b in zip(name, other, strict=True)) > 1


def _comment(tail: bytes, at: int) -> int:
    length: int = struct.unpack_from("<H", tail, at + 20)[0]
    return length
