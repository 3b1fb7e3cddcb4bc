"""Pieces with scores by their characters: every piece that begins at a place is met on one walk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forebear.tokens.encoders.work import Work

Node = Any
"""[score or None, the nodes below by character or None]: lists, for they are met several times a character."""


class Trie:
    """One trie for each first character, made when a text first has it: most vocabularies hold scripts that a text has not."""

    def __init__(self, scores: Mapping[str, float], work: Work) -> None:
        self._work = work
        self._pieces: dict[str, list[tuple[str, float]]] = {}
        for piece, score in scores.items():
            if piece:
                self._pieces.setdefault(piece[0], []).append((piece, score))
        self._made: dict[str, Node] = {}

    def begin(self, character: str) -> Node:
        """The node of a first character; None where no piece begins with it."""
        found = self._made.get(character)
        if found is None and character in self._pieces:
            found = self._made[character] = self._grow(character)
        return found

    def _grow(self, character: str) -> Node:
        pieces = self._pieces.pop(character)
        self._work.spend(sum(len(piece) for piece, _ in pieces) // NODES_A_STEP)
        root: Node = [None, None]
        for piece, score in pieces:
            node = root
            for letter in piece[1:]:
                if node[1] is None:
                    node[1] = {}
                below = node[1].get(letter)
                if below is None:
                    below = node[1][letter] = [None, None]
                node = below
            node[0] = score
        return root


NODES_A_STEP = 8
"""Nodes made for one step of work: a vocabulary whose pieces are endless is refused before they fill memory."""
