"""The tokenizer inside a GGUF file as a vocabulary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import RefusedError, refusal
from forebear.core.limits import MAX_MERGES, MAX_VOCABULARY
from forebear.core.messages import message
from forebear.files.formats.gguf import GgufContainer
from forebear.files.formats.gguf_header import GgufArray, Scalar
from forebear.tokens.readers import load_vocabulary
from forebear.tokens.rules import gguf_rules
from forebear.tokens.surface import check_lengths, from_byte_alphabet, from_pieces
from forebear.tokens.vocabulary import Vocabulary, holds_its_own

Values = Mapping[str, Scalar | GgufArray]
_UNKNOWN, _CONTROL, _USER, _UNUSED, _BYTE = 2, 3, 4, 5, 6
_BYTES = (0, 1)
"""GGUF's types of one byte."""
_KINDS = {"gpt2": "bpe", "llama": "bpe", "gemma4": "bpe", "bert": "wordpiece", "t5": "unigram"}


def inner_vocabulary(values: Values, where: str, *, full: bool = False) -> Vocabulary | None:
    """The vocabulary in a GGUF file's metadata; None when it holds none.

    full: also scores, merges and rules.
    Raises: RefusedError when the lists disagree in length, break a bound, or the kind is not one of gpt2, llama, bert, t5.
    Source: the GGUF specification, tokenizer.ggml.*; llama.cpp's converter for how each kind is spelt.
    """
    stored = values.get("tokenizer.ggml.tokens")
    if not isinstance(stored, GgufArray) or stored.type != 8 or not stored.items:
        return None
    model = str(values.get("tokenizer.ggml.model", ""))
    kind = _KINDS.get(model)
    if kind is None:
        known = message("advice.known", names=", ".join(_KINDS))
        raise refusal(message("vocab.kind", kind=repr(model[:40])), where=where, todo=known)
    if stored.items > MAX_VOCABULARY:
        raise _too_many(stored.items, "tokens", MAX_VOCABULARY, where)
    spellings = [text.decode("utf-8", "replace") for text in stored.strings()]
    types = _types(values, len(spellings), where)
    tokens, foreign = _surface(model, spellings, types)
    check_lengths(tokens, where)
    special = frozenset(i for i, kind_ in enumerate(types) if kind_ in (_UNKNOWN, _CONTROL, _UNUSED))
    added = frozenset(i for i, kind_ in enumerate(types) if kind_ == _USER)
    rules = gguf_rules(model, str(values.get("tokenizer.ggml.pre", "default")), _settings(values, model, types, tokens))
    odd = (message("vocabulary.outside_alphabet", count=len(foreign)),) if foreign else ()
    return Vocabulary(
        kind, tuple(tokens), special, added, _scores(values, len(spellings), where) if full else None,
        _merges(values, spellings, where) if full else None, rules if full else None, odd, foreign,
    )  # fmt: skip


def load_tokenizer(path: str | Path, *, full: bool = False) -> Vocabulary:
    """The vocabulary of a tokenizer file or folder, or the one inside a GGUF file (see forebear.tokens.vocabulary.Loader).

    Raises: RefusedError as load_vocabulary; for a GGUF file without a tokenizer, and for what breaks a bound of either.
    """
    if not holds_its_own(path):
        return load_vocabulary(path, full=full)
    container = GgufContainer(Path(path))
    try:
        found = inner_vocabulary(container.values, str(path), full=full)
    finally:
        container.close()
    if found is None:
        raise refusal(message("vocab.no_tokenizer"), where=str(path), todo=message("advice.tokenizer"))
    return found


def _settings(values: Values, model: str, types: Sequence[int], tokens: Sequence[bytes | None]) -> Mapping[str, object]:
    """What changes how text is spelt in pieces; llama.cpp's defaults where the file is silent."""
    by_byte = {token: id_ for id_, token in enumerate(tokens) if types[id_] == _BYTE}
    every = [by_byte.get(bytes([byte])) for byte in range(256)]
    table = values.get("tokenizer.ggml.precompiled_charsmap")
    stored = table.build() if isinstance(table, GgufArray) and table.type in _BYTES else []
    prefix = values.get("tokenizer.ggml.add_space_prefix", model != "gemma4")
    return {
        "byte_ids": None if None in every else tuple(every),
        "unk": next((id_ for id_, kind in enumerate(types) if kind == _UNKNOWN), None),
        "dummy_prefix": bool(prefix),
        "remove_extra_spaces": bool(values.get("tokenizer.ggml.remove_extra_whitespaces", False)),
        "charsmap": bytes(int(v) & 0xFF for v in stored),
    }


def _types(values: Values, count: int, where: str) -> list[int]:
    stored = values.get("tokenizer.ggml.token_type")
    if not isinstance(stored, GgufArray):
        return [1] * count
    if stored.items != count or stored.type not in (4, 5):
        raise _two_counts(count, stored.items, "token_types", where)
    return [int(value) for value in stored.build()]


def _surface(model: str, spellings: Sequence[str], types: Sequence[int]) -> tuple[list[bytes], frozenset[int]]:
    """Bytes by id, and which are spelt outside their alphabet.

    Special tokens keep their spelling, user-defined ones stand for themselves.
    """
    if model == "gpt2":
        ordinary = [i for i, kind in enumerate(types) if kind == 1]
        tokens = [spelling.encode() for spelling in spellings]
        translated, outside = from_byte_alphabet([spellings[i] for i in ordinary])
        for place, token in zip(ordinary, translated, strict=True):
            tokens[place] = token
        return tokens, frozenset(ordinary[at] for at in outside)
    pieces = from_pieces(spellings, byte_pieces=True)
    plain = {i for i, kind in enumerate(types) if kind in (_UNKNOWN, _CONTROL, _UNUSED)}
    return [spellings[i].encode() if i in plain else piece for i, piece in enumerate(pieces)], frozenset()


def _scores(values: Values, count: int, where: str) -> NDArray[np.float64] | None:
    stored = values.get("tokenizer.ggml.scores")
    if not isinstance(stored, GgufArray):
        return None
    if stored.items != count or stored.type not in (6, 12):
        raise _two_counts(count, stored.items, "scores", where)
    return np.asarray(stored.build(), dtype=np.float64)


def _merges(values: Values, spellings: Sequence[str], where: str) -> NDArray[np.int32] | None:
    stored = values.get("tokenizer.ggml.merges")
    if not isinstance(stored, GgufArray) or stored.type != 8:
        return None
    if stored.items > MAX_MERGES:
        raise _too_many(stored.items, "merges", MAX_MERGES, where)
    ids = {spelling: id_ for id_, spelling in enumerate(spellings)}
    pairs = []
    for text in stored.build():
        left, _, right = str(text).partition(" ")
        if left not in ids or right not in ids:
            raise refusal(message("vocab.merge_text", text=repr(str(text)[:40])), where=where)
        pairs.append((ids[left], ids[right]))
    return np.asarray(pairs, dtype=np.int32).reshape(-1, 2)


def _too_many(count: int, things: str, most: int, where: str) -> RefusedError:
    return refusal(message("vocab.most", count=count, things=message(f"thing.{things}"), most=most), where=where)


def _two_counts(count: int, other: int, things: str, where: str) -> RefusedError:
    return refusal(message("vocab.two_counts", count=count, other=other, things=message(f"thing.{things}")), where=where)
