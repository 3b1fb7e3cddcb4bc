"""Vocabularies stored as bytes with ranks: tiktoken (.tiktoken, and js-tiktoken's .js) and tekken."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from forebear.core.bounded import parse_json
from forebear.core.errors import refusal
from forebear.core.limits import MAX_VOCABULARY
from forebear.core.messages import message
from forebear.core.strict import Table
from forebear.tokens.rules import Rules
from forebear.tokens.surface import check_lengths
from forebear.tokens.vocabulary import Vocabulary, place

MAX_RESERVED = 65_536
"""Most ids that a tekken file may keep for special tokens (published: 1,000): they are made up, so no byte bounds them."""
_EMPTY = b"="
"""How Whisper's multilingual ranks write a token without bytes, which stands for no text."""
_LINE = re.compile(rb"[A-Za-z0-9+/]+={0,2} [0-9]{1,10}\r?\n")


def looks_like_tiktoken(data: bytes) -> bool:
    """Whether the first line is base64, a space and a rank."""
    return _LINE.match(data[:100_000]) is not None


def decode64(word: bytes | str, where: str) -> bytes:
    """One base64 token. Raises RefusedError when it is not base64."""
    try:
        return base64.b64decode(word, validate=True)
    except (binascii.Error, ValueError):
        raise refusal(message("vocab.base64", word=repr(word[:40])), where=where) from None


def number(word: object, where: str) -> int:
    """A rank or id, read only when it is short enough to be one."""
    if isinstance(word, int) and not isinstance(word, bool):
        return word
    if isinstance(word, (bytes, str)) and len(word) <= 10 and word.isascii() and word.isdigit():
        return int(word)
    raise refusal(message("vocab.rank", word=repr(str(word)[:40])), where=where)


def read_tiktoken(data: bytes, *, where: str) -> Vocabulary:
    """Lines of base64, a space and the rank; the rank is the id."""
    if data.count(b"\n") > MAX_VOCABULARY:
        raise refusal(message("vocab.lines", most=MAX_VOCABULARY, things=message("thing.lines")), where=where)
    words = data.split()
    if len(words) % 2:
        raise refusal(message("vocab.rank_line"), where=where)
    pairs = [
        (number(rank, where), b"" if word == _EMPTY else decode64(word, where))
        for word, rank in zip(words[::2], words[1::2], strict=True)
    ]
    tokens = place(pairs, where)
    check_lengths(tokens, where)
    return Vocabulary("tiktoken", tuple(tokens), frozenset(id_ for id_, token in pairs if not token))


def read_javascript(data: bytes, *, where: str, full: bool) -> Vocabulary:
    """js-tiktoken's module: one JSON object in which `bpe_ranks` lists runs of tokens, each after its first rank."""
    start, stop = data.find(b"{"), data.rfind(b"}")
    while start >= 0 and data[start + 1 : start + 2] != b'"':
        start = data.find(b"{", start + 1)  # skip function bodies of a CommonJS module
    if start < 0 or stop < start:
        raise refusal(message("vocab.no_ranks"), where=where)
    stop = data.find(b"}", data.find(b'"bpe_ranks"', start)) if b'"bpe_ranks"' in data[start:] else stop
    return read_table(parse_json(data[start : stop + 1], where=where), where=where, full=full)


def read_table(table: Any, *, where: str, full: bool) -> Vocabulary:
    """The object of js-tiktoken: `bpe_ranks`, `special_tokens`, `pat_str`; Claude's first tokenizer is such a file."""
    if not isinstance(table, dict) or not isinstance(table.get("bpe_ranks"), str):
        raise refusal(message("vocab.no_ranks"), where=where)
    pairs: list[tuple[int, bytes]] = []
    for line in table["bpe_ranks"].splitlines():
        words = line.split()
        if len(words) < 2 or words[0] != "!":
            raise refusal(message("vocab.run"), where=where)
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
        raise refusal(message("vocab.special_form"), where=where)
    return [(number(id_, where), text.encode("utf-8", "replace")) for text, id_ in found.items()]


def read_tekken(found: dict[str, Any], *, where: str, full: bool) -> Vocabulary:
    """Mistral's tekken: special tokens first, then ranks; only `default_vocab_size` ids are in use."""
    table = Table(found, where)
    config, entries = table.table("config"), table.take("vocab", list)
    reserved = _size(config, "default_num_special_tokens", 1000, MAX_RESERVED)
    in_use = _size(config, "default_vocab_size", MAX_VOCABULARY, MAX_VOCABULARY)
    pattern = config.optional("pattern", str)
    pairs = []
    for at, entry in enumerate(entries):
        one = table.inner(entry, f"vocab {at + 1}")
        pairs.append((one.take("rank", int) + reserved, decode64(one.text("token_bytes"), where)))
    named: dict[int, str] = {}
    for at, entry in enumerate(table.optional("special_tokens", list) or []):
        one = table.inner(entry, f"special_tokens {at + 1}")
        named[one.take("rank", int)] = one.text("token_str")
    special = [(id_, named.get(id_, f"<SPECIAL_{id_}>").encode("utf-8", "replace")) for id_ in range(reserved)]
    tokens = place([*special, *(pair for pair in pairs if pair[0] < in_use)], where)
    check_lengths(tokens, where)
    rules = Rules(pattern=pattern) if full and pattern is not None else None
    return Vocabulary(
        "tiktoken", tuple(tokens), frozenset(range(reserved)), added=frozenset(range(reserved)), rules=rules
    )


def _size(table: Table, key: str, default: int, most: int) -> int:
    value: int = table.take(key, int, default)
    return value if 0 <= value <= most else table.fail(message("vocab.between", key=repr(key), value=value, most=most))
