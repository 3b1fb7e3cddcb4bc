"""The tokenizer in an inspection: alone, beside weights or inside them; audited when that is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from forebear.core.bounded import read_bounded, read_head
from forebear.core.errors import RefusedError
from forebear.core.limits import MAX_TOKENIZER_BYTES
from forebear.core.messages import Message, message
from forebear.files.base import Float32
from forebear.files.sources import holds_weights
from forebear.inspection.inspection_values import blocks
from forebear.models.checkpoint import Checkpoint, open_checkpoint
from forebear.tokens.audit import audit_vocabulary, listed, row
from forebear.tokens.readers import load_vocabulary
from forebear.tokens.rows import undertrained_in
from forebear.tokens.vocabulary import FILE_NAMES, Vocabulary, file_digest, find_vocabulary_file

LARGE_BYTES = 16 * 2**20
"""A tokenizer file larger than this is not opened by an inspection that does not ask for its tokenizer."""
LONGEST_SPACE = 64
"""Bytes in which a list of texts has begun."""
_SUFFIXES = (".tiktoken", ".js", ".cjs", ".txt", ".vocab")

Found = dict[str, Any]


def is_tokenizer(path: Path) -> bool:
    """Whether a path is a tokenizer by itself: such a file, or a folder that holds one and no weights. Nothing is parsed."""
    if path.is_dir():
        return find_vocabulary_file(path) is not None and not holds_weights(path)
    if not path.is_file():
        return False
    if path.name in FILE_NAMES or path.name.lower().endswith(_SUFFIXES):
        return True
    if path.suffix == ".json" and not path.name.endswith(".index.json"):
        return _holds_vocabulary(path)
    if ".model" in path.name:
        return read_head(path, 1) == b"\x0a"  # the first field of a SentencePiece model is its pieces
    return False


def _holds_vocabulary(path: Path) -> bool:
    data = read_bounded(path, MAX_TOKENIZER_BYTES)
    begins = data[:LONGEST_SPACE].split()
    is_list = b"".join(begins)[:2] == b'["' or (data.lstrip()[:1] == b"[" and b'"piece"' in data)
    return is_list or b'"vocab"' in data or b'"bpe_ranks"' in data


def of_tokenizer(path: Path) -> tuple[Found, list[Message], int]:
    """The body of an inspection of a tokenizer alone, its limits, and the bytes read.

    Rows of the embedding are looked at when one model's weights lie beside it. Raises: RefusedError when it cannot be read.
    """
    file = find_vocabulary_file(path) if path.is_dir() else path
    assert file is not None  # asked by is_tokenizer
    limits: list[Message] = []
    vocabulary = load_vocabulary(file, full=True)
    checkpoint = _beside(file.parent, limits)
    try:
        found = _audited(vocabulary, file, checkpoint, limits)
    finally:
        if checkpoint is not None:
            checkpoint.close()
    size = file.stat().st_size
    body: Found = {
        "container": {"kind": "tokenizer", "files": 1, "names": [file.name], "bytes": size, "metadata": {}},
        "architecture": {"family": "none", "recognised": True, "axes": [], "unclaimed": []},
        **{"layers": 0, "width": 0, "parameters": 0, "dtypes": {}, "value_grid": None},
        "tokenizer": {
            "file": file.name,
            "kind": vocabulary.kind,
            "tokens": vocabulary.count,
            "highest_id": len(vocabulary) - 1,
            "gaps": vocabulary.tokens.count(None),
            "audit": found,
        },
        **{"claims": [], "residue": [], "odd": [], "tensors": [], "arithmetic": None},
    }
    return body, limits, size + (0 if checkpoint is None else checkpoint.container.bytes_read)


def _beside(folder: Path, limits: list[Message]) -> Checkpoint | None:
    """The checkpoint a tokenizer lies with; None, said in limits, when there is none or it cannot be opened."""
    if not holds_weights(folder):
        limits.append(message("limit.untrained_alone"))
        return None
    try:
        return open_checkpoint(folder)
    except RefusedError as error:
        limits.append(message("limit.untrained", why=error.message()))
        return None


def tokenizer_of(checkpoint: Checkpoint, folder: Path, limits: list[Message], *, asked: bool) -> Found | None:
    """What a checkpoint's tokenizer is, read from inside the weights' file or from beside it; None when there is none.

    asked: audit it too, with the rows of the embedding. What cannot be read is said in limits.
    """
    try:
        file = None
        vocabulary = checkpoint.inner_vocabulary(full=asked) if checkpoint.inner_vocabulary is not None else None
        if vocabulary is None:
            file = find_vocabulary_file(folder)
            if file is None:
                return None
            if not asked and file.stat().st_size > LARGE_BYTES:
                limits.append(message("limit.vocabulary_large", file=file.name, size=file.stat().st_size))
                return None
            vocabulary = load_vocabulary(file, full=asked)
        found: Found = {
            "file": checkpoint.container.paths[0].name if file is None else file.name,
            "kind": vocabulary.kind,
            "tokens": vocabulary.count,
            "highest_id": len(vocabulary) - 1,
            "gaps": vocabulary.tokens.count(None),
        }
        return found | {"audit": _audited(vocabulary, file, checkpoint, limits)} if asked else found
    except RefusedError as error:
        limits.append(message("limit.vocabulary", why=error.message()))
        return None


def _audited(vocabulary: Vocabulary, file: Path | None, checkpoint: Checkpoint | None, limits: list[Message]) -> Found:
    """The audit of a vocabulary, with the rows that training hardly touched; what could not be done moves to limits."""
    piece = checkpoint.piece("embedding") if checkpoint is not None else None
    rows = None if checkpoint is None or piece is None else checkpoint.container.tensors[piece.tensor].shape[0]
    digest = None if file is None else file_digest(file)[1]
    found = audit_vocabulary(vocabulary, None if file is None else file.parent, rows=rows, digest=digest, file=file)
    limits += found.pop("limits")
    found["untrained"] = None
    if checkpoint is None:
        return found
    if piece is None or not rows:
        limits.append(message("limit.untrained_unknown"))
        return found
    untrained = _untrained(vocabulary, checkpoint, piece.tensor)
    named = {one["id"]: one for one in found["list"]}
    for id_ in untrained.pop("ids"):
        named.setdefault(id_, row(vocabulary, id_, []))["why"].append("untrained")
    return found | {"untrained": untrained, "list": [named[id_] for id_ in sorted(named)]}


def _untrained(vocabulary: Vocabulary, checkpoint: Checkpoint, tensor: str) -> Found:
    entry = checkpoint.container.tensors[tensor]

    def read() -> Iterator[Float32]:
        for block in blocks(checkpoint.container, entry):
            yield np.ascontiguousarray(block.reshape(len(block), -1))

    ids = undertrained_in(read).tolist()
    skip = vocabulary.special | vocabulary.added
    worded = [i for i in ids if i < len(vocabulary) and vocabulary.tokens[i] is not None and i not in skip]
    shown = listed(vocabulary, worded)
    return {
        "tensor": tensor,
        "rows": entry.shape[0],
        "count": len(ids),
        "text_tokens": len(worded),
        "examples": shown["examples"],
        "ids": worded,
    }
