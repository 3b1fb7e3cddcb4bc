"""One tokenizer by itself: what it is, which known one it matches, what in it cannot be reached or is broken."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forebear.core.messages import Message, message
from forebear.tokens.encoders import CannotEncodeError, Encoder, encoder_of
from forebear.tokens.encoders.base import Cut
from forebear.tokens.encoders.byte_pairs import BytePairs
from forebear.tokens.encoders.pieces import CharacterPairs
from forebear.tokens.encoders.words import WordPiece
from forebear.tokens.kinship import prepare
from forebear.tokens.known import matches
from forebear.tokens.labels import contradictions
from forebear.tokens.readers import load_vocabulary
from forebear.tokens.structure import MOST_BYTES, structure, too_much
from forebear.tokens.vocabulary import Loader, Vocabulary, file_digest, find_vocabulary_file

SHOWN = 20
"""Examples listed of each finding."""
MOST_LISTED = 200_000
"""Tokens of the whole list."""
_LOOKS_SPECIAL = re.compile(
    rb"<\|[^|<>]{1,60}\|>|<(?:s|/s|pad|unk|mask|bos|eos|cls|sep)>|\[(?:PAD|UNK|CLS|SEP|MASK|INST|/INST)\]"
)


def audit(path: str | Path, *, rows: int | None = None, load: Loader = load_vocabulary) -> dict[str, Any]:
    """Findings about a tokenizer file, or the folder that holds one.

    rows: rows of the embedding beside it, when known; load: what reads a vocabulary. Everything here describes; nothing decides.
    Raises: RefusedError when it is no tokenizer we can read.
    """
    vocabulary = load(path, full=True)
    folder = Path(path) if Path(path).is_dir() else Path(path).parent
    file = find_vocabulary_file(path) if Path(path).is_dir() else Path(path)
    return audit_vocabulary(vocabulary, folder, rows=rows, digest=file_digest(path)[1], file=file)


def audit_vocabulary(
    vocabulary: Vocabulary,
    folder: Path | None,
    *,
    rows: int | None = None,
    digest: str | None = None,
    file: Path | None = None,
) -> dict[str, Any]:
    """Findings about a vocabulary read in full; folder: where its labels lie, digest: SHA-256 of its file (see `audit`).

    file: its path, whose name and neighbours may state how a rank file cuts text.
    """
    prepared, shape = prepare(vocabulary), structure(vocabulary)
    limits: list[Message] = []
    lost, cut = unreachable(vocabulary, limits, digest, file)
    if shape.orphans is None:
        limits.append(message("vocabulary.orphans_too_much", most=MOST_BYTES))
    return {
        "kind": vocabulary.kind,
        "sha256": digest,
        "ids": vocabulary.count,
        "highest_id": len(vocabulary) - 1,
        "cut": None if cut is None else {"how": cut.how, "name": cut.name},
        "text_tokens": len(prepared.tokens),
        "special": len(vocabulary.special),
        "added": len(vocabulary.added),
        "known": [
            {"name": m.name, "how": m.how, "sampled_in_order": m.in_order, "sampled_shared": m.shared}
            for m in matches(prepared)
        ],
        "merges": shape.merges,
        "artefacts": shape.artefacts,
        "orphans": None if shape.orphans is None else listed(vocabulary, shape.orphans),
        "unreachable": None if lost is None else listed(vocabulary, lost),
        "duplicates": shape.duplicates,
        "incomplete_utf8": shape.incomplete,
        "broken_utf8": listed(vocabulary, shape.broken_utf8),
        "missing_bytes": shape.missing_bytes,
        "odd_special": odd_special(vocabulary),
        "labels": [] if folder is None else contradictions(folder, vocabulary, rows),
        "odd": list(vocabulary.odd),
        "limits": limits,
        "list": _list(vocabulary, {"unreachable": lost, "orphan": shape.orphans, "broken_utf8": shape.broken_utf8}),
    }


def _list(vocabulary: Vocabulary, findings: Mapping[str, Sequence[int] | None]) -> list[dict[str, Any]]:
    """Every token that some finding names, by id, with all of its findings."""
    named: dict[int, list[str]] = {}
    for why, ids in findings.items():
        for id_ in ids or ():
            named.setdefault(id_, []).append(why)
    return [row(vocabulary, id_, named[id_]) for id_ in sorted(named)[:MOST_LISTED]]


def row(vocabulary: Vocabulary, id_: int, why: Sequence[str]) -> dict[str, Any]:
    """One token of the list: the beginning of its bytes in hexadecimal, and why it is there."""
    return {"id": id_, "bytes": (vocabulary.tokens[id_] or b"")[:64].hex(), "why": list(why)}


def listed(vocabulary: Vocabulary, ids: Sequence[int]) -> dict[str, Any]:
    """How many ids, and the first of them with the beginning of their bytes in hexadecimal."""
    shown = [{"id": id_, "bytes": (vocabulary.tokens[id_] or b"")[:64].hex()} for id_ in ids[:SHOWN]]
    return {"count": len(ids), "examples": shown}


def unreachable(
    vocabulary: Vocabulary, limits: list[Message], digest: str | None = None, file: Path | None = None
) -> tuple[tuple[int, ...] | None, Cut | None]:
    """Ids that encoding their own bytes never yields (METHODS §15), and how text was cut for that.

    None, with a reason in `limits`, when we cannot encode. Where the cut is a guess, so are the ids.
    """
    if too_much(vocabulary):
        limits.append(message("vocabulary.unreachable_too_much", most=MOST_BYTES))
        return None, None
    try:
        encoder = encoder_of(vocabulary, digest=digest, path=file)
        skip = vocabulary.special | vocabulary.added
        lost = tuple(
            id_
            for id_, token in enumerate(vocabulary.tokens)
            if token is not None and id_ not in skip and not _reached(encoder, id_, token)
        )
    except CannotEncodeError as error:
        limits.append(message("vocabulary.unreachable_unknown", why=error.said or error.what))
        return None, None
    limits.extend(encoder.assumed)
    guessed = Cut("assumed", "BERT") if isinstance(encoder, WordPiece) and encoder.assumed else None
    return lost, encoder.cut or guessed


def _reached(encoder: Encoder, id_: int, token: bytes) -> bool:
    encoder.work.allow(len(token))
    if isinstance(encoder, BytePairs) and encoder.marked:
        return encoder.reaches(token, id_)
    try:
        text = token.decode()
    except UnicodeDecodeError:
        # part of a character: no cut falls inside one, so only the joining of its bytes is asked
        return not isinstance(encoder, BytePairs) or list(encoder.join_bytes(token)) == [id_]
    if isinstance(encoder, WordPiece) or (isinstance(encoder, CharacterPairs) and encoder.marked):
        return encoder.reaches(text, id_)
    parts = encoder.pieces(text) if isinstance(encoder, BytePairs) else [text]
    return len(parts) == 1 and list((parts[0],) if isinstance(parts[0], int) else encoder.encode_piece(parts[0])) == [
        id_
    ]


def odd_special(vocabulary: Vocabulary) -> list[dict[str, Any]]:
    """Special tokens that are plain words, and ordinary ones spelt like control tokens."""
    found = []
    for id_, token in enumerate(vocabulary.tokens):
        if token is None:
            continue
        looks = _LOOKS_SPECIAL.fullmatch(token.strip()) is not None
        if id_ in vocabulary.special and token.isalpha():
            found.append({"id": id_, "bytes": token[:64].hex(), "why": message("vocabulary.like_a_word")})
        elif looks and id_ not in vocabulary.special and id_ not in vocabulary.added:
            found.append({"id": id_, "bytes": token[:64].hex(), "why": message("vocabulary.like_control")})
    return found[:SHOWN]
