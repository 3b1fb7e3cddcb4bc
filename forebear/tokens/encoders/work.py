"""How much encoding may cost: so many steps for each character of text, so that time grows with size and with nothing else.

Published vocabularies need a few steps a character. One whose pieces repeat each other ("a", "aa", "aaa" ...) needs as many as
its longest piece is long, at every character: a file of a few megabytes would keep a machine busy for hours.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

from forebear.core.limits import ENCODING_STEPS_A_CHARACTER, ENCODING_STEPS_FREE
from forebear.core.messages import message
from forebear.tokens.rules import CannotEncodeError

Text = TypeVar("Text", str, bytes)
SLICE = 64
"""Characters of a piece that are looked up in the time of one step."""


class Work:
    """The steps that are left: `allow` adds those of a text before it is encoded, `spend` takes those that were needed."""

    def __init__(self) -> None:
        self.left = ENCODING_STEPS_FREE

    def allow(self, characters: int) -> None:
        """Room for that many characters more."""
        self.left += ENCODING_STEPS_A_CHARACTER * characters

    def spend(self, steps: int) -> None:
        """Take steps away. Raises CannotEncodeError when none are left."""
        self.left -= steps
        if self.left < 0:
            raise CannotEncodeError(
                "needs more work than text of this size may cost: its pieces repeat each other",
                said=message("encoding.work"),
                todo=f"At most {ENCODING_STEPS_A_CHARACTER} steps a character are taken.",
            )


class Lengths(Generic[Text]):
    """Which lengths the pieces have that may begin at a place, by their first two characters: few look-ups for each place.

    Pieces of one character are left to the caller, who looks each up anyway.
    """

    def __init__(self, pieces: Iterable[Text]) -> None:
        found: dict[Text, set[int]] = {}
        for piece in pieces:
            if len(piece) > 1:
                found.setdefault(piece[:2], set()).add(len(piece))
        self._rising: dict[Text, tuple[int, ...]] = {start: tuple(sorted(lengths)) for start, lengths in found.items()}
        self._cost: dict[Text, int] = {
            start: sum(1 + length // SLICE for length in lengths) for start, lengths in found.items()
        }

    def at(self, text: Text, place: int) -> tuple[int, ...]:
        """Lengths, the shortest first; some may reach past the end of the text."""
        return self._rising.get(text[place : place + 2], ())

    def cost(self, text: Text, place: int) -> int:
        """Steps that trying every length at a place takes at most."""
        return 1 + self._cost.get(text[place : place + 2], 0)
