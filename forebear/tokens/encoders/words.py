"""Greedy encoders: WordPiece (longest piece first within a word) and RWKV's trie (longest token first in bytes)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from itertools import groupby

from forebear.core.messages import Message
from forebear.tokens.encoders.base import Encoder, Step
from forebear.tokens.encoders.work import Lengths
from forebear.tokens.normalizing import WHITE
from forebear.tokens.vocabulary import Vocabulary

_CHUNKS = re.compile(f"[^{re.escape(WHITE)}]+")
_LETTERS_AMONG_SYMBOLS = re.compile("[\u200c\u200d\u24b6-\u24e9\U0001f130-\U0001f149\U0001f150-\U0001f169\U0001f170-\U0001f189]")
LONGEST_WORD = 100
"""Words longer than this become the unknown token (BERT's own setting)."""


def is_punctuation(character: str) -> bool:
    """BERT's notion: ASCII signs, and every Unicode category P."""
    code = ord(character)
    if 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126:
        return True
    return code > 127 and unicodedata.category(character).startswith("P")


def bert_words(text: str) -> list[str]:
    """Cut at spaces; each punctuation character by itself."""
    found: list[str] = []
    for chunk in _CHUNKS.findall(text):
        start = 0
        for at, character in enumerate(chunk):
            if is_punctuation(character):
                if start < at:
                    found.append(chunk[start:at])
                found.append(character)
                start = at + 1
        if start < len(chunk):
            found.append(chunk[start:])
    return found


def _sort(character: str) -> str:
    """"w" for a part of a word, " " for white, else "": what Unicode's annex on expressions (UTS 18, C) calls \\w and \\s.

    Alphabetic letters that Unicode files under symbols (circled and squared ones) are parts of words.
    """
    if character in WHITE:
        return " "
    kind = unicodedata.category(character)
    word = kind[0] in "LM" or kind in ("Nd", "Nl", "Pc") or _LETTERS_AMONG_SYMBOLS.match(character) is not None
    return "w" if word else ""


def word_runs(text: str) -> list[str]:
    """Runs of word characters and runs of others, without the white between: tokenizers' Whitespace, `\\w+|[^\\w\\s]+`."""
    return ["".join(run) for sort, run in groupby(text, _sort) if sort != " "]


def _bert(pieces: Sequence[str]) -> Sequence[str]:
    return [word for piece in pieces for word in bert_words(piece)]


class WordPiece(Encoder):
    """Words from left to right, each by the longest pieces; a word that cannot be spelt is one unknown token.

    steps: how normalised text is cut into words; None: as BERT does.
    """

    def __init__(
        self, vocabulary: Vocabulary, normalise: Callable[[str], str], assumed: Sequence[Message] = (),
        steps: Sequence[Step] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(vocabulary, assumed)
        rules = vocabulary.rules
        self._normalise = normalise
        self._steps: Sequence[Step] = [_bert] if steps is None else steps
        self._first: dict[str, int] = {}
        self._inner: dict[str, int] = {}
        for id_, token in enumerate(vocabulary.tokens):
            if token is not None and id_ not in vocabulary.special:
                text = token.decode("utf-8", "replace")
                (self._first if text.startswith(" ") else self._inner).setdefault(text.removeprefix(" "), id_)
        unknown = rules.option("unk") if rules else None
        named = next((id_ for id_ in vocabulary.special if vocabulary.tokens[id_] == b"[UNK]"), None)
        self._unknown = unknown if unknown is not None else named
        self.unknown_ids = frozenset(() if self._unknown is None else (self._unknown,))
        limit = rules.option("longest_word") if rules else None
        self._limit = LONGEST_WORD if limit is None else limit
        self._lengths = Lengths(self._first), Lengths(self._inner)

    def pieces(self, text: str) -> Sequence[str]:
        """Normalised words."""
        found: Sequence[str] = [self._normalise(text)]
        for step in self._steps:
            found = step(found)
        return found

    def encode_piece(self, piece: str) -> Sequence[int]:
        """Longest piece first."""
        lost = () if self._unknown is None else (self._unknown,)
        if len(piece) > self._limit:
            return lost
        found: list[int] = []
        start = 0
        while start < len(piece):
            table, lengths = (self._inner, self._lengths[1]) if start else (self._first, self._lengths[0])
            self.work.spend(lengths.cost(piece, start))
            for length in (*reversed(lengths.at(piece, start)), 1):
                id_ = table.get(piece[start : start + length]) if start + length <= len(piece) else None
                if id_ is not None:
                    break
            else:
                return lost
            found.append(id_)
            start += length
        return found

    def reaches(self, text: str, id_: int) -> bool:
        """Whether some word has this piece: by itself, or after a first piece that leaves it alone."""
        if text.startswith(" "):
            return any(list(self.encode_piece(part)) == [id_] for part in self.pieces(text.removeprefix(" ")))
        return self._inner.get(text) == id_ and any(list(self.pieces(c + text)) == [c + text] for c in ("x", text[:1]))

    def restore(self, ids: Sequence[int]) -> str:
        """Words with single spaces between; what normalisation took is gone."""
        return super().restore(ids).removeprefix(" ")


class Trie(Encoder):
    """The longest token at each place, over bytes (RWKV World)."""

    def __init__(self, vocabulary: Vocabulary, assumed: Sequence[Message] = ()) -> None:
        super().__init__(vocabulary, assumed)
        self._ids = {
            token: id_ for id_, token in enumerate(vocabulary.tokens) if token and id_ not in vocabulary.special
        }
        self._lengths = Lengths(self._ids)

    def pieces(self, text: str) -> Sequence[str]:
        """Nothing is cut, save at line ends no token crosses; kept whole here."""
        return (text,)

    def encode_piece(self, piece: str) -> Sequence[int]:
        """Greedy from the left; a byte that begins no token is dropped."""
        data, ids, lengths = piece.encode("utf-8", "surrogatepass"), self._ids, self._lengths
        found: list[int] = []
        at, end = 0, len(data)
        while at < end:
            self.work.spend(lengths.cost(data, at))
            for length in (*reversed(lengths.at(data, at)), 1):
                id_ = ids.get(data[at : at + length]) if at + length <= end else None
                if id_ is not None:
                    break
            if id_ is not None:
                found.append(id_)
            at += length
        return found
