"""A PNG reader by the book, apart from the writer: chunks with their checks, one inflate, filters by row."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray


def decoded(data: bytes) -> NDArray[np.uint8]:
    """Pixels (height, width, 3) of an 8-bit RGB file whose rows use filter 0 or 2."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, []
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size : at + 12 + size])[0] == zlib.crc32(kind + body)
        chunks.append((kind, body))
        at += 12 + size
    assert [k for k, _ in chunks] == [b"IHDR", b"IDAT", b"IEND"]
    width, height, depth, colour, *rest = struct.unpack(">IIBBBBB", chunks[0][1])
    assert (depth, colour, rest) == (8, 2, [0, 0, 0])
    raw = zlib.decompress(chunks[1][1])
    assert len(raw) == height * (1 + 3 * width)
    lines = np.frombuffer(raw, dtype=np.uint8).reshape(height, 1 + 3 * width)
    assert set(lines[:, 0].tolist()) <= {0, 2}
    rows = np.zeros((height + 1, 3 * width), dtype=np.uint8)
    for y, line in enumerate(lines):
        rows[y + 1] = line[1:] + (rows[y] if line[0] == 2 else 0)
    return rows[1:].reshape(height, width, 3)
