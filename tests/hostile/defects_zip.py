"""Zip archives that are wrong in one way each, built record by record."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

INNER = b"\x10\0\0\0\0\0\0\0{}              "
"""An empty safetensors file."""


@dataclass(frozen=True)
class File:
    """A member; fields with a `local` twin say what the local header claims."""

    name: bytes = b"model.safetensors"
    data: bytes = INNER
    method: int = 0
    flags: int = 0
    size: int | None = None
    stored: int | None = None
    crc: int | None = None
    offset: int | None = None
    local_name: bytes | None = None
    local_size: int | None = None
    local_method: int | None = None
    local_magic: bytes = b"PK\3\4"
    extra: bytes = b""


def archive(*files: File, count: int | None = None, begin: int | None = None, length: int | None = None, disk: int = 0,
            tail: bytes = b"", comment: bytes = b"", between: bytes = b"", magic: bytes = b"PK\1\2") -> bytes:  # fmt: skip
    out, central = bytearray(), bytearray()
    for file in files:
        at = len(out) if file.offset is None else file.offset
        size = len(file.data) if file.size is None else file.size
        stored = len(file.data) if file.stored is None else file.stored
        crc = zlib.crc32(file.data) if file.crc is None else file.crc
        local_name = file.name if file.local_name is None else file.local_name
        local = struct.pack("<4sHHHHHIIIHH", file.local_magic, 20, file.flags,
                            file.method if file.local_method is None else file.local_method, 0, 0, crc, stored,
                            size if file.local_size is None else file.local_size, len(local_name), 0)  # fmt: skip
        out += local + local_name + file.data
        central += struct.pack("<4sHHHHHHIIIHHHHHII", magic, 20, 20, file.flags, file.method, 0, 0, crc, stored, size,
                               len(file.name), len(file.extra), 0, 0, 0, 0, at) + file.name + file.extra  # fmt: skip
    start = len(out) + len(between) if begin is None else begin
    held = len(files) if count is None else count
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", disk, disk, held, held, len(central) if length is None else length, start,
                      len(comment)) + comment  # fmt: skip
    return bytes(out + between + central) + tail + end


def wide(extra: bytes) -> bytes:
    return struct.pack("<HH", 1, len(extra)) + extra


F = File()
TWO = (File(b"a.safetensors"), File(b"b.txt", b"hello"))
DEFECTS: dict[str, tuple[bytes, str]] = {
    "magic alone": (b"PK\3\4", "truncated: 4 bytes cannot hold a zip archive"),
    "no end record": (archive(F)[:-22] + bytes(22), "no end record"),
    "cut short": (archive(F)[:-5], "no end record: the archive is truncated"),
    "something after the end": (archive(F) + b"more", "or something follows it"),
    "an empty archive": (archive(), "an archive without a checkpoint inside"),
    "on several disks": (archive(F, disk=3), "the archive spans several disks"),
    "a directory elsewhere": (archive(F, begin=5), "the central directory should end at byte"),
    "a directory past the end": (archive(F, begin=2**31), "it ends at 2,147,483,"),
    "more members than there are": (archive(F, count=2), "2 members do not fit a central directory of 63"),
    "sixty thousand members": (archive(F, count=60_000), "60,000 members do not fit a central directory"),
    "one record twice as long": (archive(File(extra=bytes(60)), count=2), "no central record at byte 194"),
    "fewer members than there are": (archive(*TWO, count=1), "that belong to no member"),
    "bytes before the end record": (archive(F, tail=b"xx"), "should end at byte 136, it ends at 134"),
    "a record that is none": (archive(F, magic=b"PK\7\7"), "no central record at byte 71"),
    "the same name twice": (archive(F, F), "two members are named 'model.safetensors'"),
    "a way out of the archive": (archive(File(b"../model.safetensors")), "'../model.safetensors' leads out"),
    "an absolute name": (archive(File(b"/etc/model.safetensors")), "'/etc/model.safetensors' leads out"),
    "a name with a backslash": (archive(File(b"..\\m.safetensors")), "m.safetensors' leads out of the archive"),
    "a name with a zero byte": (archive(File(b"m\0.safetensors")), "'m\\x00.safetensors' leads out"),
    "a name with a drive": (archive(File(b"c:/m.safetensors")), "'c:/m.safetensors' leads out of the archive"),
    "an empty name": (archive(File(b"")), "the member name '' leads out"),
    "another name in the local header": (archive(File(local_name=b"nodel.safetensors")), "gives another name"),
    "no local header": (archive(File(local_magic=b"XXXX")), "no local header at byte 0"),
    "a local header past the end": (archive(File(offset=2**31)), "begins at byte 2,147,483,648, after the end"),
    "local and central sizes that differ": (archive(File(local_size=5)), "the local and the central header of"),
    "local and central methods that differ": (archive(File(local_method=8)), "'model.safetensors' disagree"),
    "an encrypted member": (archive(File(flags=1)), "is encrypted"),
    "packed by LZMA": (archive(File(method=14)), "is packed by method 14"),
    "a stored member with two sizes": (archive(File(size=99, local_size=99)), "has 24 bytes and claims 99"),
    "a member past the end": (archive(File(size=10**6, stored=10**6)), "truncated: the member"),
    "a bomb": (archive(File(method=8, size=2**31, data=b"\3\0")), "claims to unpack 2 bytes into 2,147,483,648"),
    "64-bit sizes that are missing": (archive(File(size=2**32 - 1)), "lacks its 64-bit sizes"),
    "64-bit sizes cut short": (archive(File(size=2**32 - 1, extra=wide(b"1234"))), "'model.safetensors' lacks its 64-bit"),
    "a member inside another": (
        archive(File(b"b.txt", archive(File(b"a.safetensors"))[:67] + bytes(40)), File(b"a.safetensors", offset=35)),
        "share bytes"),
    "a member that reaches into the directory": (
        archive(F, begin=40, length=len(archive(F)) - 22 - 40), "no central record at byte 40"),
    "deflated data that are none": (
        archive(File(method=8, data=b"\xff" * 40, size=24, local_size=24)), "the packed data cannot be unpacked"),
    "deflated data that stop early": (
        archive(File(method=8, data=zlib.compress(INNER, 9)[2:-4], size=60, local_size=60)), "unpacks to 24 bytes, 60"),
    "deflated data of another checksum": (
        archive(File(method=8, data=zlib.compress(INNER, 9)[2:-4], size=24, local_size=24, crc=1)), "the checksum of the unpacked"),
    "another name altogether": (archive(File(local_name=b"other.bin")), "gives another name. No program"),
    "a member longer than its data": (archive(File(size=34, stored=34, local_size=34)), "reaches into the central directory"),
    "a folder with contents": (archive(File(b"folder/", b"abc")), "the folder 'folder/' holds 3 bytes"),
    "several checkpoints": (archive(File(b"a.safetensors"), File(b"b.safetensors")), "an archive with 2 checkpoints inside"),
    "an archive inside": (archive(File(b"model.bin", archive(F))), "an archive within the archive"),
}  # fmt: skip
