"""SentencePiece-style encoders: BPE over characters with scores or merges, and the unigram model's best path."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from forebear.core.messages import Message, message
from forebear.tokens.encoders.base import Defined, Encoder, Sections, Step, by_bytes
from forebear.tokens.encoders.merging import Join, merge
from forebear.tokens.encoders.trie import Trie
from forebear.tokens.rules import CannotEncodeError
from forebear.tokens.vocabulary import Vocabulary

_RUNS = re.compile(r" *[^ ]+| +")
_LOWEST = float(np.finfo(np.float32).min)
WORK_A_NODE = 4
"""Steps of work that one node of a walk counts for: it is looked up, its score added and compared, and followed."""
UNKNOWN_PENALTY = 10.0
"""How far below the worst piece an unknown character scores (SentencePiece, unigram_model)."""


class Pieces(Encoder):
    """Shared by both kinds: normalisation, words cut where no piece can cross, bytes where a character is unknown."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        normalise: Callable[[str], str],
        *,
        added_prefix: bool,
        steps: Sequence[Step] = (),
        assumed: Sequence[Message] = (),
    ) -> None:
        super().__init__(vocabulary, assumed)
        rules = vocabulary.rules
        byte_ids = rules.option("byte_ids") if rules else None
        self.byte_ids: Sequence[int | None] | None = byte_ids
        self.unknown: int | None = rules.option("unk") if rules else None
        self.unknown_ids = frozenset(() if self.unknown is None else (self.unknown,))
        skip = {*vocabulary.special, *(id_ for id_ in byte_ids or () if id_ is not None)}
        self.ids: dict[str, int] = {}
        for id_, token in enumerate(vocabulary.tokens):
            if token is not None and id_ not in skip:
                self.ids.setdefault(token.decode("utf-8", "surrogateescape"), id_)
        self._added_prefix, self._steps = added_prefix, steps
        # tokenizer.json takes what was added out of the raw text; SentencePiece out of the normalised one
        stated = rules is not None and rules.option("added") is not None
        self._sections = Sections(vocabulary, normalise, self.work) if stated else None
        self._normalise = normalise
        self.defined = Defined({} if stated else by_bytes(vocabulary, skip), self.work)
        # no piece holds a space after something else, so none can cross the start of a run of spaces
        self._by_words = not any(" " in piece.lstrip(" ") for piece in self.ids) and not self.defined
        self.prepare()

    def prepare(self) -> None:
        """What a kind needs besides. Raises: CannotEncodeError when the vocabulary lacks it."""

    def pieces(self, text: str) -> Sequence[str | int]:
        """Normalised text, in words where that changes nothing."""
        found: list[str | int] = []
        parts = self._sections.cut(text) if self._sections is not None else [(self._normalise(text), None)]
        for part, id_ in parts:
            if id_ is not None:
                found.append(id_)
                continue
            pieces: Sequence[str] = (part,)
            for step in self._steps:
                pieces = step(pieces)
            for piece in pieces:
                found.extend(_RUNS.findall(piece) if self._by_words else (piece,))
        return found

    def restore(self, ids: Sequence[int]) -> str:
        """The space that normalisation put in front is taken away again."""
        text = super().restore(ids)
        return text[1:] if self._added_prefix and text.startswith(" ") else text

    def spell(self, character: str) -> Sequence[int]:
        """A character that is no piece: its bytes, else the unknown token, else nothing."""
        if self.byte_ids is not None:
            found = [self.byte_ids[byte] for byte in character.encode("utf-8", "surrogatepass")]
            known = [id_ for id_ in found if id_ is not None]
            if len(known) == len(found):
                return known
        return () if self.unknown is None else (self.unknown,)


class CharacterPairs(Pieces):
    """BPE whose pieces are joined by score (SentencePiece) or by merges (tokenizer.json with byte_fallback)."""

    def prepare(self) -> None:
        """See `Pieces.prepare`."""
        vocabulary = self.vocabulary
        self._spelling = {id_: piece for piece, id_ in self.ids.items()}
        # SentencePiece puts one unknown token for a run of unknown characters; tokenizer.json says whether it does
        self._fuses = bool(vocabulary.rules and (
            vocabulary.rules.option("charsmap") is not None or vocabulary.rules.option("fuse_unk")
        ))  # fmt: skip
        self._prefix, self._suffix = (bool(vocabulary.rules and vocabulary.rules.option(mark)) for mark in ("prefix", "suffix"))
        self._by_words = self._by_words and not self._prefix  # what comes before a space is a piece's beginning, and no other
        self._whole = bool(vocabulary.rules and vocabulary.rules.option("ignore_merges"))
        self._join = self._by_merges() if vocabulary.merges is not None else self._by_score()

    def encode_piece(self, piece: str) -> Sequence[int]:
        """Characters, joined; what user-defined pieces cover is taken out first."""
        found: list[int] = []
        for part, id_ in self.defined.cut(piece):
            found.extend(self._plain(part) if id_ is None else (self.ids.get(part, id_),))
        return found

    def _plain(self, text: str) -> Sequence[int]:
        whole = f" {text}" if self._prefix else text
        if self._whole and whole in self.ids:
            return (self.ids[whole],)
        return self._joined(text, begins=True, ends=True)

    @property
    def marked(self) -> bool:
        """Whether pieces are spelt with the place that they have in a word."""
        return self._prefix or self._suffix

    def reaches(self, text: str, id_: int) -> bool:
        """Whether the piece comes about where its marks say that it stands, and no cut falls inside it."""
        begins, ends = self._prefix and text.startswith(" "), self._suffix and text.endswith(" ")
        bare = text[begins : len(text) - ends]
        if list(self.pieces(bare)) != [bare]:
            return False
        whole = self._whole and begins == self._prefix and not ends
        return whole or self._joined(bare, begins=begins, ends=ends) == [id_]

    def _joined(self, text: str, *, begins: bool, ends: bool) -> list[int]:
        """A part of a word, joined. begins, ends: whether the word does there."""
        row: list[int] = []
        characters = list(text)
        if self._suffix and ends and text:  # the last character is spelt with the mark of the end, which stands for a space
            characters[-1] += " "
        if self._prefix and begins and text:  # the others are spelt with the mark of what goes on, the first without: a space
            characters[0] = f" {characters[0]}"
        for character in characters:
            id_ = self.ids.get(character)
            if id_ is not None:
                row.append(id_)
            else:
                spelt = self.spell(character)
                if not (self._fuses and row and list(spelt) == [self.unknown] == row[-1:]):
                    row.extend(spelt)
        return merge(row, self._join)

    def _by_score(self) -> Join:
        scores = self.vocabulary.scores
        if scores is None:
            raise CannotEncodeError("lists neither merges nor scores", said=message("encoding.no_ranks"))
        spelling, ids, ranks = self._spelling, self.ids, (-scores).tolist()

        def join(left: int, right: int) -> tuple[float, int] | None:
            first, second = spelling.get(left), spelling.get(right)
            joined = None if first is None or second is None else ids.get(first + second)
            return None if joined is None else (ranks[joined], joined)

        return join

    def _by_merges(self) -> Join:
        assert self.vocabulary.merges is not None
        table: dict[tuple[int, int], tuple[float, int]] = {}
        for rank, (left, right) in enumerate(self.vocabulary.merges.tolist()):
            joined = self.ids.get(self._spelling.get(left, "\0") + self._spelling.get(right, "\0"))
            if joined is not None:
                table.setdefault((left, right), (rank, joined))
        get = table.get
        return lambda left, right: get((left, right))


class Unigram(Pieces):
    """The best-scoring way to cut a piece (Viterbi)."""

    def prepare(self) -> None:
        """See `Pieces.prepare`."""
        vocabulary = self.vocabulary
        if vocabulary.scores is None:
            raise CannotEncodeError("lists no scores", said=message("encoding.no_scores"))
        values = vocabulary.scores.tolist()
        plain = [values[id_] for id_ in self.ids.values() if id_ not in vocabulary.added]
        low, high = (min(plain), max(plain)) if plain else (0.0, 0.0)
        self._score = {
            piece: (
                float(np.float32(len(piece.encode("utf-8", "surrogatepass")) * high - 0.1))
                if id_ in vocabulary.added
                else values[id_]
            )
            for piece, id_ in self.ids.items()
        }
        self._worst = float(np.float32(max(low, _LOWEST))) - UNKNOWN_PENALTY
        self._trie = Trie(self._score, self.work)
        # SentencePiece adds scores up over the whole text, in single precision; tokenizer.json word by word, in double
        self._single = vocabulary.rules is not None and vocabulary.rules.option("charsmap") is not None
        self._by_words = self._by_words and not self._single

    def encode_piece(self, piece: str) -> Sequence[int]:
        """Ids along the best path; neighbouring unknown characters become one unknown token, or their bytes.

        Cost: one walk down the trie for each character, so that time grows as the text does.
        """
        n = len(piece)
        best = [float("-inf")] * (n + 1)
        back = [0] * (n + 1)
        best[0] = 0.0
        sum_ = array("f" if self._single else "d", [0.0])  # rounds as the reference program's own variable does
        begin, worst, steps, left = self._trie.begin, self._worst, 0, self.work.left
        for at in range(n):
            here, stop = best[at], at + 1
            node = begin(piece[at])
            if node is None or node[0] is None:
                sum_[0] = here + worst
                if sum_[0] > best[stop]:
                    best[stop], back[stop] = sum_[0], at
            while node is not None:
                score, below = node
                if score is not None:
                    sum_[0] = here + score
                    if sum_[0] > best[stop]:
                        best[stop], back[stop] = sum_[0], at
                if below is None or stop == n:
                    break
                node, stop = below.get(piece[stop]), stop + 1
            steps += WORK_A_NODE * (stop - at)
            if steps > left:
                break
        self.work.spend(steps)
        cuts = [n]
        while cuts[-1] > 0:
            cuts.append(back[cuts[-1]])
        cuts.reverse()
        return self._ids_of([piece[a:b] for a, b in pairwise(cuts)])

    def _ids_of(self, parts: Sequence[str]) -> list[int]:
        found: list[int] = []
        unknown = False
        for part in parts:
            id_ = self.ids.get(part)
            if id_ is not None:
                found.append(id_)
            elif self.byte_ids is not None or not unknown:
                found.extend(self.spell(part))
            unknown = id_ is None
        return found
