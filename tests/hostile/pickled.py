"""Pickles and PyTorch files written by hand, as no library would write them: what they build is never built."""

from __future__ import annotations

import io
import struct
import zipfile
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Obj:
    """A call of module.name with args, and a state set afterwards."""

    module: str
    name: str
    args: tuple[Any, ...] = ()
    state: Any = None


@dataclass(frozen=True)
class Name:
    """A global."""

    module: str
    name: str


@dataclass(frozen=True)
class Ref:
    """Something outside the pickle."""

    id: Any


@dataclass(frozen=True)
class Raw:
    """Opcodes as they are."""

    data: bytes


def encoded(value: Any) -> bytes:
    """Opcodes that put a value on the stack."""
    if value is None:
        return b"N"
    if isinstance(value, bool):
        return b"\x88" if value else b"\x89"
    if isinstance(value, int):
        size = value.bit_length() // 8 + 1
        return b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True)
    if isinstance(value, float):
        return b"G" + struct.pack(">d", value)
    if isinstance(value, str):
        data = value.encode("utf-8", "surrogatepass")
        return b"X" + struct.pack("<I", len(data)) + data
    if isinstance(value, tuple | list):
        return b"(" + b"".join(map(encoded, value)) + (b"t" if isinstance(value, tuple) else b"l")
    if isinstance(value, dict):
        return b"(" + b"".join(encoded(k) + encoded(v) for k, v in value.items()) + b"d"
    if isinstance(value, Pairs):
        return b"(" + b"".join(encoded(k) + encoded(v) for k, v in value.pairs) + b"d"
    if isinstance(value, Obj):
        state = b"" if value.state is None else encoded(value.state) + b"b"
        return f"c{value.module}\n{value.name}\n".encode() + encoded(value.args) + b"R" + state
    if isinstance(value, Name):
        return f"c{value.module}\n{value.name}\n".encode()
    if isinstance(value, Ref):
        return encoded(value.id) + b"Q"
    assert isinstance(value, Raw), value
    return value.data


@dataclass(frozen=True)
class Pairs:
    """A dictionary with keys that need not differ."""

    pairs: tuple[tuple[Any, Any], ...]


class Written(bytes):
    """A pickle, or a PyTorch file, with what it was made of. storages: None for a pickle."""

    root: Any
    storages: dict[str, bytes] | None


def written(data: bytes, root: Any, storages: dict[str, bytes] | None) -> Written:
    """Bytes that know what they were made of."""
    found = Written(data)
    found.root, found.storages = root, storages
    return found


def pickled(value: Any) -> Written:
    """A whole pickle."""
    return written(b"\x80\x02" + encoded(value) + b".", value, None)


def tensor(key: str, shape: tuple[int, ...], *, at: int = 0, elements: int | None = None, kind: str = "FloatStorage",
           strides: tuple[int, ...] | None = None) -> Obj:  # fmt: skip
    """The record of a tensor in a storage."""
    steps: list[int] = []
    count = 1
    for size in reversed(shape):
        steps.insert(0, count)
        count *= size
    storage = Ref(("storage", Name("torch", kind), key, "cpu", at + count if elements is None else elements))
    return Obj("torch._utils", "_rebuild_tensor_v2", (storage, at, shape, strides or tuple(steps), False, {}))


def size(*numbers: Any) -> Obj:
    """A torch.Size."""
    return Obj("torch", "Size", (tuple(numbers),))


def torch_file(root: Any, storages: dict[str, bytes], folder: str = "archive") -> Written:
    """A PyTorch file, the same bytes at any time. root: what its pickle builds, or the pickle's bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo(f"{folder}/data.pkl"), root if isinstance(root, bytes) else pickled(root))
        for key, data in storages.items():
            archive.writestr(zipfile.ZipInfo(f"{folder}/data/{key}"), data)
    return written(out.getvalue(), root, storages)
