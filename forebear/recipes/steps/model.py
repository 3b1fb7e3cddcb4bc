"""A model as forward steps see it: named arrays, a configuration, perhaps a tokenizer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from forebear.core.bounded import read_bounded
from forebear.core.errors import RefusedError
from forebear.core.limits import MAX_TOKENIZER_BYTES
from forebear.core.output import whole_file, write_whole
from forebear.files.sources import open_container
from forebear.models.architecture.settings import read_config
from forebear.recipes.steps.storage import NATIVE, STORED, Array, encode, tag_of

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
        """Read a folder (weights in one file or shards, `config.json`, perhaps `tokenizer.json`) or one weight file.

        BF16 tensors are held as float32 and saved as BF16 again; other types numpy lacks become float32.
        Raises: RefusedError as `open_container` and `read_config` do.
        """
        path = Path(path)
        arrays, held = _read_all(path)
        folder = path if path.is_dir() else path.parent
        config_path, tokenizer_path = folder / CONFIG, folder / TOKENIZER
        config = read_config(config_path) if config_path.exists() else {}
        tokenizer = read_bounded(tokenizer_path, MAX_TOKENIZER_BYTES) if tokenizer_path.exists() else None
        return cls(arrays, config, tokenizer, held)

    def save(self, path: Path | str) -> Path:
        """Write the directory `load` reads; each file appears whole or not at all.

        Raises: RefusedError for an array no storage type describes.
        """
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        write_safetensors(folder / WEIGHTS, self.arrays, self.dtypes)
        write_whole(folder / CONFIG, (json.dumps(self.config, indent=2, sort_keys=True) + "\n").encode())
        if self.tokenizer is not None:
            write_whole(folder / TOKENIZER, self.tokenizer)
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
    with whole_file(path) as out:
        out.write(len(text).to_bytes(8, "little") + text)
        for name, tag in tags.items():
            out.write(encode(arrays[name], tag).data)


def _read_all(path: Path) -> tuple[dict[str, Array], dict[str, str]]:
    """Every tensor of a container, and the storage tags of those held in another type than stored."""
    container = open_container(path)
    arrays: dict[str, Array] = {}
    held: dict[str, str] = {}
    try:
        for name, entry in container.tensors.items():
            if entry.dtype in NATIVE:  # integers and 64-bit values exactly, not through float32
                stored = b"".join(container.stored(name))
                arrays[name] = np.frombuffer(stored, dtype=NATIVE[entry.dtype]).reshape(entry.shape)
            else:
                arrays[name] = container.read(name)
            if entry.dtype == "BF16":
                held[name] = entry.dtype
    finally:
        container.close()
    return arrays, held
