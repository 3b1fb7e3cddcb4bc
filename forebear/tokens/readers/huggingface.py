"""JSON tokenizer files: tokenizer.json (BPE, Unigram, WordPiece, WordLevel), vocab.json, and what else is JSON."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.core.bounded import parse_json, read_bounded
from forebear.core.errors import printable, refusal
from forebear.core.limits import MAX_MERGES, MAX_TOKENIZER_BYTES, MAX_VOCABULARY
from forebear.core.messages import Message, message
from forebear.core.strict import Table
from forebear.tokens.readers import lists, ranks
from forebear.tokens.rules import Added, Rules
from forebear.tokens.surface import (
    BYTE_PIECES,
    GPT2_ALPHABET,
    check_lengths,
    from_byte_alphabet,
    from_pieces,
    from_words,
)
from forebear.tokens.vocabulary import Vocabulary, check_gaps

Json = dict[str, Any]
MODELS = {"BPE": "bpe", "Unigram": "unigram", "WordPiece": "wordpiece", "WordLevel": "wordlevel"}
"""Types of model, as tokenizer.json names them, and our kinds."""
_ONE_SPACE = re.compile(r"[^ ]+ [^ ]+").fullmatch
"""Halves may hold anything but a space: line ends too (Gemma)."""


def read_any_json(data: bytes, *, path: Path, full: bool) -> Vocabulary:
    """The vocabulary in a JSON file, by its shape. Raises RefusedError when it has none we know."""
    where = str(path)
    found = parse_json(data, where=where)
    if isinstance(found, list):
        return lists.read_pieces(found, where=where, full=full)
    if isinstance(found, dict) and isinstance(found.get("model"), dict):
        return _read_tokenizer_json(found, where, full)
    if isinstance(found, dict) and "bpe_ranks" in found:
        return ranks.read_table(found, where=where, full=full)
    if isinstance(found, dict) and isinstance(found.get("vocab"), list) and "config" in found:
        return ranks.read_tekken(found, where=where, full=full)
    if isinstance(found, dict) and found and all(type(value) is int for value in found.values()):
        return _read_vocab_json(found, path, full)
    raise refusal(message("vocab.unknown_json"), where=where)


def types_within(node: Any) -> set[str]:
    """Every "type" named anywhere in a description of steps (walked without recursion)."""
    found: set[str] = set()
    stack = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            if isinstance(item.get("type"), str):
                found.add(item["type"])
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return found


@dataclass(frozen=True)
class _Model:
    """The `model` of a tokenizer.json with the kind of every setting checked; None where the file does not say.

    vocab, merges, added: lists and tables whose entries are checked when they are laid out.
    """

    kind: str
    vocab: list[Any] | dict[str, Any]
    merges: list[Any] | None
    unk_token: str | None
    unk_id: int | None
    prefix: str | None
    suffix: str | None
    byte_fallback: bool
    ignore_merges: bool
    fuse_unk: bool
    longest_word: int | None
    dropout: float | None
    steps: frozenset[str]
    added: list[Any]


def _model(found: Json, where: str) -> _Model:
    """Raises: RefusedError for a setting of another kind than the format gives it."""
    table = Table(found["model"], f"{where}: model", message("advice.get_again"))
    vocab, merges = table.take("vocab", (list, dict)), table.optional("merges", list)
    kind = table.optional("type", str)
    if kind is None:  # files from before the key existed
        kind = "Unigram" if isinstance(vocab, list) else "WordPiece" if merges is None else "BPE"
    if kind not in MODELS:
        known = message("advice.known", names=", ".join(MODELS))
        raise refusal(message("vocab.model_type", type=repr(kind[:40])), where=where, todo=known)
    if isinstance(vocab, list) != (kind == "Unigram"):
        table.fail(message("vocab.no_vocab", type=kind))
    top = Table(found, where, table.todo)
    return _Model(
        kind=MODELS[kind],
        vocab=vocab,
        merges=merges,
        unk_token=table.optional("unk_token", str),
        unk_id=table.optional("unk_id", int),
        prefix=table.optional("continuing_subword_prefix", str),
        suffix=table.optional("end_of_word_suffix", str),
        byte_fallback=bool(table.optional("byte_fallback", bool)),
        ignore_merges=bool(table.optional("ignore_merges", bool)),
        fuse_unk=bool(table.optional("fuse_unk", bool)),
        longest_word=table.optional("max_input_chars_per_word", int),
        dropout=table.optional("dropout", (int, float)),
        steps=frozenset(types_within([top.optional(key, dict) for key in ("pre_tokenizer", "decoder", "normalizer")])),
        added=top.optional("added_tokens", list) or [],
    )


def _read_tokenizer_json(found: Json, where: str, full: bool) -> Vocabulary:
    model = _model(found, where)
    scores = None
    ids: Any = model.vocab
    if isinstance(model.vocab, list):
        ids, values = _unigram_entries(model.vocab, where)
        scores = values if full else None
    spellings, places = _ids(ids, where)
    tokens, odd = _surface(model, spellings, where)
    laid: list[bytes | None] = [None] * (max(places) + 1) if places else []
    for id_, token in zip(places, tokens, strict=True):
        laid[id_] = token
    special, added = _added(model.added, laid, where)
    if model.kind == "wordpiece":
        special |= {ids[spelling] for spelling in spellings if "[" in spelling and lists.bert_special(spelling)}
    for spelling in set(special_spellings(ids, special)):
        laid[ids[spelling]] = spelling.encode()
    check_lengths(laid, where)
    merges = None
    if full and model.kind == "bpe" and model.merges is not None:
        merges = _merges(model.merges, ids, where)
    rules = _rules(found, model, ids, len(laid)) if full else None
    return Vocabulary(model.kind, tuple(laid), frozenset(special), frozenset(added), scores, merges, rules, tuple(odd))


def special_spellings(ids: dict[str, int], special: set[int]) -> list[str]:
    """Spellings of the model's own entries that are special."""
    return [spelling for spelling, id_ in ids.items() if id_ in special] if special else []


def _unigram_entries(entries: list[Any], where: str) -> tuple[dict[str, int], Any]:
    ids: dict[str, int] = {}
    values = []
    for id_, entry in enumerate(entries):
        if not (
            isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], str) and type(entry[1]) in (int, float)
        ):
            raise refusal(message("vocab.piece", place=id_), where=where)
        if ids.setdefault(entry[0], id_) != id_:
            raise refusal(message("vocab.piece_twice", piece=repr(entry[0][:40])), where=where)
        values.append(entry[1])
    return ids, np.asarray(values, dtype=np.float64)


def _ids(ids: dict[str, Any], where: str) -> tuple[list[str], list[int]]:
    """Spellings and ids, every id checked before anything is laid out by it."""
    places = list(ids.values())
    if set(map(type, places)) - {int}:
        raise refusal(message("vocab.id_kind"), where=where)
    if places and (min(places) < 0 or max(places) >= MAX_VOCABULARY):
        worst = min(places) if min(places) < 0 else max(places)
        raise refusal(message("vocab.id_range", id=str(worst), most=MAX_VOCABULARY - 1), where=where)
    if places:
        check_gaps(max(places), len(places), where)
    if len(set(places)) != len(places):
        twice = int(np.bincount(np.asarray(places)).argmax())
        raise refusal(message("vocab.id_twice", id=twice), where=where)
    return list(ids), places


def _surface(model: _Model, spellings: list[str], where: str) -> tuple[list[bytes], list[Message]]:
    odd: list[Message] = []
    kind, steps, prefix, suffix = model.kind, model.steps, model.prefix, model.suffix or ""
    try:
        if kind in ("wordpiece", "wordlevel"):
            mark = prefix if prefix is not None else "##" if kind == "wordpiece" else ""
            return from_words(spellings, mark), odd
        if kind == "bpe" and "ByteLevel" in steps:
            ends = [bool(suffix) and spelling.endswith(suffix) for spelling in spellings]
            bare = (
                [s[: -len(suffix)] if end else s for s, end in zip(spellings, ends, strict=True)]
                if suffix
                else spellings
            )
            tokens, foreign = from_byte_alphabet(bare)
            if suffix:  # a word's last token stands for the space after it too (CLIP)
                tokens = [token + b" " if end else token for token, end in zip(tokens, ends, strict=True)]
            if foreign:
                odd.append(message("vocabulary.outside_alphabet", count=len(foreign)))
            return tokens, odd
        pieces = model.byte_fallback or "ByteFallback" in steps or "<0x00>" in model.vocab
        return from_pieces(spellings, byte_pieces=pieces, suffix=suffix, prefix=prefix or ""), odd
    except UnicodeEncodeError:
        raise refusal(message("vocab.half_pair"), where=where) from None


def _added(entries: list[Any], laid: list[bytes | None], where: str) -> tuple[set[int], set[int]]:
    """Lay the added tokens over the model's; returns the special ids and all added ids."""
    special: set[int] = set()
    added: set[int] = set()
    for entry in entries:
        id_, content = (entry.get("id"), entry.get("content")) if isinstance(entry, dict) else (None, None)
        if type(id_) is not int or not isinstance(content, str) or not 0 <= id_ < MAX_VOCABULARY:
            raise refusal(message("vocab.added", entry=printable(str(entry)[:60])), where=where)
        if id_ in added:
            raise refusal(message("vocab.added_id_twice", id=id_), where=where)
        if id_ >= len(laid):
            laid.extend([None] * (id_ + 1 - len(laid)))
        if entry.get("special") is True:
            special.add(id_)
        if laid[id_] is None or id_ in special:
            laid[id_] = content.encode("utf-8", "replace")
        added.add(id_)
    return special, added


def _merges(entries: list[Any], ids: dict[str, int], where: str) -> NDArray[np.int32]:
    """(m, 2) ids of the two halves of each merge. A half that is no token is refused."""
    if len(entries) > MAX_MERGES:
        raise refusal(message("vocab.merges", count=len(entries), most=MAX_MERGES), where=where)
    halves = _halves(entries)
    if halves is None:
        raise refusal(message("vocab.merge_kind"), where=where)
    places = list(map(ids.get, halves))
    if None in places:
        rank = places.index(None) // 2
        raise refusal(message("vocab.merge_rank", rank=rank), where=where)
    pairs = np.asarray(places, dtype=np.int32).reshape(-1, 2)
    return pairs


def _halves(entries: list[Any]) -> list[str] | None:
    """Left, right, left, right...: from "a b" or ["a", "b"]; None when an entry is neither."""
    kinds = set(map(type, entries))
    if kinds == {str}:
        joined = "\0".join(entries)
        if joined.count("\0") == len(entries) - 1:  # one pass over one string
            halves = joined.replace("\0", " ").split(" ")
        else:
            halves = [half for entry in entries for half in entry.split(" ")]
        return halves if all(map(_ONE_SPACE, entries)) else None
    if kinds <= {list} and set(map(len, entries)) <= {2}:
        halves = list(chain.from_iterable(entries))
        return halves if set(map(type, halves)) <= {str} else None
    return None


def _rules(found: Json, model: _Model, ids: dict[str, int], known: int) -> Rules:
    """What the file says about encoding; known: one more than the largest id."""
    unknown = ids.get(model.unk_token) if model.unk_token is not None else model.unk_id
    options: list[tuple[str, Any]] = [
        ("byte_fallback", model.byte_fallback),
        ("ignore_merges", model.ignore_merges),
        ("fuse_unk", model.fuse_unk),
        ("dropout", bool(model.dropout)),
        ("longest_word", model.longest_word),
        ("unk", unknown if unknown is not None and 0 <= unknown < known else None),
        ("surface", "bytes" if "ByteLevel" in model.steps else "pieces"),
        ("suffix", bool(model.suffix)),
        ("prefix", bool(model.prefix) and model.kind == "bpe"),
        ("added", tuple(_described(entry) for entry in model.added)),
    ]
    byte_ids = [ids.get(spelling) for spelling in BYTE_PIECES]
    if any(id_ is not None for id_ in byte_ids) and (model.byte_fallback or "ByteFallback" in model.steps):
        options.append(("byte_ids", tuple(byte_ids)))  # a byte may have no piece (Gemma 1: tab)
    return Rules(normalizer=found.get("normalizer"), pre_tokenizer=found.get("pre_tokenizer"), options=tuple(options))


def _described(entry: Any) -> Added:
    """One entry of `added_tokens`, whose id and content were checked."""
    special = entry.get("special") is True
    normalized = entry.get("normalized", not special) is True
    strips = (entry.get("lstrip") is True, entry.get("rstrip") is True, entry.get("single_word") is True)
    return Added(entry["id"], entry["content"], normalized, strips)


def _read_vocab_json(ids: Json, path: Path, full: bool) -> Vocabulary:
    """A GPT-2-style vocab.json, with merges.txt beside it when asked for more than tokens."""
    where = str(path)
    spellings, places = _ids(ids, where)
    alphabet = set(GPT2_ALPHABET)
    byte_level = sum(set(spelling) <= alphabet for spelling in spellings) > 0.99 * len(spellings)
    tokens = from_byte_alphabet(spellings)[0] if byte_level else lists.encode_checked(spellings, where)
    laid: list[bytes | None] = [None] * (max(places) + 1)
    for id_, token in zip(places, tokens, strict=True):
        laid[id_] = token
    special = {id_ for spelling, id_ in ids.items() if spelling in lists.CONTROL_PIECES or spelling == "<|endoftext|>"}
    for spelling in special_spellings(ids, special):
        laid[ids[spelling]] = spelling.encode()
    check_lengths(laid, where)
    merges = None
    beside = path.with_name("merges.txt")
    if full and beside.is_file():
        lines = read_bounded(beside, MAX_TOKENIZER_BYTES).decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
        if len(lines) > MAX_MERGES:
            raise refusal(message("vocab.merges", count=len(lines), most=MAX_MERGES), where=str(beside))
        merges = _merges([line for line in lines if line and not line.startswith("#version")], ids, str(beside))
    return Vocabulary("bpe", tuple(laid), frozenset(special), merges=merges)
