"""The verb `inspect`: what a checkpoint's header says, and what its tensors are; nothing is run."""

from __future__ import annotations

import shlex
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forebear.core.documents import finish
from forebear.core.errors import RefusedError, printable
from forebear.core.sizes import parse_size
from forebear.files.base import Container
from forebear.models.checkpoint import Checkpoint, open_checkpoint
from forebear.tokens.vocabulary import find_vocabulary_file, load_vocabulary

CLAIM_KEYS = (
    "_name_or_path",
    "base_model",
    "model_type",
    "architectures",
    "transformers_version",
    "torch_dtype",
    "dtype",
)


def inspect_checkpoint(
    path: str | Path, *, full: bool = False, architecture: str | Path | None = None, max_header: int | str | None = None
) -> Mapping[str, Any]:
    """A forebear/inspection/1 document (see `forebear.inspect`). Without `full` only headers and small files are read."""
    started = time.perf_counter()
    header = None if max_header is None else parse_size(max_header, "--max-header")
    definition = None if architecture is None else Path(architecture)
    checkpoint = open_checkpoint(path, architecture=definition, max_header=header)
    try:
        limits = list(checkpoint.limits)
        folder = Path(path) if Path(path).is_dir() else Path(path).parent
        tensors = _tensors(checkpoint)
        grid = _read_everything(checkpoint.container, tensors) if full else None
        if not full:
            limits.append("values were not read: no digests, statistics or value grid (--full reads them)")
        words = ["forebear", "inspect", str(path), *(["--full"] if full else [])]
        for flag, value in (("--architecture", architecture), ("--max-header", max_header)):
            words += [flag, str(value)] if value is not None else []
        return finish(
            "forebear/inspection/1",
            {
                "container": _container(checkpoint.container),
                "architecture": _architecture(checkpoint),
                "layers": checkpoint.layers,
                "width": checkpoint.width,
                "parameters": sum(t["parameters"] for t in tensors),
                "dtypes": dict(Counter(t["dtype"] for t in tensors)),
                "value_grid": grid,
                "tokenizer": _tokenizer(folder, limits),
                "claims": _claims(checkpoint),
                "residue": [],
                "odd": [printable(o) for o in checkpoint.container.odd] + _odd_values(tensors),
                "tensors": tensors,
            },
            limits=limits,
            read={"bytes": checkpoint.container.bytes_read, "seconds": round(time.perf_counter() - started, 3)},
            reproduce=shlex.join(words),
        )
    finally:
        checkpoint.close()


def _container(container: Container) -> dict[str, Any]:
    stored = sum(t.stored_bytes for t in container.tensors.values())
    return {
        "kind": container.kind,
        "files": len(container.paths),
        "names": [p.name for p in container.paths],
        "bytes": stored,
        "metadata": {printable(k): printable(v) for k, v in container.metadata.items()},
    }


def _architecture(checkpoint: Checkpoint) -> dict[str, Any]:
    axes = [
        {
            "axis": name,
            "scope": "/".join(rule.scope) if isinstance(rule.scope, (tuple, list)) else str(rule.scope),
            "permutation": bool(rule.permutation),
            "sign": bool(rule.sign),
            "withheld": rule.withheld,
        }
        for name, rule in checkpoint.axes.items()
    ]
    return {
        "family": checkpoint.family,
        "recognised": checkpoint.definition is not None,
        "axes": axes,
        "unclaimed": [printable(n) for n in list(checkpoint.unclaimed)[:200]],
    }


def _tensors(checkpoint: Checkpoint) -> list[dict[str, Any]]:
    parts: dict[str, list[str]] = {}
    for piece in checkpoint.pieces:
        parts.setdefault(piece.tensor, [])
        if piece.part not in parts[piece.tensor]:
            parts[piece.tensor].append(piece.part)
    return [
        {
            "name": entry.name,
            "dtype": entry.dtype,
            "shape": list(entry.shape),
            "parameters": entry.parameters,
            "bytes": entry.stored_bytes,
            "part": "+".join(parts.get(entry.name, [])),
        }
        for entry in checkpoint.container.tensors.values()
    ]


def _read_everything(container: Container, tensors: list[dict[str, Any]]) -> dict[str, Any]:
    """Digest, constancy and grid of every tensor, written into its row; the grid counted over tensors."""
    from forebear.files.digests import value_digest

    grids: Counter[str] = Counter()
    for row in tensors:
        digest = value_digest(container, row["name"], grid=True)
        row |= {"digest": digest.digest, "constant": digest.constant, "value_grid": digest.grid}
        grids[str(digest.grid)] += 1
    return dict(grids)


def _tokenizer(folder: Path, limits: list[str]) -> dict[str, Any] | None:
    found = find_vocabulary_file(folder)
    if found is None:
        return None
    try:
        vocabulary = load_vocabulary(found)
    except RefusedError as error:
        limits.append(f"the vocabulary was not read: {error}")
        return None
    return {"file": found.name, "kind": vocabulary.kind, "tokens": len(vocabulary)}


def _claims(checkpoint: Checkpoint) -> list[str]:
    said = [f"config {key}: {checkpoint.config[key]}" for key in CLAIM_KEYS if checkpoint.config.get(key)]
    said += [f"metadata {key}: {value}" for key, value in list(checkpoint.container.metadata.items())[:40]]
    return [printable(s) for s in said]


def _odd_values(tensors: list[dict[str, Any]]) -> list[str]:
    constant = [t for t in tensors if t.get("constant") and t["parameters"] > 1]
    return [f"{len(constant)} tensors hold one value only"] if constant else []
