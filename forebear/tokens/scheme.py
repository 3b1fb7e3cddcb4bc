"""A reference scheme: one token for every symbol, digit, space and Han character; a run of other letters counts as one.

It stands for the simplest vocabulary one could write by hand. Runs of letters would cost at least one token each, so the
count is a lower bound wherever words have letters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from forebear.tokens.encoders.base import Encoder
from forebear.tokens.vocabulary import Vocabulary

NAME = "builtin:one-each"
_HAN = "\u2e80-\u2fdf\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_PART = re.compile(rf"(?:(?![{_HAN}])[^\W\d_])+|.", re.S)


def is_scheme(name: str) -> bool:
    """Whether an argument means the scheme: its name, or the short form where no such file exists."""
    return name == NAME or (name == "one-each" and not Path(name).exists())


class OneEach(Encoder):
    """Ids are handed out as parts are met; nothing is ever lost."""

    def __init__(self) -> None:
        super().__init__(Vocabulary("scheme", (), frozenset()))
        self._parts: list[str] = []
        self._known: dict[str, int] = {}

    def pieces(self, text: str) -> Sequence[str]:
        """One part per token; combining marks stay apart, as a table of characters would keep them."""
        return _PART.findall(text)

    def encode_piece(self, piece: str) -> Sequence[int]:
        """The part's own id."""
        id_ = self._known.setdefault(piece, len(self._parts))
        if id_ == len(self._parts):
            self._parts.append(piece)
        return (id_,)

    def decode(self, ids: Sequence[int]) -> bytes:
        """The parts again."""
        return "".join(self._parts[id_] for id_ in ids).encode("utf-8", "surrogatepass")
