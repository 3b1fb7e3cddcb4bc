"""Vocabularies stored as bytes with ranks: tiktoken (.tiktoken, and js-tiktoken's .js) and tekken."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from forebear.core.bounded import parse_json
from forebear.core.errors import RefusedError
from forebear.core.limits import MAX_VOCABULARY
from forebear.tokens.rules import Rules
from forebear.tokens.surface import check_lengths
from forebear.tokens.vocabulary import Vocabulary, place

_LINE = re.compile(rb"[A-Za-z0-9+/]+={0,2} [0-9]{1,10}\r?\n")


def looks_like_tiktoken(data: bytes) -> bool:
    """Whether the first line is base64, a space and a rank."""
    return _LINE.match(data[:100_000]) is not None


def decode64(word: bytes | str, where: str) -> bytes:
    """One base64 token. Raises RefusedError when it is not base64."""
    try:
        return base64.b64decode(word, validate=True)
    except (binascii.Error, ValueError):
        raise RefusedError(f"holds {word[:40]!r}, which is not base64", where=where) from None


def number(word: object, where: str) -> int:
    """A rank or id, read only when it is short enough to be one."""
    if isinstance(word, int) and not isinstance(word, bool):
        return word
    if isinstance(word, (bytes, str)) and len(word) <= 10 and word.isdigit():
        return int(word)
    raise RefusedError(f"holds the rank {str(word)[:40]!r}, which is no token id", where=where)


def read_tiktoken(data: bytes, *, where: str) -> Vocabulary:
    """Lines of base64, a space and the rank; the rank is the id."""
    if data.count(b"\n") > MAX_VOCABULARY:
        raise RefusedError(f"has more than {MAX_VOCABULARY:,} lines", where=where)
    words = data.split()
    if len(words) % 2:
        raise RefusedError("has a line that is not a token and its rank", where=where)
    pairs = zip(words[::2], words[1::2], strict=True)
    tokens = place(((number(rank, where), decode64(word, where)) for word, rank in pairs), where)
    check_lengths(tokens, where)
    return Vocabulary("tiktoken", tuple(tokens), frozenset())


def read_javascript(data: bytes, *, where: str, full: bool) -> Vocabulary:
    """js-tiktoken's module: one JSON object in which `bpe_ranks` lists runs of tokens, each after its first rank."""
    start, stop = data.find(b"{"), data.rfind(b"}")
    while start >= 0 and data[start + 1 : start + 2] != b'"':
        start = data.find(b"{", start + 1)  # skip function bodies of a CommonJS module
    if start < 0 or stop < start:
        raise RefusedError("holds no table of ranks", where=where)
    stop = data.find(b"}", data.find(b'"bpe_ranks"', start)) if b'"bpe_ranks"' in data[start:] else stop
    table = parse_json(data[start : stop + 1], where=where)
    if not isinstance(table, dict) or not isinstance(table.get("bpe_ranks"), str):
        raise RefusedError("holds no table of ranks", where=where)
    pairs: list[tuple[int, bytes]] = []
    for line in table["bpe_ranks"].splitlines():
        words = line.split()
        if len(words) < 2 or words[0] != "!":
            raise RefusedError("has a run of ranks that does not begin with its first rank", where=where)
        first = number(words[1], where)
        pairs += [(first + k, decode64(word, where)) for k, word in enumerate(words[2:])]
    special = _specials(table.get("special_tokens"), where)
    tokens = place([*pairs, *special], where)
    check_lengths(tokens, where)
    ids = frozenset(id_ for id_, _ in special)
    pattern = table.get("pat_str")
    rules = Rules(pattern=pattern) if full and isinstance(pattern, str) else None
    return Vocabulary("tiktoken", tuple(tokens), ids, added=ids, rules=rules)


def _specials(found: Any, where: str) -> list[tuple[int, bytes]]:
    if found is None:
        return []
    if not isinstance(found, dict):
        raise RefusedError("lists special tokens in a form we do not know", where=where)
    return [(number(id_, where), text.encode("utf-8", "replace")) for text, id_ in found.items()]


def read_tekken(found: dict[str, Any], *, where: str, full: bool) -> Vocabulary:
    """Mistral's tekken: special tokens first, then ranks; only `default_vocab_size` ids are in use."""
    config, entries = found.get("config"), found.get("vocab")
    if not isinstance(config, dict) or not isinstance(entries, list):
        raise RefusedError("is no tekken file", where=where)
    reserved = number(config.get("default_num_special_tokens", 1000), where)
    in_use = number(config.get("default_vocab_size", MAX_VOCABULARY), where)
    pairs = [(number(e.get("rank"), where) + reserved, decode64(str(e.get("token_bytes")), where))
             for e in entries if isinstance(e, dict)]  # fmt: skip
    if len(pairs) != len(entries):
        raise RefusedError("has an entry that is no token", where=where)
    pairs = [pair for pair in pairs if pair[0] < in_use]
    named = {s["rank"]: str(s["token_str"]) for s in found.get("special_tokens") or [] if isinstance(s, dict) and isinstance(s.get("rank"), int) and "token_str" in s}  # fmt: skip  # noqa: E501
    if reserved >= MAX_VOCABULARY:
        raise RefusedError(f"reserves {reserved:,} special tokens", where=where)
    special = [(id_, named.get(id_, f"<SPECIAL_{id_}>").encode("utf-8", "replace")) for id_ in range(reserved)]
    tokens = place([*special, *pairs], where)
    check_lengths(tokens, where)
    rules = Rules(pattern=config["pattern"]) if full and isinstance(config.get("pattern"), str) else None
    return Vocabulary(
        "tiktoken", tuple(tokens), frozenset(range(reserved)), added=frozenset(range(reserved)), rules=rules
    )
