"""numpy arrays and archives that are wrong in one way each."""

from __future__ import annotations

import struct

from tests.hostile.defects_zip import File, archive

PLAIN = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4), }"


def npy(header: str | bytes = PLAIN, data: int = 32, version: bytes = b"\1\0", length: int | None = None) -> bytes:
    raw = header.encode() if isinstance(header, str) else header
    form = "<H" if version[:1] == b"\1" else "<I"
    return b"\x93NUMPY" + version + struct.pack(form, len(raw) if length is None else length) + raw + bytes(data)


def changed(old: str, new: str, data: int = 32) -> bytes:
    return npy(PLAIN.replace(old, new), data)


def npz(*arrays: tuple[str, bytes]) -> bytes:
    return archive(*[File(f"{name}.npy".encode(), data) for name, data in arrays])


GOOD = npz(("w", npy()))
NOT_PLAIN = "has a header that is no plain array's"
ARRAY_DEFECTS: dict[str, tuple[bytes, str]] = {
    "magic alone": (b"\x93NUMPY", "is of .npy version"),
    "version 9": (npy(version=b"\x09\0"), "is of .npy version 9"),
    "cut in its header": (npy()[:30], "ends inside its header"),
    "a header past the end": (npy(length=60_000), "array 'm' ends inside its header"),
    "a header of a gigabyte": (npy(version=b"\2\0", length=2**30), "'m' ends inside"),
    "a header of a hundred thousand bytes": (npy(PLAIN + " " * 10**5, version=b"\2\0"), "has a header of 100,059 bytes"),
    "a header that is code": (npy("__import__('os').mkdir('sprung')"), NOT_PLAIN),
    "a call in the shape": (changed("(2, 4)", "(2, print(4))"), "no plain array's"),
    "a header of another order": (npy("{'shape': (2, 4), 'descr': '<f4', 'fortran_order': False, }"), "is no plain"),
    "a header of another key": (changed("descr", "desks"), "a header that is no"),
    "a shape of a thousand sizes without an end": (changed("(2, 4)", "(" + "1 " * 1000), "header that is no plain arr"),
    "a negative size": (changed("(2, 4)", "(-2, 4)"), "header that is no plain array's"),
    "a size that is text": (changed("(2, 4)", "('2', 4)"), "array 'm' has a header that is no plain array's"),
    "Python objects": (changed("<f4", "|O"), "holds Python objects"),
    "Python objects of a size": (changed("<f4", "|O8"), "array 'm' holds Python objects"),
    "a structure": (npy("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (2,), }"), "is no plain array's"),
    "text": (changed("<f4", "<U8"), "holds values of type 'U8'"),
    "dates": (changed("<f4", "<M8"), "holds values of type 'M8'"),
    "big-endian": (changed("<f4", ">f4"), "is big-endian"),
    "nine dimensions": (changed("(2, 4)", "(1, 1, 1, 1, 1, 1, 1, 2, 4)"), "has 9 dimensions"),
    "a shape that overflows": (changed("(2, 4)", "(4611686018427387904, 4)"), "has a shape that overflows"),
    "a shape that overflows behind a zero": (changed("(2, 4)", "(0, 4611686018427387904, 4)", 0), "'m' has a shape that over"),
    "one byte short": (npy(data=31), "has 31 bytes of values, its shape needs 32"),
    "one byte too many": (npy(data=33), "has 33 bytes of values, its shape needs 32"),
    "column-major in three dimensions": (
        npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2, 2), }"), "column-major in 3 dimensions"),
}  # fmt: skip
ARCHIVE_DEFECTS: dict[str, tuple[bytes, str]] = {
    "a member that is no array": (npz(("w", b"hello")), "array 'w' does not begin as a .npy array"),
    "an array that lies about its size": (npz(("w", npy()), ("v", npy(data=8))), "array 'v' has 8 bytes of values"),
    "objects in a member": (npz(("w", changed("<f4", "|O8"))), "array 'w' holds Python objects"),
    "an empty member": (npz(("w", b"")), "'w' does not begin as"),
    "an array twice": (npz(("w", npy()), ("w", npy())), "two members are named 'w.npy'"),
    "an array with a way out": (npz(("../w", npy())), "'../w.npy' leads out of the archive"),
    "a member cut in its header": (npz(("w", npy()[:20])), "array 'w' ends inside its header"),
    "a member of code": (npz(("w", npy("exit()"))), "array 'w' has a header that is no plain array's"),
    "a big-endian member": (npz(("w", changed("<f4", ">f4"))), "array 'w' is big-endian"),
    "a member of text": (npz(("w", changed("<f4", "<U8"))), "array 'w' holds values of type 'U8'"),
    "a member of an overflowing shape": (npz(("w", changed("(2, 4)", "(4611686018427387904, 4)"))), "'w' has a shape that over"),
    "a column-major member of three dimensions": (
        npz(("w", npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2, 2), }"))), "array 'w' is column-major in 3"),
}  # fmt: skip
