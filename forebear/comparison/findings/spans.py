"""Runs of layers, as a statement names them."""

from __future__ import annotations

from collections.abc import Sequence

from forebear.core.messages import Message, message


def runs(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Maximal runs (subject start, candidate start, length) of pairs that step together."""
    found: list[tuple[int, int, int]] = []
    for a, b in pairs:
        if found and (a, b) == (found[-1][0] + found[-1][2], found[-1][1] + found[-1][2]):
            found[-1] = (found[-1][0], found[-1][1], found[-1][2] + 1)
        else:
            found.append((a, b, 1))
    return found


def span(start: int, length: int) -> Message:
    """ "3" or "3-7": layers or experts by number, as a slot is filled."""
    if length == 1:
        return message("span.one", first=start)
    return message("span.several", first=start, last=start + length - 1)
