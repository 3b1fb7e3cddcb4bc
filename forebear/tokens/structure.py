"""What a vocabulary's own list shows without encoding anything: merges, orphans, duplicates, converter artefacts."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from operator import add

from forebear.core.messages import Message, message
from forebear.tokens.vocabulary import Vocabulary

REEXPANDED = 1.2
"""More merges per token made than this come from listing every split of a token, as converters from ranks do."""

MOST_BYTES = 8_000_000
"""Tokens that hold more bytes than this together are not taken apart (published vocabularies: at most 3 million)."""
LONGEST_SPLIT = 1024
"""A longer token is not asked for its splits, whose number grows with its square."""


@dataclass(frozen=True)
class Structure:
    """Counts over one vocabulary.

    merges:      merges listed (None when the file lists none); made: tokens that some merge makes.
    reexpanded:  merges beyond the first that make a token already made.
    broken:      merges whose result is no token.
    orphans:     multi-byte tokens that no two tokens of lower rank join into: unreachable by merging; None when the
                 tokens are too much to ask each.
    duplicates:  tokens whose bytes another id has too.
    incomplete:  tokens that are no valid UTF-8 by themselves (ordinary in byte-level vocabularies).
    broken_utf8: tokens of several bytes that no text in UTF-8 can hold.
    gaps:        ids without a token; missing_bytes: single bytes without a token.
    """

    merges: int | None
    made: int | None
    reexpanded: int | None
    broken: int | None
    orphans: tuple[int, ...] | None
    duplicates: int
    incomplete: int
    broken_utf8: tuple[int, ...]
    gaps: int
    missing_bytes: int

    @property
    def artefacts(self) -> list[Message]:
        """What a converter left behind, one message each."""
        found = []
        if self.merges is not None and self.made and self.merges > REEXPANDED * self.made:
            found.append(message("vocabulary.every_split", merges=self.merges, made=self.made))
        if self.broken:
            found.append(message("vocabulary.lost_merges", count=self.broken))
        if self.gaps:
            found.append(message("vocabulary.gaps", count=self.gaps))
        return found


def structure(vocabulary: Vocabulary) -> Structure:
    """Read the list; merges are used when the vocabulary was loaded in full.

    Cost: a few look-ups per token and merge.
    """
    ordinary = [
        (id_, token)
        for id_, token in enumerate(vocabulary.tokens)
        if token is not None and id_ not in vocabulary.special and id_ not in vocabulary.added
    ]
    rank = {token: id_ for id_, token in reversed(ordinary)}
    merges = made = reexpanded = lost = None
    orphans: tuple[int, ...] | None
    if vocabulary.merges is not None:
        results = _results(vocabulary)
        merges, made = len(results), len({r for r in results if r is not None})
        lost = results.count(None)
        reexpanded = merges - lost - made
        orphans = _never_made(vocabulary, ordinary, {r for r in results if r is not None})
    elif vocabulary.kind not in ("bpe", "tiktoken"):
        orphans = ()
    elif too_much(vocabulary):
        orphans = None
    else:
        orphans = _no_split(ordinary, rank)
    partial = [(id_, token) for id_, token in ordinary if not token.isascii() and not _valid(token)]
    broken = tuple(id_ for id_, token in partial if len(token) > 1 and not _within_text(token))
    singles = sum(bytes([byte]) in rank for byte in range(256))
    return Structure(merges, made, reexpanded, lost, orphans, len(ordinary) - len(rank), len(partial), broken,
                     vocabulary.tokens.count(None), 256 - singles)  # fmt: skip


def too_much(vocabulary: Vocabulary) -> bool:
    """Whether the tokens hold more bytes than can be put together again one by one in seconds."""
    return sum(len(token) for token in vocabulary.tokens if token is not None) > MOST_BYTES


def _results(vocabulary: Vocabulary) -> list[bytes | None]:
    """What each merge makes; None when that is no token."""
    tokens = [token or b"" for token in vocabulary.tokens]
    known = {token for token in vocabulary.tokens if token is not None}
    assert vocabulary.merges is not None
    halves = (map(tokens.__getitem__, vocabulary.merges[:, side].tolist()) for side in (0, 1))
    return [joined if joined in known else None for joined in map(add, *halves)]


def _never_made(vocabulary: Vocabulary, ordinary: list[tuple[int, bytes]], made: set[bytes]) -> tuple[int, ...]:
    """Tokens of more than one character or byte that no merge makes."""
    if vocabulary.rules is not None and vocabulary.rules.option("ignore_merges"):
        return ()  # whole pieces are looked up before merging, so every token can be reached
    return tuple(id_ for id_, token in ordinary if token not in made and len(token) > 1 and not _one_character(token))


def _no_split(ordinary: list[tuple[int, bytes]], rank: dict[bytes, int]) -> tuple[int, ...]:
    """Where the id is the rank: tokens that are no join of two tokens of lower id."""
    orphans = []
    for id_, token in ordinary:
        if len(token) < 2 or len(token) > LONGEST_SPLIT or _one_character(token):
            continue
        for cut in range(len(token) - 1, 0, -1):
            left, right = token[:cut], token[cut:]
            # characters are there from the start, whatever id a SentencePiece model gives them
            if (rank.get(left, id_) < id_ or (left in rank and _one_character(left))) and (
                rank.get(right, id_) < id_ or (right in rank and _one_character(right))
            ):
                break
        else:
            orphans.append(id_)
    return tuple(orphans)


def _one_character(token: bytes) -> bool:
    """Whether the token is a single character, which a character-level vocabulary begins with."""
    return len(token) <= 4 and _valid(token) and len(token.decode()) == 1


def _valid(token: bytes) -> bool:
    try:
        token.decode()
    except UnicodeDecodeError:
        return False
    return True


def _within_text(token: bytes) -> bool:
    """Whether bytes that are no text by themselves can stand inside one: at most the ends of characters are missing."""
    start = next((at for at, byte in enumerate(token) if byte & 0xC0 != 0x80), len(token))
    if start > 3:
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(token[start:], False)
    except UnicodeDecodeError:
        return False
    return True
