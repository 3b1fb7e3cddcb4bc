"""Small safetensors files from a description that can be changed: names, number types, shapes and what the values are like."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from bench.fuzz import mutate
from forebear.core.errors import RefusedError

BITS = {"F64": 64, "F32": 32, "F16": 16, "BF16": 16, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F4": 4, "I64": 64,
        "I32": 32, "I16": 16, "I8": 8, "U8": 8, "U16": 16, "U32": 32, "U64": 64, "BOOL": 8,
        "F6_E2M3": 6, "F8_E4M3FNUZ": 8, "C64": 64}  # fmt: skip
_SIZES = (0, 1, 2, 3, 4, 6, 8, 12, 16, 32)
Tensors = dict[str, list[Any]]
"""Name -> [number type, shape]."""


class Memory:
    """Bytes in memory as a byte source."""

    def __init__(self, data: bytes, name: str) -> None:
        from pathlib import Path

        self._data, self.path, self.size, self.bytes_read = data, Path(name), len(data), 0

    def read(self, offset: int, count: int) -> bytearray:
        """See ByteSource.read; what is not there is refused, as a file would."""
        if offset < 0 or count < 0 or offset + count > self.size:
            raise RefusedError("read past the end", where=str(self.path))
        return bytearray(self._data[offset : offset + count])

    def read_into(self, offset: int, target: memoryview) -> None:
        """See ByteSource.read_into."""
        target[:] = self.read(offset, len(target))

    def read_parts(self, parts: Iterable[tuple[int, memoryview]]) -> None:
        """See ByteSource.read_parts."""
        for offset, target in parts:
            self.read_into(offset, target)

    def release(self) -> None:
        """Nothing is kept."""

    def close(self) -> None:
        """Nothing is kept."""


def changed(rng: random.Random, tensors: Mapping[str, list[Any]], names: tuple[str, ...]) -> Tensors:
    """Tensors with one to three of them gone, renamed, doubled, of another type or another shape."""
    found: Tensors = {name: [tag, list(shape)] for name, (tag, shape) in tensors.items()}
    for _ in range(rng.randint(1, 3)):
        if not found:
            break
        name = rng.choice(list(found))
        tag, shape = found[name]
        how = rng.randrange(7)
        if how == 0:
            del found[name]
        elif how == 1:
            found[rng.choice(names) if rng.random() < 0.7 else name + rng.choice(("\ud800", ".x", "\n", "9", ""))] = (
                found.pop(name)
            )
        elif how == 2:
            found[rng.choice(names)] = [tag, list(shape)]
        elif how == 3:
            found[name][0] = rng.choice(list(BITS))
        elif how == 4 and shape:
            shape[rng.randrange(len(shape))] = rng.choice(_SIZES)
        elif how == 5:
            found[name][1] = [*shape, rng.choice(_SIZES)] if rng.random() < 0.5 else shape[:-1]
        else:
            found[name][1] = shape[::-1]
    return found


def data_of(rng: random.Random, tag: str, size: int, like: bytes = b"") -> bytes:
    """Bytes of a tensor: as another's, random, all equal, or with values that are not finite among them."""
    how = rng.random()
    if like and how < 0.5:
        return (like * (size // len(like) + 1))[:size]
    if how < 0.8 and tag in ("F32", "F64", "F16"):
        kind = {"F32": np.float32, "F64": np.float64, "F16": np.float16}[tag]
        values = (
            np.random.default_rng(rng.randrange(2**32)).standard_normal(size // np.dtype(kind).itemsize).astype(kind)
        )
        if rng.random() < 0.3 and len(values):
            values[rng.randrange(len(values))] = (
                rng.choice((np.nan, np.inf, -np.inf, 1e30, -1e-40, 65504.0)) if tag != "F16" else np.inf
            )
        return values.tobytes().ljust(size, b"\0")[:size]
    if how < 0.88:
        return bytes([rng.choice((0, 1, 0x3F, 0x7F, 0x80, 0xFF))]) * size
    return rng.randbytes(size)


def file_of(
    rng: random.Random, tensors: Tensors, like: Mapping[str, bytes] | None = None, metadata: Any = None
) -> bytes:
    """A safetensors file of these tensors; its header is written as it should be, whatever the tensors are."""
    header: dict[str, Any] = {} if metadata is None else {"__metadata__": metadata}
    parts, at = [], 0
    for name, (tag, shape) in tensors.items():
        count = 1
        for size in shape:
            count *= size
        length = min(-(-count * BITS.get(tag, 8) // 8), 4096)
        parts.append(data_of(rng, tag, length, (like or {}).get(name, b"")))
        header[name] = {"dtype": tag, "shape": shape, "data_offsets": [at, at + length]}
        at += length
    return framed(json.dumps(header).encode(), b"".join(parts))


def framed(header: bytes, data: bytes) -> bytes:
    """Header and data as one file."""
    return len(header).to_bytes(8, "little") + header + data


def header_is_sound(data: bytes) -> bool:
    """Whether the header's length fits and its bytes are JSON."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 10 or length > len(data) - 8:
        return False
    try:
        return isinstance(json.loads(data[8 : 8 + length]), dict)
    except (ValueError, RecursionError):
        return False


def rough(rng: random.Random, data: bytes) -> bytes:
    """A file whose header was changed as a tree, or whose bytes were."""
    length = int.from_bytes(data[:8], "little")
    if rng.random() < 0.5:
        return mutate.raw(rng, [data], 65536)
    header = mutate.json_bytes(
        rng, mutate.tree(rng, json.loads(data[8 : 8 + length]), ("F32", "BF16", "dtype", "shape"))
    )
    return framed(header, data[8 + length :])
