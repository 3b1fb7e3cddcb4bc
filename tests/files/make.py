"""Safetensors files written by hand, so that tests can also write what no writer would."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TAGS = {"int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8", "uint32": "U32", "uint8": "U8", "bool": "BOOL",
        "float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "float8_e4m3fn": "F8_E4M3",
        "float8_e5m2": "F8_E5M2"}  # fmt: skip
"""numpy's name of a number type -> the tag of safetensors."""


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


def encode_arrays(tensors: Mapping[str, NDArray[Any]], metadata: Any = None) -> bytes:
    """The same of arrays, in their own types."""
    data = {n: (TAGS[a.dtype.name], a.shape, np.ascontiguousarray(a).tobytes()) for n, a in tensors.items()}
    return encode(data, metadata)


def write(path: Path, content: bytes) -> Path:
    """Write and hand the path back."""
    path.write_bytes(content)
    return path
