"""Byte-level BPE: tiktoken ranks, tekken, GPT-2-style tokenizer.json, GGUF's "gpt2" kind."""

from __future__ import annotations

from collections.abc import Sequence

from forebear.core.messages import Message, message
from forebear.tokens.encoders.base import Defined, Encoder, Step
from forebear.tokens.encoders.merging import Join, merge
from forebear.tokens.rules import CannotEncodeError
from forebear.tokens.vocabulary import Vocabulary


class BytePairs(Encoder):
    """Pieces become bytes, bytes are joined by rank of the joined token or by the listed merges."""

    def __init__(
        self, vocabulary: Vocabulary, steps: Sequence[Step], *, whole_first: bool, assumed: Sequence[Message] = ()
    ) -> None:
        super().__init__(vocabulary, assumed)
        self._steps = steps
        skip = vocabulary.special | vocabulary.added | vocabulary.foreign
        self._ids = {
            t: id_ for id_, t in reversed(list(enumerate(vocabulary.tokens))) if t is not None and id_ not in skip
        }
        self._bytes = [self._ids.get(bytes([byte])) for byte in range(256)]
        self._whole_first = whole_first
        self.defined = Defined(vocabulary, set(vocabulary.special), self.work)
        self._join = _by_rank(vocabulary, self._ids) if vocabulary.merges is None else _by_merges(vocabulary, self._ids)

    def pieces(self, text: str) -> Sequence[str]:
        """What the maker added is taken out whole, the longest first; then each step in turn."""
        if not self.defined:
            return self._cut(text)
        found: list[str] = []
        for part, id_ in self.defined.cut(text):
            found.extend(self._cut(part) if id_ is None else (part,))
        return found

    def _cut(self, text: str) -> Sequence[str]:
        found: Sequence[str] = (text,) if text else ()
        for step in self._steps:
            found = step(found)
        return found

    def encode_piece(self, piece: str) -> Sequence[int]:
        """A piece that is a token is that token (tiktoken, ignore_merges); else bytes, joined."""
        if piece in self.defined.ids:
            return (self.defined.ids[piece],)
        data = piece.encode("utf-8", "surrogatepass")
        if self._whole_first:
            whole = self._ids.get(data)
            if whole is not None:
                return (whole,)
        return self._joined(data)

    def join_bytes(self, data: bytes) -> Sequence[int]:
        """Bytes as one piece, whether or not they are text."""
        whole = self._ids.get(data) if self._whole_first else None
        return (whole,) if whole is not None else self._joined(data)

    def _joined(self, data: bytes) -> Sequence[int]:
        symbols = [self._bytes[byte] for byte in data]
        # a byte without a token is lost, as in the maker's encoder; losslessness shows it
        return merge([id_ for id_ in symbols if id_ is not None], self._join)


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
