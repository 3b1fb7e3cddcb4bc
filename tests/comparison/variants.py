"""Checkpoints made from others in tests: arrays out, arrays in, configuration and tokenizer copied."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forebear.files.sources import open_container

Arrays = dict[str, NDArray[np.float32]]


def load(folder: Path) -> Arrays:
    """Every tensor as float32."""
    container = open_container(folder)
    try:
        return {name: container.read(name).copy() for name in container.tensors}
    finally:
        container.close()


def save(
    folder: Path,
    arrays: Mapping[str, NDArray[np.generic]],
    like: Path,
    changes: Mapping[str, object] | None = None,
    tokenizer: bool = True,
) -> Path:
    """Write arrays with the configuration (and its changes) and the tokenizer files of another folder."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True)
    save_file({k: np.ascontiguousarray(v) for k, v in arrays.items()}, folder / "model.safetensors")
    config = json.loads((like / "config.json").read_text()) | dict(changes or {})
    (folder / "config.json").write_text(json.dumps(config))
    for name in ("tokenizer.json", "vocab.txt", "pieces.json"):
        if tokenizer and (like / name).is_file():
            shutil.copy(like / name, folder / name)
    return folder
