"""A model as forward steps see it: named arrays, a configuration, perhaps a tokenizer."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from forebear.core.errors import RefusedError
from forebear.core.limits import MAX_CONFIG_BYTES, MAX_HEADER_BYTES, MAX_TENSORS, MAX_TOKENIZER_BYTES
from forebear.recipes.steps.storage import STORED, Array, decode, encode, tag_of

WEIGHTS, CONFIG, TOKENIZER = "model.safetensors", "config.json", "tokenizer.json"


@dataclass(frozen=True)
class Model:
    """Named arrays in their published names, with the configuration that says how they are used.

    arrays:    name -> values; shared between models, so never change one in place.
    config:    the published `config.json` as a dict.
    tokenizer: the bytes of `tokenizer.json`, or None.
    dtypes:    storage tag of tensors that are saved in another type than they are held in (BF16 is held as float32).
    history:   what was done to it, oldest first: {"step": name, "parameters": {...}, "seed": ...}.
    """

    arrays: Mapping[str, Array]
    config: Mapping[str, Any]
    tokenizer: bytes | None = None
    dtypes: Mapping[str, str] = field(default_factory=dict)
    history: tuple[Mapping[str, Any], ...] = ()

    @property
    def parameters(self) -> int:
        """Number of stored values."""
        return sum(int(array.size) for array in self.arrays.values())

    @classmethod
    def load(cls, path: Path | str) -> Model:
        """Read a directory (`config.json`, `model.safetensors`, perhaps `tokenizer.json`) or one `.safetensors` file.

        BF16 tensors are held as float32 and saved as BF16 again.
        Raises: RefusedError for a header that does not describe the file exactly, or sharded weights.
        """
        path = Path(path)
        folder, weights = (path, path / WEIGHTS) if path.is_dir() else (path.parent, path)
        arrays, tags = read_safetensors(weights)
        config_path, tokenizer_path = folder / CONFIG, folder / TOKENIZER
        config = json.loads(_bounded(config_path, MAX_CONFIG_BYTES)) if config_path.exists() else {}
        if not isinstance(config, dict):
            raise RefusedError("a configuration must be one JSON object", where=str(config_path))
        tokenizer = _bounded(tokenizer_path, MAX_TOKENIZER_BYTES) if tokenizer_path.exists() else None
        held = {name: tag for name, tag in tags.items() if tag_of(arrays[name]) != tag}
        return cls(arrays, config, tokenizer, held)

    def save(self, path: Path | str) -> Path:
        """Write the directory `load` reads; each file appears whole or not at all.

        Raises: RefusedError for an array no storage type describes.
        """
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        write_safetensors(folder / WEIGHTS, self.arrays, self.dtypes)
        _replace(folder / CONFIG, (json.dumps(self.config, indent=2, sort_keys=True) + "\n").encode())
        if self.tokenizer is not None:
            _replace(folder / TOKENIZER, self.tokenizer)
        return folder


def write_safetensors(path: Path, arrays: Mapping[str, Array], dtypes: Mapping[str, str] | None = None) -> None:
    """Write arrays as one safetensors file, names in order, bytes side by side, header padded to 8 bytes.

    dtypes: tags for arrays stored in another type than they are held in.
    Raises: RefusedError for an empty or reserved name or an unstorable array; the path is then untouched.
    """
    tags = {name: (dtypes or {}).get(name) or tag_of(arrays[name]) for name in sorted(arrays)}
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, tag in tags.items():
        if not name or name == "__metadata__":
            raise RefusedError("this tensor name cannot be stored", where=name or "(empty)")
        if tag not in STORED:
            raise RefusedError(f"cannot store values as {tag}", where=name, todo=f"Known: {', '.join(STORED)}.")
        size = int(arrays[name].size) * np.dtype(STORED[tag]).itemsize
        header[name] = {"dtype": tag, "shape": list(arrays[name].shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as out:
            out.write(len(text).to_bytes(8, "little") + text)
            for name, tag in tags.items():
                out.write(encode(arrays[name], tag).data)
            out.flush()
            os.fsync(out.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_safetensors(path: Path) -> tuple[dict[str, Array], dict[str, str]]:
    """Arrays and storage tags of one safetensors file whose bytes are exactly those its header declares.

    Raises: RefusedError for any other file.
    """
    size = path.stat().st_size if path.is_file() else -1
    if size < 8:
        raise RefusedError("no weights here", where=str(path), todo=f"Steps read one {WEIGHTS}; merge shards first.")
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > min(size - 8, MAX_HEADER_BYTES):
            raise RefusedError("the header is longer than the file or the limit", where=str(path))
        header = _header(stream.read(length), path)
        arrays: dict[str, Array] = {}
        tags: dict[str, str] = {}
        expected = 0
        for name, (tag, shape, start, stop) in sorted(header.items(), key=lambda item: item[1][2]):
            dtype = np.dtype(STORED[tag])
            if start != expected or stop - start != int(np.prod(shape, dtype=object)) * dtype.itemsize:
                raise RefusedError("offsets do not fit the shapes", where=f"{path.name}: {name}")
            if stop > size - 8 - length:
                raise RefusedError("the file is shorter than its header says", where=str(path))
            stored = np.fromfile(stream, dtype=dtype, count=(stop - start) // dtype.itemsize).reshape(shape)
            arrays[name], tags[name], expected = decode(stored, tag), tag, stop
        if expected != size - 8 - length:
            raise RefusedError("the file holds bytes its header does not declare", where=str(path))
    return arrays, tags


def _header(text: bytes, path: Path) -> dict[str, tuple[str, tuple[int, ...], int, int]]:
    """Name -> (tag, shape, start, stop), types checked."""
    checked: dict[str, tuple[str, tuple[int, ...], int, int]] = {}
    try:
        for name, entry in json.loads(text).items():
            if name != "__metadata__":
                start, stop = map(int, entry["data_offsets"])
                checked[name] = (str(entry["dtype"]), tuple(map(int, entry["shape"])), start, stop)
    except (ValueError, TypeError, KeyError, AttributeError) as problem:
        raise RefusedError("the header is not a safetensors header", where=str(path)) from problem
    for name, (tag, shape, _, _) in checked.items():
        if tag not in STORED or min((0, *shape)) < 0:
            raise RefusedError("a tensor's entry cannot be read", where=f"{path.name}: {name}")
    if len(checked) > MAX_TENSORS:
        raise RefusedError(f"{len(checked)} tensors are more than the limit of {MAX_TENSORS}", where=str(path))
    return checked


def _bounded(path: Path, most: int) -> bytes:
    """A file read whole, at most so many bytes."""
    if path.stat().st_size > most:
        raise RefusedError(f"larger than the limit of {most} bytes", where=str(path))
    return path.read_bytes()


def _replace(path: Path, content: bytes) -> None:
    """Write a small file so that it appears whole."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.write_bytes(content)
    partial.replace(path)
