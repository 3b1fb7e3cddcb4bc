"""GGUF files that are wrong in one way each, built by hand; nothing in them does anything."""

from __future__ import annotations

import struct

U8, I8, U32, I32, F32, BOOL, STRING, ARRAY, U64 = 0, 1, 4, 5, 6, 7, 8, 9, 10


def text(value: bytes | str, length: int | None = None) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(raw) if length is None else length) + raw


def pair(key: bytes | str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def tensor(name: bytes | str = "w", sizes: tuple[int, ...] = (4,), kind: int = 0, offset: int = 0,
           dimensions: int | None = None) -> bytes:  # fmt: skip
    count = len(sizes) if dimensions is None else dimensions
    return text(name) + struct.pack(f"<I{len(sizes)}QIQ", count, *sizes, kind, offset)


def gguf(values: tuple[bytes, ...] = (), tensors: tuple[bytes, ...] = (tensor(),), *, data: int = 16, version: int = 3,
         counts: tuple[int, int] | None = None, alignment: int = 32) -> bytes:  # fmt: skip
    count = counts or (len(tensors), len(values))
    head = b"GGUF" + struct.pack("<IQQ", version, *count) + b"".join(values) + b"".join(tensors)
    return head + bytes(-len(head) % alignment) + bytes(data)


GOOD = gguf()
ARRAY_OF_3 = struct.pack("<IQ3I", U32, 3, 1, 2, 3)
DEFECTS: dict[str, tuple[bytes, str]] = {
    "magic alone": (b"GGUF", "the file ends inside the field version"),
    "cut in the counts": (GOOD[:20], "the file ends inside the field metadata_kv_count"),
    "version 1": (gguf(version=1), "GGUF version 1 is not one of"),
    "version of the far future": (gguf(version=77), "GGUF version 77 is not one of"),
    "version 0": (gguf(version=0), "GGUF version 0 is not one of"),
    "big-endian": (gguf(version=3 << 24), "the file is big-endian"),
    "two to the 60 tensors": (gguf(counts=(2**60, 0)), "declares 1,152,921,504,606,846,976 tensors"),
    "more tensors than fit": (gguf(counts=(5000, 0)), "5,000 tensors and 0 metadata entries cannot fit"),
    "two to the 63 metadata entries": (gguf(counts=(1, 2**63)), "declares 9,223,372,036,854,775,808 metadata entries"),
    "more metadata than fits": (gguf(counts=(1, 900)), "1 tensor and 900 metadata entries cannot fit"),
    "a key longer than the file": (gguf((text("k", 2**40) + bytes(60),)), "the field key claims 1,099,511,627,776 bytes"),
    "a key of ten thousand bytes": (gguf((pair("k" * 10_000, U8, b"\1"),)), "the field key is 10,000 bytes long"),
    "a key that is not UTF-8": (gguf((pair(b"\xff\xfe", U8, b"\1"),)), "the field key is not UTF-8"),
    "a key twice": (gguf((pair("k", U8, b"\1"), pair("k", U8, b"\2"))), "the metadata key 'k' stands twice"),
    "an unknown value type": (gguf((pair("k", 99, bytes(20)),)), "the metadata key 'k' has the unknown type 99"),
    "a truth value of 2": (gguf((pair("k", BOOL, b"\2"),)), "the truth value 'k' is 2"),
    "a text longer than the file": (gguf((pair("k", STRING, text("", 2**50)),)), "the field value of 'k' claims"),
    "an array longer than the file": (gguf((pair("k", ARRAY, struct.pack("<IQ", U8, 2**61)),)), "the array 'k' claims"),
    "an array of 64-bit numbers that wraps around": (
        gguf((pair("k", ARRAY, struct.pack("<IQ", U64, 2**61)),)), "claims 2,305,843,009,213,693,952 elements"),
    "an array of arrays": (gguf((pair("k", ARRAY, struct.pack("<IQ", ARRAY, 1) + ARRAY_OF_3),)), "'k' nests arrays"),
    "an array of an unknown type": (gguf((pair("k", ARRAY, struct.pack("<IQ", 55, 1)),)), "elements of the unknown type 55"),
    "an array of texts longer than the file": (
        gguf((pair("k", ARRAY, struct.pack("<IQ", STRING, 2) + text("a") + text("", 2**45)),)), "the field value.array of 'k' claims"),
    "two million texts": (
        gguf((pair("k", ARRAY, struct.pack("<IQ", STRING, 2_000_000) + bytes(16_000_000)),)), "more than 1,048,576 texts"),
    "alignment zero": (gguf((pair("general.alignment", U32, bytes(4)),)), "general.alignment is 0"),
    "alignment 24": (gguf((pair("general.alignment", U32, struct.pack("<I", 24)),)), "general.alignment is 24"),
    "alignment of a gigabyte": (gguf((pair("general.alignment", U32, struct.pack("<I", 2**30)),)), "is 1073741824, not"),
    "alignment as text": (gguf((pair("general.alignment", STRING, text("32")),)), "is not a whole number"),
    "alignment true": (gguf((pair("general.alignment", BOOL, b"\1"),)), "general.alignment is not a whole number"),
    "a tensor name that is not UTF-8": (gguf(tensors=(tensor(b"\xc3\x28"),)), "the field name is not UTF-8"),
    "a tensor name of ten thousand bytes": (gguf(tensors=(tensor("n" * 10_000),)), "the field name is 10,000 bytes long"),
    "a tensor twice": (gguf(tensors=(tensor(), tensor(offset=32)), data=64), "tensor 'w' is declared twice"),
    "five dimensions": (gguf(tensors=(tensor(sizes=(1, 1, 1, 1, 4)),)), "has 5 dimensions; the format allows 4"),
    "four billion dimensions": (gguf(tensors=(tensor(dimensions=2**32 - 1),)), "has 4,294,967,295 dimensions"),
    "a shape that overflows": (gguf(tensors=(tensor(sizes=(2**40, 2**40)),)), "the shape overflows"),
    "a shape that overflows behind a zero": (gguf(tensors=(tensor(sizes=(0, 2**62, 8)),)), "'w': the shape overflows"),
    "an unknown number type": (gguf(tensors=(tensor(kind=38),)), "has the unknown type 38"),
    "a removed number type": (gguf(tensors=(tensor(kind=4),)), "has the unknown type 4"),
    "rows that are no whole blocks": (gguf(tensors=(tensor(sizes=(33,), kind=2),)), "no whole blocks of 32 (Q4_0)"),
    "an offset off the alignment": (gguf(tensors=(tensor(offset=8),), data=64), "begins at 8, which is not aligned to 32"),
    "a tensor past the end": (gguf(tensors=(tensor(offset=2**40),)), "truncated: tensor 'w' ends at byte"),
    "one byte short": (GOOD[:-1], "truncated: tensor 'w' ends at byte 80 of 79"),
    "an offset that wraps around": (gguf(tensors=(tensor(offset=2**64 - 32),)), "ends at byte 18,446,744,073,709,551,664"),
    "tensors that overlap": (
        gguf(tensors=(tensor("a", (16,)), tensor("b", (16,), offset=32)), data=96), "tensor 'b' overlaps tensor 'a'"),
    "tensors in the same place": (gguf(tensors=(tensor("a"), tensor("b")), data=64), "tensor 'b' overlaps"),
}  # fmt: skip
