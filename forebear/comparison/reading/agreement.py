"""How well rows of a file agree with a part of the other side: in their places, by their lengths, by the words of names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from math import log
from typing import NamedTuple

import numpy as np

from forebear.comparison.reading.norms import gain, norm_rule
from forebear.comparison.reading.slots import Place
from forebear.core.errors import IncomparableError
from forebear.core.spacing import evenly
from forebear.models.architecture.definition import READS
from forebear.models.architecture.naming import layer_stem, parts_of
from forebear.models.architecture.pieces import Indices, Piece
from forebear.models.architecture.registry import index, shipped
from forebear.models.checkpoint import Checkpoint
from forebear.stats.arrays import F32, finite_or_zero, unit_rows
from forebear.stats.gauge import polar

SAMPLE_ROWS = 64
MAX_READ = 2**26
"""Values of a matrix that is read whole to be told apart; larger ones are told by the words of their names alone."""
WIDEST = 1024
"""Channels up to which one rotation of tokens is sought; of more, so many are looked at."""
LOOKED_AT = 3
"""Layers that are read to choose."""
TOKENS = 4096
PLAIN = 12.0
"""Standard deviations from which rows in their places are believed to agree: rows of strangers share directions, which reach 7."""
_TOKEN = re.compile(r"[A-Z]?[a-z]+\d*|[A-Z]+(?![a-z])\d*")


class Known(NamedTuple):
    """Rows of unit length over the channels of a part of the other side. rows: which; of: how many the part has."""

    rows: Indices
    values: F32
    of: int


class Fit(NamedTuple):
    """place: standard deviations of the mean cosine in place; reach: of every row of the other side, the nearest one's cosine.

    reach: after the rotation of tokens, wherever the rows lie: neither order nor coordinates of the residual matter to it.
    """

    place: float
    reach: F32

    @property
    def score(self) -> float:
        """One number to rank fits by: places that agree outweigh rows that are somewhere."""
        return (self.place if self.place > PLAIN else 0.0) + 20.0 * float(self.reach.mean() if len(self.reach) else 0.0)


NOTHING = Fit(0.0, np.zeros(0, dtype=np.float32))


def together(fits: Sequence[Fit]) -> Fit:
    """Several fits of one cut as one."""
    places = [fit.place for fit in fits]
    return Fit(float(np.sum(places)) / len(places) ** 0.5, np.concatenate([fit.reach for fit in fits]))


def over_channels(matrix: F32, atoms: Sequence[Sequence[str]], scale: F32 | None = None) -> F32:
    """A matrix as rows of unit length over the residual channels: a writer's columns, a reader's rows with its gain folded in.

    Of more than WIDEST channels as many, evenly spaced.
    """
    turned = len(atoms) == 2 and "channel" in atoms[0] and "channel" not in atoms[1]
    rows = matrix.T if turned else matrix
    kept = evenly(rows.shape[1], WIDEST)
    if scale is not None and scale.shape == rows.shape[1:]:
        return unit_rows(finite_or_zero(rows[:, kept] * scale[kept]))[0]
    return unit_rows(finite_or_zero(np.ascontiguousarray(rows[:, kept])))[0]


def layers_read(places: Sequence[Place], bytes_each: int, most: int) -> list[Place]:
    """The places that are looked at: the first, the middle and the last, the middle alone, or none, by what they cost."""
    if not places or bytes_each > most:
        return []
    if LOOKED_AT * bytes_each > most:
        return [places[len(places) // 2]]
    return [places[k] for k in sorted({0, len(places) // 2, len(places) - 1})]


def reading_gain(side: Checkpoint, part: str, layer: int | None) -> F32 | None:
    """The gain through which a part reads the residual; None where there is none to fold."""
    rule = norm_rule(side)
    role = next((role for role, parts in READS.items() if part in parts), None)
    if rule is None or role is None or layer is None:
        return None
    found = gain(side, rule, role, layer)
    return None if found is None else finite_or_zero(found)


def known_vector(side: Checkpoint, wanted: Piece) -> F32 | None:
    """The vector of a side that plays the same part in the same place; None where it has none of that size."""
    piece = next((one for one in side.pieces if one.key == wanted.key), None)
    if piece is None or piece.shape != wanted.shape:
        return None
    return finite_or_zero(side.container.rows(piece.tensor).ravel()[piece.spans[0].positions()])


def known_rows(side: Checkpoint, wanted: Piece) -> Known | None:
    """Rows of the matrix of a side that plays the same part in the same place; None where it has none of that size.

    wanted: two-dimensional; sizes are compared over channels, so either may be stored the other way round.
    """
    piece = next((one for one in side.pieces if one.key == wanted.key), None)
    if piece is None or piece.parameters > MAX_READ or not _alike(piece, wanted):
        return None
    axes = [at for at in range(len(piece.shape)) if piece.shape[at] > 1 or len(piece.shape) == 2]
    whole = side.container.read(piece.tensor) if len(piece.shape) == 2 else _slice(side, piece)
    block = whole[np.ix_(*(piece.spans[at].positions() for at in axes[-2:]))]
    rows = over_channels(block, piece.atoms[-2:], reading_gain(side, piece.part, piece.layer))
    at = evenly(len(rows), SAMPLE_ROWS)
    return Known(at, rows[at], len(rows))


def _alike(piece: Piece, wanted: Piece) -> bool:
    inner = piece.shape[-2:]
    return len(piece.shape) in (2, 3) and wanted.shape in (inner, inner[::-1])


def _slice(side: Checkpoint, piece: Piece) -> F32:
    """One expert of a stack."""
    at = piece.spans[0].start
    block: F32 = side.container.rows(piece.tensor, at, at + 1)[0]
    return block


class Sheet:
    """A matrix of the file, told apart by what of it agrees with what is known. turn: (width, other width), or None."""

    def __init__(self, rows: F32, turn: F32 | None) -> None:
        self.rows = rows
        self._turned = rows @ turn if turn is not None and turn.shape[0] == rows.shape[1] else None

    def fits(self, known: Known, cuts: Sequence[Indices]) -> list[Fit]:
        """How what lies at each of these positions agrees with a part of the other side."""
        if self.rows.shape[1] != known.values.shape[1]:
            return [NOTHING] * len(cuts)
        plain = self.rows @ known.values.T
        apart = np.abs(self._turned @ known.values.T) if self._turned is not None else None
        each = np.arange(len(known.rows))
        scale = float(np.sqrt(len(each) * self.rows.shape[1]))
        found = []
        for positions in cuts:
            if len(positions) != known.of:
                found.append(NOTHING)
                continue
            place = abs(float(plain[positions[known.rows], each].mean())) * scale
            reach = apart[positions].max(axis=0) if apart is not None else np.zeros(0, dtype=np.float32)
            found.append(Fit(place, reach))
        return found


def turn_between(mine: F32, theirs: F32) -> F32 | None:
    """The rotation that brings the tokens of one side nearest to those of the other; None where they are too wide for it."""
    rows = min(len(mine), len(theirs))
    if max(mine.shape[1], theirs.shape[1]) > WIDEST or rows < 2:
        return None
    try:
        return polar(*(finite_or_zero(table[:rows] - table[:rows].mean(axis=0)) for table in (mine, theirs)))
    except IncomparableError:
        return None


def fit_vector(a: F32, b: F32) -> float:
    """How two vectors agree: by place after centring, else sorted."""
    if a.shape != b.shape or not len(a):
        return 0.0
    x, y = (v.astype(np.float64) - v.mean() for v in (a, b))
    scale = float(np.linalg.norm(x) * np.linalg.norm(y))
    place = abs(float(x @ y)) / scale * float(np.sqrt(len(a))) if scale > 0 else 0.0
    spread = float(np.abs(b).mean()) or 1.0
    near = min(1.0, float(np.abs(np.sort(a) - np.sort(b)).mean()) / spread)
    return (place if place > PLAIN else 0.0) - log(near + 0.02)


@cache
def _words() -> tuple[dict[str, Counter[str]], Counter[str]]:
    """How often a word is in names of a part, over every family that ships; and how many names each part has."""
    by_part: dict[str, Counter[str]] = {}
    total: Counter[str] = Counter()
    for entry in index():
        for rule in shipped(entry.family).tensors:
            part = _class("+".join(sorted(parts_of(rule))), rule.role, rule.kind)
            tokens = {token for name in rule.names for token in _tokens(layer_stem(name)[1])}
            by_part.setdefault(part, Counter()).update(tokens)
            total.update(tokens)
    return by_part, total


def _class(part: str, role: str, kind: str) -> str:
    return f"{kind}:{part}:{role}" if part == "norm" else f"{kind}:{part}"


def _tokens(name: str) -> set[str]:
    return {token.lower() for token in _TOKEN.findall(name)}


def said_by_words(name: str, parts: Sequence[str], role: str, kind: str) -> float:
    """How much the words of a name speak for a part, by how the families that ship call theirs; 0 for words that none has."""
    by_part, total = _words()
    own = by_part.get(_class("+".join(sorted(parts)), role, kind), Counter())
    score = 0.0
    for token in _tokens(name):
        if total[token]:
            score += min(2.0, max(-2.0, log((own[token] + 0.2) / (total[token] + 4.0) * 20.0)))
    return score
