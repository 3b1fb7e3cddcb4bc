"""Does a candidate share weights with the subject in place? Without it no weight of a mixture means anything.

Null: nothing was copied, so that the units of one side are in uniformly random order (METHODS §2, §6): the trace test's permanent
bound over MLP neurons, or over channels where a family has no neurons to shuffle.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log10

import numpy as np

from forebear.models.checkpoint import Checkpoint
from forebear.models.reading import read_units
from forebear.stats.trace import similarity, trace_test

AXES = ("neuron", "channel")
PARTS = ("up", "gate", "down", "o", "v")
LAYERS = 4
UNITS = 256
FEATURES = 4096
LEVEL_LOG10 = -9.0
"""log10 of the level at which a candidate counts as related in place, after multiplying by the number of candidates."""


def related_in_place(subject: Checkpoint, candidates: Sequence[Checkpoint]) -> list[float | None]:
    """log10 of the chance that so much lies in place with nothing copied, corrected for the number of candidates.

    None where no axis of the two may be shuffled: then nothing can be claimed. Reads at most 256 units of 4 layers a side.
    """
    looks = log10(max(1, len(candidates)))
    found = [_log10_p(subject, one) for one in candidates]
    return [None if p is None else min(0.0, p + looks) for p in found]


def _log10_p(subject: Checkpoint, candidate: Checkpoint) -> float | None:
    for axis in AXES:
        tables = _tables(subject, candidate, axis)
        if tables:
            return trace_test(tables).log10_p
    return None


def _tables(subject: Checkpoint, candidate: Checkpoint, axis: str) -> list[np.ndarray]:
    mine, theirs = subject.axis(axis), candidate.axis(axis)
    if mine is None or theirs is None or subject.family != candidate.family:
        return []
    layers = min(subject.layers, candidate.layers)
    tables = []
    for layer in np.unique(np.linspace(0, layers - 1, min(LAYERS, layers)).astype(int)):
        for part in PARTS:
            pieces = [side.piece(part, int(layer)) for side in (subject, candidate)]
            pieces = pieces if None not in pieces else [side.piece(part, int(layer), 0) for side in (subject, candidate)]
            left, right = pieces
            if left is None or right is None or left.shape != right.shape or not left.has(axis):
                continue
            count = min(UNITS, left.size(axis))
            chosen = np.unique(np.linspace(0, left.size(axis) - 1, count).astype(np.intp))
            a = read_units(subject.container, left, axis, mine.scope, chosen, {})[0][:, :FEATURES]
            b = read_units(candidate.container, right, axis, theirs.scope, chosen, {})[0][:, :FEATURES]
            tables.append(similarity(a, b))
            break
    return tables
