"""Safetensors files written by hand, so that tests can also write what no writer would."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def frame(header: bytes, data: bytes = b"", *, length: int | None = None) -> bytes:
    """A file: the header's length (or the one claimed), the header, the data."""
    return (len(header) if length is None else length).to_bytes(8, "little") + header + data


def encode(tensors: Mapping[str, tuple[str, tuple[int, ...], bytes]], metadata: Any = None) -> bytes:
    """name -> (dtype tag, shape, stored bytes), laid out one after another."""
    header: dict[str, Any] = {} if metadata is None else {"__metadata__": metadata}
    begin = 0
    for name, (tag, shape, data) in tensors.items():
        header[name] = {"dtype": tag, "shape": list(shape), "data_offsets": [begin, begin + len(data)]}
        begin += len(data)
    return frame(json.dumps(header).encode(), b"".join(data for _, _, data in tensors.values()))


def write(path: Path, content: bytes) -> Path:
    """Write and hand the path back."""
    path.write_bytes(content)
    return path
