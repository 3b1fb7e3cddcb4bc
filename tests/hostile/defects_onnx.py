"""ONNX files that are wrong in one way each, built field by field."""

from __future__ import annotations

import struct


def varint(value: int) -> bytes:
    value &= 2**64 - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def part(field: int, *inner: bytes, length: int | None = None) -> bytes:
    body = b"".join(inner)
    return varint(field << 3 | 2) + varint(len(body) if length is None else length) + body


def tensor(*more: bytes, name: bytes = b"w", sizes: tuple[int, ...] = (2, 4), kind: int = 1, raw: bytes | None = bytes(32)
           ) -> bytes:  # fmt: skip
    held = [part(9, raw)] if raw is not None else []
    return b"".join([*(number(1, size) for size in sizes), number(2, kind), part(8, name), *held, *more])


def model(*fields: bytes) -> bytes:
    return number(1, 9) + part(7, *fields)


def first(body: bytes) -> bytes:
    return part(5, body)


def outside(**entries: str) -> bytes:
    pairs = [part(13, part(1, key.encode()), part(2, value.encode())) for key, value in entries.items()]
    return b"".join(pairs) + number(14, 1)


def scaled(scale: tuple[int, ...], values: int, *, zero: bool = False, axis: int = 1, block: int = 0) -> bytes:
    attributes = [part(5, part(1, b"axis"), number(3, axis)), part(5, part(1, b"block_size"), number(3, block))]
    node = part(1, part(1, b"q"), part(1, b"s"), part(2, b"layer.w"), part(4, b"DequantizeLinear"), *attributes)
    return model(node, first(tensor(name=b"q", kind=3, raw=bytes(8))),
                 first(tensor(name=b"s", sizes=scale, raw=bytes(4 * values))))  # fmt: skip


GOOD = model(first(tensor()))
DEFECTS: dict[str, tuple[bytes, str]] = {
    "no graph": (number(1, 9), "no ONNX model: it has no graph"),
    "two graphs": (GOOD + part(7), "the model has two graphs"),
    "a field past the end": (part(7, b"abc", length=2**40), "the field ModelProto claims 1,099,511,627,776 bytes"),
    "a field past its message": (model(part(5, b"a", length=900)), "the field GraphProto claims 900 bytes"),
    "a number without an end": (b"\xff" * 30, "the field ModelProto holds a number that does not end"),
    "a number beyond 64 bits": (b"\x08" + b"\xff" * 9 + b"\x7f", "the field ModelProto holds a number beyond 64 bits"),
    "cut inside a number": (b"\x08\x80", "the field ModelProto ends inside a number (byte 2)"),
    "a group": (b"\x0b", "has the wire type 3"),
    "wire type 7": (b"\x0f", "has the wire type 7"),
    "field number zero": (b"\x00\x00", "has the impossible field number 0"),
    "text for a tensor": (model(first(b"hello world")), "the field TensorProto"),
    "an unknown number type": (model(first(tensor(kind=77))), "tensor 'w' has the unknown type 77"),
    "no number type": (model(first(tensor(kind=0))), "tensor 'w' has the unknown type 0"),
    "complex numbers of 128 bits": (model(first(tensor(kind=15))), "has the unknown type 15"),
    "fewer bytes than the shape": (model(first(tensor(raw=bytes(31)))), "has 31 bytes, its type and shape need 32"),
    "more bytes than the shape": (model(first(tensor(raw=bytes(33)))), "has 33 bytes, its type and shape need 32"),
    "no bytes": (model(first(tensor(raw=None))), "has 0 bytes, its type and shape need 32"),
    "bytes twice": (model(first(tensor(part(9, bytes(32))))), "values are not stored in one piece"),
    "floats one by one": (
        model(first(tensor(varint(4 << 3 | 5) + struct.pack("<f", 1), raw=None))), "not stored in one piece"),
    "a list of another length": (
        model(first(tensor(part(5, b"\1\2\3"), kind=3, raw=None))), "lists 3 values, its shape needs 8"),
    "five million numbers one by one": (
        model(first(tensor(part(5, bytes(5_000_000)), kind=3, raw=None))), "the field TensorProto.int32_data has more than 4,194,304 numbers"),
    "a negative size": (model(first(tensor(sizes=(-2, 4)))), "tensor 'w' has a negative size"),
    "a shape that overflows": (model(first(tensor(sizes=(2**40, 2**40)))), "tensor 'w': the shape overflows"),
    "a shape that overflows behind a zero": (
        model(first(tensor(sizes=(0, 2**40, 2**40), raw=b""))), "'w': the shape overflows"),
    "nine dimensions": (model(first(tensor(sizes=(1,) * 9))), "a tensor's shape has more than 8 dimensions"),
    "a tensor twice": (model(first(tensor()), first(tensor())), "two tensors are named 'w'"),
    "a name that is not UTF-8": (model(first(tensor(name=b"\xff"))), "the field TensorProto.name is not UTF-8"),
    "a name of ten thousand bytes": (model(first(tensor(name=b"n" * 10_000))), "the field TensorProto.name is 10,000 bytes long"),
    "a number for a name": (model(first(number(8, 5))), "the field TensorProto.name is a number where bytes should stand"),
    "segments": (model(first(tensor(part(3)))), "a tensor is stored in segments"),
    "outside, nowhere": (model(first(tensor(outside(), raw=None))), "does not say where outside the file"),
    "outside, in the parent": (
        model(first(tensor(outside(location="../secret"), raw=None))), "names the shard '../secret', not a file name"),
    "outside, by an absolute path": (
        model(first(tensor(outside(location="/etc/hostname"), raw=None))), "names the shard '/etc/hostname'"),
    "outside, in a file that is missing": (
        model(first(tensor(outside(location="m.data"), raw=None))), "the shard 'm.data' is missing"),
    "outside, at a negative place": (
        model(first(tensor(outside(location="m.data", offset="-4"), raw=None))), "'w' does not say where"),
    "outside, of another length": (
        model(first(tensor(outside(location="m.data", length="31"), raw=None))), "has 31 bytes outside, it needs 32"),
    "scales for another axis": (scaled((3,), 3), "tensor 'q' has scales 's' that do not fit it"),
    "scales of another shape": (scaled((2, 3), 6, axis=0), "'q' has scales 's' that do not fit"),
    "blocks of another size": (scaled((2, 3), 6, block=3), "has scales 's' that do not fit it"),
}  # fmt: skip
