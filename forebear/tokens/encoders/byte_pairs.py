"""Byte-level BPE: tiktoken ranks, tekken, GPT-2-style tokenizer.json, GGUF's "gpt2" kind."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence

from forebear.core.messages import message
from forebear.tokens.encoders.base import Cut, Encoder, Sections, Step
from forebear.tokens.encoders.merging import Join, merge
from forebear.tokens.rules import CannotEncodeError
from forebear.tokens.surface import GPT2_ALPHABET
from forebear.tokens.vocabulary import Vocabulary

_LETTERS = dict(enumerate(GPT2_ALPHABET))
_BYTES = codecs.charmap_build(GPT2_ALPHABET)


class BytePairs(Encoder):
    """Pieces become bytes, bytes are joined by rank of the joined token or by the listed merges."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        steps: Sequence[Step],
        *,
        whole_first: bool,
        normalise: Callable[[str], str] | None = None,
        late: Sequence[Step] = (),
        cut: Cut | None = None,
    ) -> None:
        super().__init__(vocabulary, cut=cut)
        self._steps, self._late = steps, late
        skip = vocabulary.special | vocabulary.added | vocabulary.foreign
        self._ids = {
            t: id_ for id_, t in reversed(list(enumerate(vocabulary.tokens))) if t is not None and id_ not in skip
        }
        self._bytes = [self._ids.get(bytes([byte])) for byte in range(256)]
        self._ends = [self._ids.get(bytes([byte]) + b" ") for byte in range(256)]
        self._suffix = bool(vocabulary.rules and vocabulary.rules.option("suffix"))
        self._unknown: int | None = vocabulary.rules.option("unk") if vocabulary.rules else None
        self._fuses = bool(vocabulary.rules and vocabulary.rules.option("fuse_unk"))
        self.unknown_ids = frozenset(() if self._unknown is None else (self._unknown,))
        self._whole_first = whole_first
        self._sections = Sections(vocabulary, normalise, self.work)
        self._join = _by_rank(vocabulary, self._ids) if vocabulary.merges is None else _by_merges(vocabulary, self._ids)

    def pieces(self, text: str) -> Sequence[str | int]:
        """What the maker added is taken out whole, the longest first; then each step in turn."""
        found: list[str | int] = []
        for part, id_ in self._sections.cut(text):
            if id_ is None:
                found.extend(self._cut(part))
            else:
                found.append(id_)
        return found

    def _cut(self, text: str) -> Sequence[str]:
        found: Sequence[str] = (text,) if text else ()
        for step in self._steps:
            found = step(found)
        if not self._late:
            return found
        found = [piece.encode("utf-8", "surrogatepass").decode("latin-1").translate(_LETTERS) for piece in found]
        for step in self._late:
            found = step(found)
        return found

    def encode_piece(self, piece: str) -> Sequence[int]:
        """A piece that is a token is that token (tiktoken, ignore_merges); else bytes, joined."""
        late = bool(self._late)
        return self.join_bytes(
            codecs.charmap_encode(piece, "strict", _BYTES)[0] if late else piece.encode("utf-8", "surrogatepass")
        )

    def join_bytes(self, data: bytes) -> Sequence[int]:
        """Bytes as one piece, whether or not they are text."""
        whole = self._ids.get(data) if self._whole_first else None
        return (whole,) if whole is not None else self._joined(data)

    @property
    def marked(self) -> bool:
        """Whether a word's last token is spelt with the mark of its end."""
        return self._suffix

    def reaches(self, token: bytes, id_: int) -> bool:
        """Whether the token comes about at the end of a word, or before it, as its mark says, and no cut falls inside it."""
        ends = token.endswith(b" ")
        bare = token[: len(token) - ends]
        text = bare.decode("utf-8", "ignore")
        if text.encode() == bare and list(self.pieces(text)) != [text]:
            return False
        return (self._whole_first and not ends) or list(self._joined(bare, ends=ends)) == [id_]

    def _joined(self, data: bytes, *, ends: bool = True) -> Sequence[int]:
        """ends: whether a word does there."""
        symbols = [self._bytes[byte] for byte in data]
        if self._suffix and ends and data:
            symbols[-1] = self._ends[data[-1]]
        if None in symbols:
            return merge(self._with_unknown(symbols), self._join)
        return merge(symbols, self._join)  # type: ignore[arg-type]

    def _with_unknown(self, symbols: Sequence[int | None]) -> list[int]:
        """A byte without a token is the unknown token, one for a run of them where the file says so; without one it is lost."""
        found: list[int] = []
        for id_ in symbols:
            if id_ is not None:
                found.append(id_)
            elif self._unknown is not None and not (self._fuses and found[-1:] == [self._unknown]):
                found.append(self._unknown)
        return found


def _by_rank(vocabulary: Vocabulary, ids: dict[bytes, int]) -> Join:
    tokens, get = vocabulary.tokens, ids.get

    def join(left: int, right: int) -> tuple[float, int] | None:
        joined = get(tokens[left] + tokens[right])  # type: ignore[operator]
        return None if joined is None else (joined, joined)

    return join


def _by_merges(vocabulary: Vocabulary, ids: dict[bytes, int]) -> Join:
    assert vocabulary.merges is not None
    table: dict[tuple[int, int], tuple[float, int]] = {}
    tokens = vocabulary.tokens
    for rank, (left, right) in enumerate(vocabulary.merges.tolist()):
        joined = ids.get((tokens[left] or b"") + (tokens[right] or b""))
        if joined is not None:
            table.setdefault((left, right), (rank, joined))
    if not table and len(vocabulary.merges):
        raise CannotEncodeError(
            "lists merges that make no token of its vocabulary", said=message("encoding.lost_merges")
        )
    get = table.get
    return lambda left, right: get((left, right))
