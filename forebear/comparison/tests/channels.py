"""Residual channels, the axis shared by the whole model: deck and sign over shared tokens (METHODS §3, §5)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.findings.evidence import Axis, Deck
from forebear.comparison.findings.outcomes import AxisOutcome
from forebear.comparison.reading.pair import Pair
from forebear.comparison.reading.vocabulary import SharedRows
from forebear.comparison.tests.axis_test import AxisRead, Decks, granted
from forebear.comparison.tests.registry import run_tests
from forebear.comparison.thresholds import LEAST_D_EFF, PAGE_UNITS
from forebear.core.messages import message
from forebear.files.base import Float32
from forebear.stats.deck import deck
from forebear.stats.effect import effective_dimension
from forebear.stats.median import median
from forebear.stats.sign import unit_products

FEW = 64
"""Units looked at to see whether they differ."""


def channel_columns(pair: Pair, rows: SharedRows | None) -> tuple[Float32, Float32] | None:
    """Columns of both embeddings over shared tokens, each centred on its own mean: (channels, tokens), cut to equal width."""
    if rows is None:
        return None
    width = min(rows.a.shape[1], rows.b.shape[1])
    if rows.a.shape[1] != rows.b.shape[1]:
        pair.note(message("limit.widths", a=rows.a.shape[1], b=rows.b.shape[1], width=width))
    return _columns(rows.a, width), _columns(rows.b, width)


def compare_channels(
    pair: Pair, rows: SharedRows | None, columns: tuple[Float32, Float32] | None, *, drop_first: bool,
    full: bool = False,
) -> AxisOutcome:
    """Do the channels keep their places, and their signs?

    columns: from `channel_columns`; drop_first: leave channel 0 out, which a Hadamard rotation makes special (METHODS §2).
    full: whether tests of installed packages run as well.
    """
    outcome = AxisOutcome()
    if rows is None or columns is None:
        return outcome
    a, b = (c[1:] for c in columns) if drop_first else columns
    outcome.units, outcome.d_eff = len(a), effective_dimension(a, b)
    if not tells_units_apart(a, b):
        pair.note(message("limit.embedding_constant"))
        return outcome
    rules = pair.subject.axis("channel"), pair.candidate.axis("channel")
    looks = pair.looks_log10
    read = AxisRead(
        axis=Axis.CHANNELS,
        private=False,
        holds=granted(*rules),
        decks=_deck(rows, a, b) if "permutation" in granted(*rules) else None,
        coins=[unit_products(a, b)] if "sign" in granted(*rules) else (),
        blocks=[(a, b)],
        best_looks_log10=looks,
        map_looks_log10=looks,
    )
    outcome.evidence = run_tests(read, note=pair.note if full else None)
    outcome.signs = next((e.of or 0 for e in outcome.evidence if e.test == "sign"), 0)
    return outcome


def _deck(rows: SharedRows, a: Float32, b: Float32) -> Decks:
    result = deck(a, b)
    figures = Deck(
        expected=1,
        tokens=len(rows.a),
        paired_by=rows.how,
        best=tuple(result.best[:PAGE_UNITS].tolist()),
        median_cosine=median(result.cosine),
    )
    return Decks(result.matched, result.of, result.matched, result.of, figures)


def tells_units_apart(a: Float32, b: Float32) -> bool:
    """Whether the units of either side differ at all: constant or unreadable values have no order and no sign to test."""
    own = [effective_dimension(units[:FEW], units[:FEW]) for units in (a, b)]
    return all(d_eff is not None and d_eff > LEAST_D_EFF for d_eff in own)


def _columns(rows: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    clean = rows[:, :width].T
    with np.errstate(all="ignore"):
        centred = clean - clean.mean(axis=1, keepdims=True)
    return np.ascontiguousarray(centred, dtype=np.float32)
