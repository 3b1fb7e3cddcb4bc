"""Checkpoint folders of the bench: model.safetensors, config.json, tokenizer.json; written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from bench.corpus import TOKENIZER
from bench.shapes import Floats, Shape, shape_of

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def save(
    folder: Path,
    arrays: dict[str, Floats],
    shape: Shape,
    dtype: str = "float32",
    record: dict[str, Any] | None = None,
    tokenizer: bytes | None = None,
) -> None:
    """Writes a checkpoint folder beside its place and renames it there: a kill leaves the old state or the new one.

    dtype:     float32, float16 or bfloat16.
    record:    kept as record.json beside the weights.
    tokenizer: the bytes of tokenizer.json; the bench's own when not given.
    """
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    tensors = {n: torch.from_numpy(np.ascontiguousarray(a)).to(DTYPES[dtype]) for n, a in arrays.items()}
    save_file(tensors, partial / "model.safetensors", metadata={"format": "pt"})
    write_json(partial / "config.json", shape.config() | {"torch_dtype": dtype})
    (partial / "tokenizer.json").write_bytes(TOKENIZER.read_bytes() if tokenizer is None else tokenizer)
    if record is not None:
        write_json(partial / "record.json", record)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(partial, folder)


def write_json(path: Path, value: Any) -> None:
    """Canonical JSON: sorted keys, two spaces, one newline at the end, no NaN."""
    path.write_text(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")


def replace_json(path: Path, value: Any) -> None:
    """Writes a document whole or not at all, for one that grows row by row."""
    partial = path.with_suffix(".partial")
    write_json(partial, value)
    os.replace(partial, path)


def kept_rows(path: Path) -> list[dict[str, Any]]:
    """Rows of a document that an earlier run wrote; none where it is not there."""
    return list(json.loads(path.read_text("utf-8"))["rows"]) if path.exists() else []


def load(folder: Path) -> tuple[dict[str, Floats], Shape]:
    """Arrays (float32, order of the family) and shape of a folder written by save."""
    shape = shape_of(json.loads((folder / "config.json").read_text("utf-8")))
    with safe_open(folder / "model.safetensors", "pt") as opened:
        return {n: opened.get_tensor(n).to(torch.float32).numpy() for n in opened.keys()}, shape  # noqa: SIM118


def digest(folder: Path) -> str:
    """SHA-256 of the weights file."""
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
