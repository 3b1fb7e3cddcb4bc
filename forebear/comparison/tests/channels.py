"""Residual channels, the axis shared by the whole model: deck and sign over shared tokens (METHODS §3, §5)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.findings.evidence import ORDER_ASSUMPTION, SIGN_ASSUMPTION, Axis, Deck, Evidence, Sign, Trace
from forebear.comparison.findings.outcomes import AxisOutcome
from forebear.comparison.reading.pair import Pair
from forebear.comparison.reading.vocabulary import SharedRows
from forebear.comparison.thresholds import LEAST_D_EFF, PAGE_UNITS, TRACE_MAX_UNITS, VERDICT_LOG10_LEVEL
from forebear.core.messages import message
from forebear.files.base import Float32
from forebear.stats.deck import deck, deck_log10_p
from forebear.stats.effect import effective_dimension
from forebear.stats.median import median
from forebear.stats.sign import sign_log10_p, sign_z, unit_products
from forebear.stats.trace import similarity, trace_test

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
    pair: Pair, rows: SharedRows | None, columns: tuple[Float32, Float32] | None, *, drop_first: bool
) -> AxisOutcome:
    """Do the channels keep their places, and their signs?

    columns: from `channel_columns`; drop_first: leave channel 0 out, which a Hadamard rotation makes special (METHODS §2).
    """
    outcome = AxisOutcome()
    if rows is None or columns is None:
        return outcome
    a, b = (c[1:] for c in columns) if drop_first else columns
    outcome.units, outcome.d_eff = len(a), effective_dimension(a, b)
    if not tells_units_apart(a, b):
        pair.note(message("limit.embedding_constant"))
        return outcome
    axis = (pair.subject.axis("channel"), pair.candidate.axis("channel"))
    if all(rule is not None and rule.permutation for rule in axis):
        outcome.evidence.append(_deck_evidence(pair, rows, a, b))
        if (outcome.evidence[-1].log10_p or 0.0) > VERDICT_LOG10_LEVEL:
            outcome.evidence.append(trace_evidence(Axis.CHANNELS, [(a, b)], pair.looks_log10, private=False))
    if all(rule is not None and rule.sign for rule in axis):
        signs = sign_z(unit_products(a, b))
        outcome.signs = signs.of
        outcome.evidence.append(
            Evidence(
                test="sign",
                axis=Axis.CHANNELS,
                kind="exact",
                log10_p=min(0.0, signs.log10_p + pair.looks_log10),
                decides=True,
                symmetry="sign",
                matched=signs.positive,
                of=signs.of,
                looks_log10=pair.looks_log10,
                assumption=SIGN_ASSUMPTION,
                figures=Sign(signs.z, signs.max_z),
                attainable_log10_p=sign_log10_p(signs.max_z) + pair.looks_log10,
            )
        )
    return outcome


def _deck_evidence(pair: Pair, rows: SharedRows, a: Float32, b: Float32) -> Evidence:
    result = deck(a, b)
    return Evidence(
        test="deck",
        axis=Axis.CHANNELS,
        kind="exact",
        log10_p=min(0.0, result.log10_p + pair.looks_log10),
        decides=True,
        symmetry="order",
        matched=result.matched,
        of=result.of,
        looks_log10=pair.looks_log10,
        assumption=ORDER_ASSUMPTION,
        figures=Deck(
            expected=1,
            tokens=len(rows.a),
            paired_by=rows.how,
            best=tuple(result.best[:PAGE_UNITS].tolist()),
            median_cosine=median(result.cosine),
        ),
        attainable_log10_p=deck_log10_p(result.of) + pair.looks_log10,
    )


def tells_units_apart(a: Float32, b: Float32) -> bool:
    """Whether the units of either side differ at all: constant or unreadable values have no order and no sign to test."""
    own = [effective_dimension(units[:FEW], units[:FEW]) for units in (a, b)]
    return all(d_eff is not None and d_eff > LEAST_D_EFF for d_eff in own)


def trace_evidence(
    axis: Axis, blocks: list[tuple[NDArray[np.float32], NDArray[np.float32]]], looks_log10: float, *, private: bool
) -> Evidence:
    """The trace test on units in place, where the deck found little: far more sensitive, still exact (METHODS §6)."""
    cut = [(min(len(a), len(b), TRACE_MAX_UNITS), a, b) for a, b in blocks]
    result = trace_test([similarity(a[:n], b[:n]) for n, a, b in cut])
    units = sum(n for n, _, _ in cut)
    return Evidence(
        test="trace",
        axis=axis,
        kind="exact",
        log10_p=min(0.0, result.log10_p + looks_log10),
        decides=True,
        symmetry="order",
        private=private,
        of=units,
        looks_log10=looks_log10,
        assumption=ORDER_ASSUMPTION,
        figures=Trace(result.total / max(1, units), result.z),
    )


def _columns(rows: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    clean = rows[:, :width].T
    with np.errstate(all="ignore"):
        centred = clean - clean.mean(axis=1, keepdims=True)
    return np.ascontiguousarray(centred, dtype=np.float32)
