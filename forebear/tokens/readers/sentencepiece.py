"""SentencePiece models: a bounded reader of the few protobuf fields that matter; no schema, no generated code.

Field numbers: sentencepiece_model.proto of the SentencePiece project (Apache-2.0).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from forebear.core.errors import refusal
from forebear.core.limits import MAX_VOCABULARY
from forebear.core.messages import message
from forebear.tokens.rules import Rules
from forebear.tokens.surface import BYTE_PIECES, check_lengths
from forebear.tokens.vocabulary import Vocabulary

UNKNOWN, CONTROL, USER, UNUSED, BYTE = 2, 3, 4, 5, 6
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
MODEL_KINDS = {1: "unigram", 2: "bpe", 3: "wordlevel", 4: "wordlevel"}


_FLOAT = struct.Struct("<f").unpack_from


def _varint(data: bytes, at: int, where: str) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise refusal(message("vocab.cut_number", byte=at), where=where)
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def fields(data: bytes, where: str) -> Iterator[tuple[int, int | bytes]]:
    """(field number, value) in order; every length is checked against what is left before it is used."""
    at, end = 0, len(data)
    while at < end:
        key, at = (data[at], at + 1) if data[at] < 0x80 else _varint(data, at, where)
        number, wire = key >> 3, key & 7
        value: int | bytes
        if wire == VARINT:
            value, at = _varint(data, at, where)
        elif wire in (FIXED32, FIXED64):
            size = 4 if wire == FIXED32 else 8
            value, at = data[at : at + size], at + size
        elif wire == BYTES:
            size, at = (data[at], at + 1) if at < end and data[at] < 0x80 else _varint(data, at, where)
            if size > end - at:
                raise refusal(message("vocab.claims", size=size, left=end - at), where=where)
            value, at = data[at : at + size], at + size
        else:
            raise refusal(message("vocab.wire", wire=wire, byte=at), where=where)
        if number == 0 or at > end:
            raise refusal(message("vocab.no_model", byte=at), where=where)
        yield number, value


def read_model(data: bytes, *, where: str, full: bool) -> Vocabulary:
    """Pieces by id, with scores and normalisation settings when asked for.

    Raises: RefusedError on anything that is not the protobuf of a SentencePiece model within bounds.
    """
    pieces: list[bytes] = []
    trainer: dict[int, int | bytes] = {}
    normalizer: dict[int, int | bytes] = {}
    for number, value in fields(data, where):
        if isinstance(value, int):
            continue
        if number == 1:
            pieces.append(value)
            if len(pieces) > MAX_VOCABULARY:
                raise refusal(message("vocab.lines", most=MAX_VOCABULARY, things=message("thing.pieces")), where=where)
        elif number == 2:
            trainer = dict(fields(value, where))
        elif number == 3:
            normalizer = dict(fields(value, where))
    if not pieces:
        raise refusal(message("vocab.no_pieces"), where=where)
    tokens, scores, special, user, byte_ids = _pieces(pieces, where)
    check_lengths(tokens, where)
    kind = MODEL_KINDS.get(int(trainer.get(3, 1)) if not isinstance(trainer.get(3, 1), bytes) else 1, "unigram")
    values = np.asarray(scores, dtype=np.float64) if full else None
    rules = _rules(trainer, normalizer, byte_ids, _unknown(pieces, special, where)) if full else None
    return Vocabulary(kind, tuple(tokens), frozenset(special), frozenset(user), values, None, rules)


def _unknown(pieces: list[bytes], special: set[int], where: str) -> int | None:
    return next((id_ for id_ in sorted(special) if _piece(pieces[id_], where)[2] == UNKNOWN), None)


def _pieces(
    pieces: list[bytes], where: str
) -> tuple[list[bytes | None], list[float], set[int], set[int], dict[int, int]]:
    tokens: list[bytes | None] = []
    scores: list[float] = []
    special: set[int] = set()
    user: set[int] = set()
    byte_ids: dict[int, int] = {}
    for id_, piece in enumerate(pieces):
        text, score, kind = _piece(piece, where)
        scores.append(score)
        if kind == 1:
            tokens.append(text.replace(b"\xe2\x96\x81", b" "))
        elif kind in (UNKNOWN, CONTROL, UNUSED):
            special.add(id_)
            tokens.append(text)
        elif kind == BYTE:
            byte = BYTE_PIECES.get(text.decode("ascii", "replace"))
            if byte is None:
                raise refusal(message("vocab.byte_piece", piece=repr(text[:40])), where=where)
            tokens.append(byte)
            byte_ids[byte[0]] = id_
        else:
            if kind == USER:
                user.add(id_)
            tokens.append(text.replace(b"\xe2\x96\x81", b" "))
    return tokens, scores, special, user, byte_ids


def _piece(piece: bytes, where: str) -> tuple[bytes, float, int]:
    # Nearly every piece is exactly: field 1 with a short length, then field 2 as a float, then perhaps a small field 3.
    size = piece[1] if len(piece) > 1 else 0
    rest = len(piece) - size - 2
    if piece[0:1] == b"\x0a" and size < 0x80 and (rest == 5 or rest == 7) and piece[size + 2] == 0x15:
        score = _FLOAT(piece, size + 3)[0]
        if rest == 5:
            return piece[2 : size + 2], score, 1
        if piece[size + 7] == 0x18 and piece[size + 8] < 0x80:
            return piece[2 : size + 2], score, piece[size + 8]
    found = dict(fields(piece, where))
    text, raw, kind = found.get(1, b""), found.get(2, b"\0\0\0\0"), found.get(3, 1)
    if not isinstance(text, bytes) or not isinstance(raw, bytes) or len(raw) != 4 or not isinstance(kind, int):
        raise refusal(message("vocab.piece_form"), where=where)
    return text, float(struct.unpack("<f", raw)[0]), kind


def _rules(
    trainer: dict[int, int | bytes], normalizer: dict[int, int | bytes], byte_ids: dict[int, int], unknown: int | None
) -> Rules:
    """Settings that change how text is split (defaults as in the format's own definition)."""
    charsmap = normalizer.get(2, b"")
    options = (
        ("surface", "pieces"),
        ("byte_ids", tuple(byte_ids[byte] for byte in range(256)) if len(byte_ids) == 256 else None),
        ("unk", unknown),
        ("suffix_space", bool(trainer.get(24, 0))),
        ("dummy_prefix", bool(normalizer.get(3, 1))),
        ("remove_extra_spaces", bool(normalizer.get(4, 1))),
        ("escape_spaces", bool(normalizer.get(5, 1))),
        ("charsmap", charsmap if isinstance(charsmap, bytes) else b""),
    )
    return Rules(options=options)
