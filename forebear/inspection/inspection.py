"""The verb `inspect`: what a checkpoint's header says, and what its tensors are; nothing is run."""

from __future__ import annotations

import shlex
import time
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from forebear.core.documents import finish
from forebear.core.errors import RefusedError, printable, refusal
from forebear.core.messages import Message, message
from forebear.core.sizes import parse_size
from forebear.files.base import Container
from forebear.files.bytes.checking import check_again, noting_addresses
from forebear.files.sources import home_of
from forebear.files.views.adapters import adapter_kind
from forebear.inspection.claims_of_size import arithmetic
from forebear.inspection.inference import infer_parts
from forebear.inspection.inspection_tokens import is_tokenizer, of_tokenizer, tokenizer_of
from forebear.inspection.inspection_values import odd_values, read_values
from forebear.inspection.residue import find_residue
from forebear.models.adapter import adapter_facts
from forebear.models.architecture.settings import read_config
from forebear.models.checkpoint import Checkpoint, open_checkpoint

CLAIM_KEYS = (
    "_name_or_path",
    "base_model",
    "model_type",
    "architectures",
    "transformers_version",
    "torch_dtype",
    "dtype",
)
_CTRANSLATE2 = (
    frozenset({"bos_token", "eos_token", "unk_token", "layer_norm_epsilon"}),
    frozenset({"suppress_ids", "suppress_ids_begin", "lang_ids"}),
)
"""Keys that only CTranslate2's own configurations have together (ctranslate2 4.8, specs/*_spec.py)."""
MAX_METADATA = 40
"""Entries of a header's metadata that are listed as claims."""

Document = Mapping[str, Any]


@noting_addresses()
def inspect_path(
    path: str | Path,
    *,
    full: bool = False,
    against: str | Path | None = None,
    architecture: str | Path | None = None,
    base: str | Path | None = None,
    max_header: int | str | None = None,
    tokenizer: bool = False,
) -> Document:
    """A forebear/inspection/2 document of a checkpoint, of a configuration or of a tokenizer (see `forebear.inspect`)."""
    started = time.perf_counter()
    words = ["forebear", "inspect", str(path), *(["--full"] if full else []), *(["--tokenizer"] if tokenizer else [])]
    given = {"--against": against, "--architecture": architecture, "--base": base, "--max-header": max_header}
    for flag, value in given.items():
        words += [flag, str(value)] if value is not None else []
    other = None if against is None else read_config(_configuration(Path(against)))
    if is_tokenizer(home_of(path)):
        body, limits, bytes_read = of_tokenizer(home_of(path))
    elif Path(path).suffix == ".json" and not str(path).endswith(".index.json") and Path(path).is_file():
        body, limits = _of_configuration(Path(path), other)
        bytes_read = Path(path).stat().st_size
    else:
        header = None if max_header is None else parse_size(max_header, "--max-header")
        definition = None if architecture is None else Path(architecture)
        checkpoint = open_checkpoint(path, architecture=definition, max_header=header, base=base)
        try:
            body, limits = _of_checkpoint(checkpoint, Path(path), other, full, tokenizer)
            check_again()
            bytes_read = checkpoint.container.bytes_read
        finally:
            checkpoint.close()
    read = {"bytes": bytes_read, "seconds": round(time.perf_counter() - started, 3)}
    return finish("forebear/inspection/2", body, limits=limits, read=read, reproduce=shlex.join(words))


def _configuration(path: Path) -> Path:
    return home_of(path) / "config.json" if path.is_dir() else path


def _of_configuration(path: Path, other: Mapping[str, Any] | None) -> tuple[dict[str, Any], list[Message]]:
    """A configuration alone: its count, the way to another, its claims.

    Raises: RefusedError when it cannot be counted.
    """
    config = read_config(path)
    if "model_type" not in config and any(keys <= config.keys() for keys in _CTRANSLATE2):
        raise refusal(message("lists.inference"), where=str(path), todo=message("convert.ctranslate2"))
    found = arithmetic(config, other)
    residue, limits = find_residue(path.parent) if path.name == "config.json" else ([], [])
    body = {
        "container": {
            "kind": "configuration",
            "files": 1,
            "names": [path.name],
            "bytes": path.stat().st_size,
            "metadata": {},
        },
        "architecture": {"family": found["subject"]["family"], "recognised": True, "axes": [], "unclaimed": []},
        "layers": found["subject"]["layers"],
        "width": found["subject"]["width"],
        "parameters": found["subject"]["parameters"],
        "dtypes": {},
        "value_grid": None,
        "tokenizer": None,
        "claims": _claims(config, {}),
        "residue": residue,
        "odd": [],
        "tensors": [],
        "arithmetic": found,
    }
    return body, [message("limit.no_weights"), *limits]


def _of_checkpoint(
    checkpoint: Checkpoint, path: Path, other: Mapping[str, Any] | None, full: bool, tokenizer: bool
) -> tuple[dict[str, Any], list[Message]]:
    limits = list(checkpoint.limits)
    folder = checkpoint.folder or (path if path.is_dir() else path.parent)
    tensors = _tensors(checkpoint, limits)
    grid = None
    odd = list(checkpoint.container.odd)
    if full:
        grid = read_values(checkpoint.container, tensors)
        odd += odd_values(tensors)
    else:
        limits.append(message("limit.values"))
    parameters = sum(t["parameters"] for t in tensors)
    adapter, wrong = adapter_facts(checkpoint.container, checkpoint.config) if checkpoint.definition is None else ({}, [])
    odd += wrong
    found = None if adapter and other is None else _arithmetic(checkpoint, other, odd, limits)
    residue, unread = find_residue(folder) if path.is_dir() else ([], [])
    limits += unread
    return {
        "container": _container(checkpoint.container),
        "architecture": _architecture(checkpoint),
        **({"adapter": adapter} if adapter else {}),
        "layers": checkpoint.layers,
        "width": checkpoint.width,
        "parameters": parameters,
        "dtypes": dict(Counter(t["dtype"] for t in tensors)),
        "value_grid": grid,
        "tokenizer": tokenizer_of(checkpoint, folder, limits, asked=tokenizer or full),
        "claims": _claims(checkpoint.config, checkpoint.container.metadata),
        "residue": residue,
        "odd": odd,
        "tensors": tensors,
        "arithmetic": found,
    }, limits


def _arithmetic(
    checkpoint: Checkpoint, other: Mapping[str, Any] | None, odd: list[Message], limits: list[Message]
) -> dict[str, Any] | None:
    """What the configuration asks for beside what is there; asked for and impossible is an error, unasked a limit."""
    if not checkpoint.config:
        if other is not None:
            raise RefusedError("has no configuration to hold against another", todo="Give a folder with a config.json.")
        return None
    try:
        found = arithmetic(checkpoint.config, other)
    except RefusedError as error:
        if other is not None:
            raise
        limits.append(message("limit.not_counted", why=error.message()))
        return None
    asked, held = found["subject"]["parameters"], _held(checkpoint, found["subject"]["head_counts"])
    if found["subject"]["whole"] and asked != held:
        odd.append(message("odd.count", asked=asked, held=held))
    return found


def _held(checkpoint: Checkpoint, head_counts: bool) -> int:
    """Parameters of all tensors but tables that training does not touch, and a head saved besides the embedding it is."""
    left_out = {p.tensor for p in checkpoint.pieces if p.kind == "constant" or (p.part == "head" and not head_counts)}
    return sum(e.parameters for e in checkpoint.container.tensors.values() if e.name not in left_out)


def _container(container: Container) -> dict[str, Any]:
    stored = sum(t.stored_bytes for t in container.tensors.values())
    return {
        "kind": container.kind,
        "files": len(container.paths),
        "names": [p.name for p in container.paths],
        "bytes": stored,
        "header_digest": container.header_digest,
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


def _tensors(checkpoint: Checkpoint, limits: list[Message]) -> list[dict[str, Any]]:
    parts: dict[str, list[str]] = {}
    places: dict[str, set[tuple[str, int | None]]] = {}
    for piece in checkpoint.pieces:
        places.setdefault(piece.tensor, set()).add((piece.stack, piece.layer))
        parts.setdefault(piece.tensor, [])
        if piece.part not in parts[piece.tensor]:
            parts[piece.tensor].append(piece.part)
    inferred: Mapping[str, str] = {}
    if checkpoint.definition is None and not adapter_kind(checkpoint.container.tensors):
        shapes = {name: entry.shape for name, entry in checkpoint.container.tensors.items()}
        inferred, said = infer_parts(shapes, checkpoint.container.rows)
        limits += said
    return [
        {
            "name": entry.name,
            "dtype": entry.dtype,
            "shape": list(entry.shape),
            "parameters": entry.parameters,
            "bytes": entry.stored_bytes,
            "part": "+".join(parts.get(entry.name, [])) or inferred.get(entry.name, ""),
            "inferred": entry.name in inferred,
            **_place(places.get(entry.name, ())),
        }
        for entry in checkpoint.container.tensors.values()
    ]


def _place(places: Collection[tuple[str, int | None]]) -> dict[str, Any]:
    """The layer that a tensor belongs to, None for one of no layer; nothing where that is not known, or it holds several."""
    if len(places) != 1:
        return {}
    ((stack, layer),) = places
    return {"layer": layer} | ({} if stack == "main" else {"stack": stack})


def _named(value: object) -> str:
    """What a claim says: the members of a list of names, anything else as it is written."""
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _claims(config: Mapping[str, Any], metadata: Mapping[str, str]) -> list[Message]:
    said = [("config", key, config[key]) for key in CLAIM_KEYS if config.get(key)]
    said += [("metadata", key, value) for key, value in list(metadata.items())[:MAX_METADATA]]
    return [message(f"claim.{where}", name=printable(key), value=printable(_named(value))) for where, key, value in said]
