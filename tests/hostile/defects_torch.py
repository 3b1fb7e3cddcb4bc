"""PyTorch files that are wrong in one way each: pickles written opcode by opcode; what they name is never there."""

from __future__ import annotations

import struct
from typing import Any

from tests.hostile.defects_zip import File, archive


def whole(value: int) -> bytes:
    return (
        b"J" + struct.pack("<i", value)
        if -(2**31) <= value < 2**31
        else b"\x8a\x09" + value.to_bytes(9, "little", signed=True)
    )


def word(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def many(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def name(module: str, attribute: str) -> bytes:
    return f"c{module}\n{attribute}\n".encode()


def storage(
    kind: bytes | None = None, key: str = "0", elements: int = 8, first: str = "storage", view: bytes = b""
) -> bytes:
    return (
        many(word(first), kind or name("torch", "FloatStorage"), word(key), word("cpu"), whole(elements), view) + b"Q"
    )


EMPTY = b"}"
ORDERED = name("collections", "OrderedDict") + b")R"


def tensor(held: bytes | None = None, offset: int = 0, sizes: tuple[int, ...] = (2, 4), strides: tuple[int, ...] = (4, 1),
           call: str = "_rebuild_tensor_v2", args: bytes | None = None) -> bytes:  # fmt: skip
    given = args or many(held if held is not None else storage(), whole(offset), many(*map(whole, sizes)),
                         many(*map(whole, strides)), b"\x89", ORDERED)  # fmt: skip
    return name("torch._utils", call) + given + b"R"


def table(**entries: bytes) -> bytes:
    return b"\x80\x02}(" + b"".join(word(key) + value for key, value in entries.items()) + b"u."


def torch(pickle: bytes, data: Any = bytes(32), **more: Any) -> bytes:
    files = [File(b"m/data.pkl", pickle), File(b"m/data/0", data), File(b"m/byteorder", b"little")]
    return archive(*[more.get(f.name.decode(), f) for f in files])


def legacy(*pickles: bytes, data: bytes = b"") -> bytes:
    return b"".join(pickles) + data


MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
VERSION = b"\x80\x02M\xe9\x03."
SYSTEM = b"\x80\x02}" + word("little_endian") + b"\x88s."
BIG = b"\x80\x02}" + word("little_endian") + b"\x89s."
W = table(w=tensor())
KEYS = b"\x80\x02](" + word("0") + b"e."
FLOATS = struct.pack("<Q", 8) + bytes(32)
GOOD = torch(W)
GOOD_LEGACY = legacy(MAGIC, VERSION, SYSTEM, W, KEYS, data=FLOATS)
nine = (1,) * 9
DEFECTS: dict[str, tuple[bytes, str]] = {
    "an empty pickle": (torch(b""), "the pickle cannot be read after byte 0"),
    "a pickle without an end": (torch(b"\x80\x02}"), "the pickle cannot be read after byte 2"),
    "a pickle of nothing": (torch(b"\x80\x02N."), "the pickle describes no tensor"),
    "an unknown opcode": (torch(b"\x80\x02\xff."), "the pickle cannot be read after byte 0. "),
    "an old instance opcode": (torch(b"\x80\x02(iposix\nsystem\n."), "uses the opcode INST"),
    "an old object opcode": (torch(b"\x80\x02(cposix\nsystem\no."), "uses the opcode OBJ"),
    "an extension code": (torch(b"\x80\x02\x82\x01."), "uses the opcode EXT1"),
    "an out-of-band buffer": (torch(b"\x80\x05\x97."), "uses the opcode NEXT_BUFFER"),
    "a stack taken too far": (torch(b"\x80\x02R."), "takes at byte 2 what was never put"),
    "a memo never filled": (torch(b"\x80\x02h\x07."), "the pickle takes at byte 2"),
    "a mark that is not there": (torch(b"\x80\x02t."), "the pickle takes at byte 2 what"),
    "a length past the end": (torch(b"\x80\x02X\xff\xff\xff\x7fabc."), "cannot be read after byte 0"),
    "a text that is not UTF-8": (torch(b"\x80\x02X\2\0\0\0\xff\xfe."), "the pickle cannot be read after byte 0. Down"),
    "a number of too many digits": (torch(b"\x80\x02I" + b"9" * 5000 + b"\n."), "cannot be read after byte 0. Download"),
    "values left over": (torch(b"\x80\x02NN."), "the pickle ends with values left over"),
    "a state for a number": (torch(b"\x80\x02K\1Nb."), "sets the state of what is no object"),
    "an item for a number": (torch(b"\x80\x02K\1Na."), "appends to what is no list"),
    "a pair for a list": (torch(b"\x80\x02]NNs."), "fills what is no dictionary"),
    "a global named by a number": (torch(b"\x80\x04K\1K\2\x93."), "names a global by what is no text"),
    "a tree that holds itself": (
        torch(b"\x80\x02}q\0(" + word("a") + b"h\0" + word("w") + tensor() + b"u."), "too deep or leads back to itself"),
    "no storage": (torch(table(w=tensor(held=b"N"))), "a rebuild record without its storage"),
    "a storage record of another kind": (torch(table(w=tensor(storage(first="module")))), "has no storage record"),
    "a storage of an unknown type": (
        torch(table(w=tensor(storage(name("torch", "QUInt8Storage"))))), "the unknown type 'torch.QUInt8Storage'"),
    "a storage that is not there": (torch(table(w=tensor(storage(key="7")))), "the storage '7', which the file lacks"),
    "a storage key that leads out": (
        torch(table(w=tensor(storage(key="../byteorder")))), "the storage '../byteorder', which the file lacks"),
    "a storage shorter than it says": (torch(W, bytes(31)), "needs 32 bytes of a storage that has 31"),
    "a negative count of elements": (torch(table(w=tensor(storage(elements=-8)))), "has a storage record that is none"),
    "an offset past the storage": (torch(table(w=tensor(offset=1))), "reaches to element 9 of 8"),
    "a negative offset": (torch(table(w=tensor(offset=-4))), "begins at what is no place in its storage"),
    "a negative stride": (torch(table(w=tensor(strides=(-4, 1)))), "sizes or strides that are no whole numbers"),
    "a stride past the storage": (torch(table(w=tensor(strides=(2**40, 1)))), "reaches to element 1,099,511,627,780 of 8"),
    "sizes without strides": (torch(table(w=tensor(strides=(1,)))), "has 2 sizes and 1 stride"),
    "nine dimensions": (torch(table(w=tensor(sizes=nine, strides=nine))), "has 9 dimensions"),
    "a shape that overflows": (torch(table(w=tensor(sizes=(2**40, 2**40), strides=(0, 0)))), "a shape that overflows"),
    "a value repeated without end": (torch(table(w=tensor(sizes=(2**30, 8), strides=(0, 1)))), "8,589,934,592 times over"),
    "a rebuild record cut short": (torch(table(w=tensor(args=many(storage())))), "'w' has a rebuild record without"),
    "a parameter of nothing": (
        torch(table(w=name("torch._utils", "_rebuild_parameter") + many(b"N", b"\x88") + b"R")), "is rebuilt by a record"),
    "a tensor twice": (torch(b"\x80\x02}(" + (word("w") + tensor()) * 2 + b"u."), "two tensors are named 'w'"),
    "big-endian storages": (torch(W, **{"m/byteorder": File(b"m/byteorder", b"big")}), "the storages are not little-endian"),
    "a compressed storage": (
        torch(W, **{"m/data/0": File(b"m/data/0", b"\3\0" + bytes(38), method=8, size=32)}), "is compressed; PyTorch stores"),
    "a wrong checksum of the pickle": (torch(W, **{"m/data.pkl": File(b"m/data.pkl", W, crc=1)}), "the checksum of the member"),
    "two pickles": (
        archive(File(b"a/data.pkl", W), File(b"b/data.pkl", W), File(b"x.txt")), "an archive without a checkpoint inside"),
    "a legacy file cut after its magic": (legacy(MAGIC), "the pickle cannot be read after byte 15"),
    "a legacy file of another protocol": (legacy(MAGIC, b"\x80\x02M\xea\x03.", SYSTEM), "no legacy PyTorch file of protocol"),
    "a legacy big-endian file": (legacy(MAGIC, VERSION, BIG, W, KEYS, data=FLOATS), "storages are not little-endian"),
    "a legacy list of storages that is none": (
        legacy(MAGIC, VERSION, SYSTEM, W, b"\x80\x02N.", data=FLOATS), "the list of storages is none"),
    "a legacy storage listed twice": (
        legacy(MAGIC, VERSION, SYSTEM, W, b"\x80\x02](" + word("0") * 2 + b"e.", data=FLOATS), "a storage is listed twice"),
    "a legacy storage nobody uses": (
        legacy(MAGIC, VERSION, SYSTEM, W, b"\x80\x02](" + word("9") + b"e.", data=FLOATS), "'9' is referred to nowhere"),
    "a legacy file cut before its storage": (
        legacy(MAGIC, VERSION, SYSTEM, W, KEYS, data=FLOATS[:4]), "truncated before the storage '0'"),
    "a legacy file cut in its storage": (
        legacy(MAGIC, VERSION, SYSTEM, W, KEYS, data=FLOATS[:-1]), "truncated: the storage '0' ends at byte"),
    "a legacy storage of two to the 60": (
        legacy(MAGIC, VERSION, SYSTEM, W, KEYS, data=struct.pack("<Q", 2**60)), "'0' ends at byte 4,611,686,018,427,3"),
    "bytes after a legacy file": (
        legacy(MAGIC, VERSION, SYSTEM, W, KEYS, data=FLOATS + b"xyz"), "3 bytes follow the last storage"),
    "a legacy view past its storage": (
        legacy(MAGIC, VERSION, SYSTEM, table(w=tensor(storage(view=many(word("v"), whole(4), whole(8))))), KEYS, data=FLOATS),
        "views elements to 12 of 8"),
    "a plain pickle": (b"\x80\x02}q\0.", "a pickle, but no PyTorch file"),
}  # fmt: skip
