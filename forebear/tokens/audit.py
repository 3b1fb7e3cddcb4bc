"""One tokenizer by itself: what it is, which known one it matches, what in it cannot be reached or is broken."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from forebear.core.bounded import parse_json, read_bounded
from forebear.core.errors import RefusedError
from forebear.core.limits import MAX_CONFIG_BYTES, MAX_TOKENIZER_BYTES
from forebear.tokens.encoders import CannotEncodeError, Encoder, encoder_of
from forebear.tokens.encoders.byte_pairs import BytePairs
from forebear.tokens.encoders.words import WordPiece
from forebear.tokens.kinship import prepare
from forebear.tokens.known import matches
from forebear.tokens.structure import structure
from forebear.tokens.vocabulary import Vocabulary, find_vocabulary_file, load_vocabulary

SHOWN = 20
"""Examples listed of each finding."""
_LOOKS_SPECIAL = re.compile(
    rb"<\|[^|<>]{1,60}\|>|<(?:s|/s|pad|unk|mask|bos|eos|cls|sep)>|\[(?:PAD|UNK|CLS|SEP|MASK|INST|/INST)\]"
)
_CLASSES = {
    "bytes": ("GPT2", "Qwen2", "Roberta", "Bart", "GPTNeoX", "Codegen"),
    "pieces": ("XLMRoberta", "T5", "Albert", "Camembert", "MBart", "XLNet", "Pegasus"),
    "words": ("Bert", "DistilBert", "Electra", "MPNet"),
}
"""Beginnings of class names that only ever mean one kind of spelling (transformers' slow tokenizers)."""


def audit(path: str | Path, *, rows: int | None = None) -> dict[str, Any]:
    """Findings about a tokenizer file, or the folder that holds one.

    rows: rows of the embedding beside it, when known. Everything here describes; nothing decides.
    Raises: RefusedError when it is no tokenizer we can read.
    """
    vocabulary = load_vocabulary(path, full=True)
    prepared, shape = prepare(vocabulary, str(path)), structure(vocabulary)
    limits: list[str] = []
    file = find_vocabulary_file(path) if Path(path).is_dir() else Path(path)
    digest = hashlib.sha256(read_bounded(file, MAX_TOKENIZER_BYTES)).hexdigest() if file is not None else None
    lost = unreachable(vocabulary, limits, digest)
    folder = Path(path) if Path(path).is_dir() else Path(path).parent
    return {
        "kind": vocabulary.kind,
        "ids": len(vocabulary.tokens),
        "text_tokens": len(prepared.tokens),
        "special": len(vocabulary.special),
        "added": len(vocabulary.added),
        "known": [
            {"name": m.name, "how": m.how, "sampled_in_order": m.in_order, "sampled_shared": m.shared}
            for m in matches(prepared)
        ],
        "merges": shape.merges,
        "artefacts": shape.artefacts,
        "orphans": _listed(vocabulary, shape.orphans),
        "unreachable": None if lost is None else _listed(vocabulary, lost),
        "duplicates": shape.duplicates,
        "incomplete_utf8": shape.incomplete,
        "missing_bytes": shape.missing_bytes,
        "odd_special": odd_special(vocabulary),
        "labels": _labels(folder, vocabulary, rows),
        "odd": list(vocabulary.odd),
        "limits": limits,
    }


def _listed(vocabulary: Vocabulary, ids: Sequence[int]) -> dict[str, Any]:
    shown = [{"id": id_, "bytes": (vocabulary.tokens[id_] or b"")[:64].hex()} for id_ in ids[:SHOWN]]
    return {"count": len(ids), "examples": shown}


def unreachable(vocabulary: Vocabulary, limits: list[str], digest: str | None = None) -> tuple[int, ...] | None:
    """Ids that encoding their own bytes never yields (METHODS §15); None, with a reason in `limits`, when we cannot encode."""
    try:
        encoder = encoder_of(vocabulary, digest=digest)
    except CannotEncodeError as error:
        limits.append(f"unreachable tokens were not looked for: the file {error.what}")
        return None
    limits.extend(encoder.assumed)
    skip = vocabulary.special | vocabulary.added
    return tuple(
        id_
        for id_, token in enumerate(vocabulary.tokens)
        if token is not None and id_ not in skip and not _reached(encoder, id_, token)
    )


def _reached(encoder: Encoder, id_: int, token: bytes) -> bool:
    try:
        text = token.decode()
    except UnicodeDecodeError:
        # part of a character: no cut falls inside one, so only the joining of its bytes is asked
        return not isinstance(encoder, BytePairs) or list(encoder.join_bytes(token)) == [id_]
    if isinstance(encoder, WordPiece):
        return encoder.reaches(text, id_)
    parts = encoder.pieces(text) if isinstance(encoder, BytePairs) else [text]
    return len(parts) == 1 and list(encoder.encode_piece(parts[0])) == [id_]


def odd_special(vocabulary: Vocabulary) -> list[dict[str, Any]]:
    """Special tokens that are plain words, and ordinary ones spelt like control tokens."""
    found = []
    for id_, token in enumerate(vocabulary.tokens):
        if token is None:
            continue
        looks = _LOOKS_SPECIAL.fullmatch(token.strip()) is not None
        if id_ in vocabulary.special and token.isalpha():
            found.append({"id": id_, "bytes": token[:64].hex(), "why": "special, but spelt like a word"})
        elif looks and id_ not in vocabulary.special and id_ not in vocabulary.added:
            found.append({"id": id_, "bytes": token[:64].hex(), "why": "spelt like a control token, but ordinary text"})
    return found[:SHOWN]


def _labels(folder: Path, vocabulary: Vocabulary, rows: int | None) -> list[str]:
    """Where what stands beside the tokenizer contradicts it."""
    said: list[str] = []
    config = _small_json(folder / "tokenizer_config.json")
    name = config.get("tokenizer_class")
    surface = vocabulary.rules.option("surface") if vocabulary.rules else None
    surface = "words" if vocabulary.kind == "wordpiece" else surface
    if isinstance(name, str) and surface is not None:
        for kind, starts in _CLASSES.items():
            if kind != surface and name.removesuffix("Fast").removesuffix("Tokenizer") in starts:
                said.append(f"tokenizer_config.json calls it {name[:60]}, but its tokens are spelt as {surface}")
    if rows is None:
        size = _small_json(folder / "config.json").get("vocab_size")
        rows = size if type(size) is int else None
    used = max((id_ for id_, token in enumerate(vocabulary.tokens) if token is not None), default=-1) + 1
    if rows is not None and used > rows:
        said.append(f"{used - rows} ids have no row in an embedding of {rows} rows")
    elif rows is not None and used < rows:
        said.append(f"{rows - used} rows of the embedding have no token")
    return said


def _small_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        found = parse_json(read_bounded(path, MAX_CONFIG_BYTES), where=str(path))
    except RefusedError:
        return {}
    return found if isinstance(found, dict) else {}
