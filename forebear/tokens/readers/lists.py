"""Vocabularies stored as plain lists: vocab.txt, pieces.json, RWKV's trie."""

from __future__ import annotations

import ast
import re
from typing import Any

import numpy as np

from forebear.core.errors import refusal
from forebear.core.limits import MAX_TOKEN_BYTES, MAX_VOCABULARY
from forebear.core.messages import message
from forebear.tokens.readers.ranks import number
from forebear.tokens.surface import check_lengths, from_pieces, from_words
from forebear.tokens.vocabulary import Vocabulary, place

CONTROL_PIECES = frozenset(("<s>", "</s>", "<pad>", "<unk>", "<mask>", "<cls>", "<sep>", "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<eod>", "<eot>"))  # fmt: skip  # noqa: E501
_BERT_SPECIAL = re.compile(r"\[(?:PAD|UNK|CLS|SEP|MASK|unused\d{1,6})\]")
MOST_SPACED = 10
"""One line in so many may hold white space inside: a list with a slip in it is still a list."""
_SCORED_LINE = re.compile(r".+\t-?(?:\d{1,12}(?:\.\d{0,20})?|\.\d{1,20})(?:e[+-]?\d{1,3})?", re.IGNORECASE | re.DOTALL).fullmatch
_TRIE_LINE = re.compile(rb"(\d{1,10}) (b?(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")) (\d{1,10})\r?")


def bert_special(spelling: str) -> bool:
    """Whether a WordPiece entry is a control token or one of BERT's reserved "[unused7]" places."""
    return _BERT_SPECIAL.fullmatch(spelling) is not None


def read_list(data: bytes, *, where: str) -> Vocabulary:
    """A .txt vocabulary: RWKV's trie or SentencePiece's list when its lines say so, else a WordPiece token a line.

    Raises: RefusedError also for a text of another kind: BERT cuts text at white space, so that no token of its lists holds any.
    """
    if _TRIE_LINE.fullmatch(data[:4096].split(b"\n", 1)[0]):
        return read_trie(data, where=where)
    if data.count(b"\n") >= MAX_VOCABULARY:
        raise refusal(message("vocab.lines", most=MAX_VOCABULARY, things=message("thing.lines")), where=where)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refusal(message("refused.utf8", byte=error.start), where=where) from None
    lines = text.replace("\r\n", "\n").split("\n")
    if lines and not lines[-1]:
        lines.pop()
    if all(map(_SCORED_LINE, lines)):
        return _read_scored(lines, where)
    special = frozenset(id_ for id_, line in enumerate(lines) if line[:1] == "[" and bert_special(line))
    _refuse_text(lines, bool(special), where)
    tokens = from_words(lines, "##")
    for id_ in special:
        tokens[id_] = lines[id_].encode()
    return Vocabulary("wordpiece", tuple(tokens), special)


def _read_scored(lines: list[str], where: str) -> Vocabulary:
    """A piece and its score a line with a tab between, as spm_train writes beside its model; the line number is the id."""
    split = [line.rpartition("\t") for line in lines]
    return read_pieces([{"piece": piece, "score": float(score)} for piece, _, score in split], where=where, full=True)


def _refuse_text(lines: list[str], special: bool, where: str) -> None:
    """Raises: RefusedError for lines that are no list of tokens: endless, with white space inside, or one alone."""
    filled = [line for line in lines if line.strip()]
    spaced = sum(len(line.split()) > 1 for line in filled)
    alone = len(filled) == 1 and not special
    if filled and (alone or MOST_SPACED * spaced > len(filled) or max(map(len, lines)) > MAX_TOKEN_BYTES):
        raise refusal(message("lists.text", count=len(filled), spaced=spaced), where=where, todo=message("lists.meant"))


def read_pieces(found: list[Any], *, where: str, full: bool) -> Vocabulary:
    """A list of {"piece", "score"}, the position its id.

    Raises: RefusedError also for texts alone, as CTranslate2 keeps them: they do not say how text is spelt in them.
    """
    if found and all(isinstance(entry, str) for entry in found):
        raise refusal(message("lists.bare"), where=where, todo=message("convert.ctranslate2"))
    pieces = [entry.get("piece") if isinstance(entry, dict) else None for entry in found]
    if not pieces or not all(isinstance(piece, str) for piece in pieces) or len(pieces) > MAX_VOCABULARY:
        raise refusal(message("vocab.no_scores_list"), where=where)
    spellings = [str(piece) for piece in pieces]
    tokens = encode_checked(spellings, where)
    special = frozenset(id_ for id_, spelling in enumerate(spellings) if spelling in CONTROL_PIECES)
    for id_ in special:
        tokens[id_] = spellings[id_].encode()
    scores = None
    if full:
        values = [entry.get("score") for entry in found]
        if all(type(value) in (int, float) for value in values):
            scores = np.asarray(values, dtype=np.float64)
    return Vocabulary("pieces", tuple(tokens), special, scores=scores)


def encode_checked(spellings: list[str], where: str) -> list[bytes]:
    """SentencePiece spellings → bytes. Raises RefusedError on half a surrogate pair or an endless token."""
    try:
        tokens = from_pieces(spellings, byte_pieces="<0x00>" in spellings and "<0xFF>" in spellings)
    except UnicodeEncodeError:
        raise refusal(message("vocab.half_pair"), where=where) from None
    check_lengths(tokens, where)
    return tokens


def read_trie(data: bytes, *, where: str) -> Vocabulary:
    """RWKV's list: id, a Python string or bytes literal, its length in bytes; id 0 is the end of text."""
    pairs: list[tuple[int, bytes]] = []
    for line in data.split(b"\n"):
        if not line.strip():
            continue
        match = _TRIE_LINE.fullmatch(line) if len(line) <= 4 * MAX_TOKEN_BYTES else None
        if match is None or len(pairs) > MAX_VOCABULARY:
            raise refusal(message("vocab.line", line=repr(line[:40])), where=where)
        token = _literal(match[2], where)
        if len(token) != number(match[3], where):
            stated = message("vocab.line_length", token=repr(token[:40]), stated=int(match[3]), found=len(token))
            raise refusal(stated, where=where)
        pairs.append((number(match[1], where), token))
    tokens = place(pairs, where)
    check_lengths(tokens, where)
    return Vocabulary("trie", tuple(tokens), frozenset())


def _literal(text: bytes, where: str) -> bytes:
    try:
        value = ast.literal_eval(text.decode())  # the line's pattern leaves only one string or bytes literal
        return value.encode() if isinstance(value, str) else bytes(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise refusal(message("vocab.literal", text=repr(text[:40])), where=where) from None
