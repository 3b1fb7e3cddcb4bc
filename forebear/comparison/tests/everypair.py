"""All layer pairs at once, when no layer map was found: the honest way to say that nothing matches anywhere."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from math import log10

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.findings.axes import AxisPlan
from forebear.comparison.findings.evidence import Deck, Evidence
from forebear.comparison.reading.allowance import piece_cost
from forebear.comparison.reading.pair import Pair, axis_size, spread
from forebear.comparison.tests.axis_test import AxisRead, Decks, granted
from forebear.comparison.tests.channels import tells_units_apart
from forebear.comparison.tests.registry import run_tests
from forebear.core.messages import message
from forebear.files.base import Float32
from forebear.models.checkpoint import Checkpoint, Piece
from forebear.stats.deck import deck

UNITS = 512
FEATURES = 1024
MAX_PAIRS = 2048


@dataclass(frozen=True)
class EveryPair:
    """Deck matches of every layer pair. matched: (subject layers looked at, candidate layers looked at)."""

    matched: NDArray[np.int64]
    units: int
    subject_layers: tuple[int, ...]
    candidate_layers: tuple[int, ...]
    evidence: Evidence

    def document(self, word: str) -> dict[str, object]:
        """The histogram a page draws, and the worst pair by name."""
        counts = Counter(int(v) for v in self.matched.ravel())
        worst = np.unravel_index(int(np.argmax(self.matched)), self.matched.shape)
        return {
            "axis": word,
            "units": self.units,
            "pairs": int(self.matched.size),
            "histogram": {str(k): v for k, v in sorted(counts.items())},
            "largest": {
                "matched": int(self.matched.max()),
                "subject_layer": self.subject_layers[int(worst[0])],
                "candidate_layer": self.candidate_layers[int(worst[1])],
            },
            "mean": round(float(self.matched.mean()), 4),
        }


def every_pair(pair: Pair, plan: AxisPlan) -> EveryPair | None:
    """Deck of the same positions in every layer of either side, first expert of a mixture; None without such units."""
    part = plan.leading[-1]
    sides = (_pieces(pair.subject, part), _pieces(pair.candidate, part))
    if not sides[0] or not sides[1]:
        return None
    rules = (pair.subject.axis(plan.atom), pair.candidate.axis(plan.atom))
    if "permutation" not in granted(*rules):
        return None
    layers = [_chosen(len(sides[0]), len(sides[1])), _chosen(len(sides[1]), len(sides[0]))]
    pieces = [[side[i] for i in chosen] for side, chosen in zip(sides, layers, strict=True)]
    count = _units_affordable(pair, pieces, plan.atom)
    if count < 13:
        pair.note(message("limit.every_pair", units=plan.said, count=count))
        return None
    select = np.arange(count, dtype=np.intp)
    a = [_sample(pair.subject, p, plan.atom, select) for p in pieces[0]]
    b = [_sample(pair.candidate, p, plan.atom, select) for p in pieces[1]]
    if not any(tells_units_apart(x, y) for x, y in zip(a, b, strict=False)):
        return None
    matched = np.array([[_matches(x, y) for y in b] for x in a], dtype=np.int64)
    looks = pair.looks_log10 + log10(max(1, len(sides[0]) * len(sides[1])))
    top = int(matched.max())
    size = min(min(len(x) for x in a), min(len(x) for x in b))
    read = AxisRead(
        axis=plan.axis,
        private=True,
        holds=granted(*rules),
        decks=Decks(top, size, top, size, Deck(expected=1)),
        best_looks_log10=looks,
    )
    evidence = [replace(e, everywhere=True, attainable_log10_p=None) for e in run_tests(read)]
    return EveryPair(
        matched, size, tuple(p.layer or 0 for p in pieces[0]), tuple(p.layer or 0 for p in pieces[1]), evidence[0]
    )


def _pieces(checkpoint: Checkpoint, part: str) -> list[Piece]:
    found = (checkpoint.piece(part, layer) or checkpoint.piece(part, layer, 0) for layer in range(checkpoint.layers))
    return [piece for piece in found if piece is not None]


def _chosen(own: int, other: int) -> list[int]:
    """All layers, or as many spread ones as keep the pairs within bounds."""
    most = max(1, MAX_PAIRS // max(1, other)) if own * other > MAX_PAIRS else own
    return sorted(list(spread(own))[: max(most, min(own, 32))])


def _units_affordable(pair: Pair, pieces: list[list[Piece]], atom: str) -> int:
    dearest = max(
        sum(piece_cost(side, p, atom, 1) for p in side_pieces)
        for side, side_pieces in zip((pair.subject, pair.candidate), pieces, strict=True)
    )
    return pair.plan.affordable(pair, pair.plan.fetched_units(UNITS), dearest, 2)


def _sample(checkpoint: Checkpoint, piece: Piece, atom: str, select: NDArray[np.intp]) -> Float32:
    inside = select[: axis_size(piece, atom)]
    units: Float32 = checkpoint.units(piece, atom, inside)[0][:, :FEATURES].copy()
    return units


def _matches(a: Float32, b: Float32) -> int:
    features = min(a.shape[1], b.shape[1])
    return deck(a[:, :features], b[:, :features]).matched
