"""Is it the training that was shared, or only the start? Asked before "related" is said (METHODS §1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.findings.evidence import Axis, Evidence, Start
from forebear.comparison.findings.outcomes import StartOutcome
from forebear.comparison.reading.allowance import vector_cost
from forebear.comparison.reading.layers import LayerMap
from forebear.comparison.reading.pair import Pair, spread
from forebear.comparison.reading.shelf import Shelf
from forebear.comparison.reading.vocabulary import SharedRows
from forebear.comparison.thresholds import LEAST_CHANNELS, REPLACED_RHO, TOO_CLOSE_FOR_A_START
from forebear.core.messages import message
from forebear.files.base import Float32
from forebear.models.checkpoint import Checkpoint, Piece
from forebear.stats.effect import row_cosines
from forebear.stats.ranks import spearman
from forebear.stats.shared_start import shared_start

ASSUMPTION = message("assumption.start")
GAINS_BUDGET = message("budget.gains")


def ask_shared_start(
    pair: Pair, layers: LayerMap, rows: SharedRows | None, closeness: float | None, shelf: Shelf
) -> StartOutcome:
    """Compare what started constant (gains) and what training hardly touched (rows of rare tokens) on both sides.

    Only for a pair whose matrices agree. Gains are compared by rank, centred, norm by norm (METHODS §7). closeness: median
    cosine of neurons in place; shelf: gate and up rows beside each other. A mere start is said only on rows that prove it
    (`stats.shared_start`), and where the matrices have gone their own ways since.
    """
    rhos = _gain_rhos(pair, layers)
    replaced = _gains_replaced(pair, layers, shelf)
    if replaced:
        rhos = []
    cosines: NDArray[np.float64] | None = None
    usage: NDArray[np.float64] | None = None
    lengths: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
    if rows is not None:
        width = min(rows.a.shape[1], rows.b.shape[1])
        a, b = _centred(rows.a[:, :width]), _centred(rows.b[:, :width])
        cosines, lengths = row_cosines(a, b), (row_lengths(a), row_lengths(b))
        usage = rows.ids_a.astype(np.float64)
    result = shared_start(True, rhos, cosines, usage, lengths=lengths)
    figures = Start(result.decision, result.gains_rho, result.gains_norms, result.gradient, result.fifths)
    evidence = Evidence(
        test="shared-start", axis=Axis.GAINS_AND_ROWS, kind="described", assumption=ASSUMPTION, figures=figures
    )
    only_start = result.decision == "shared-start"
    words = result.words
    if replaced:
        words = message("start.gains_replaced")
    elif only_start and closeness is not None and closeness >= TOO_CLOSE_FOR_A_START:
        only_start = False
        words = message("start.too_close", cosine=closeness)
    return StartOutcome(only_start, result.decision == "shared-training", words, [evidence])


def _gains_replaced(pair: Pair, layers: LayerMap, shelf: Shelf) -> bool:
    """Do columns of gate (or up) rows grow where the gain before them shrank? Then the gain was replaced, outputs unchanged.

    The slope of subject on candidate over shelved rows, channel by channel, is ranked against the quotient of the gains.
    """
    found = []
    for left, right in layers.pairs:
        if left not in shelf.subject or right not in shelf.candidate:
            continue
        gains = _mlp_gains(pair, left, right)
        a, b = shelf.subject[left].units.astype(np.float64), shelf.candidate[right].units.astype(np.float64)
        if gains is None or a.shape[0] != b.shape[0]:
            continue
        width = min(a.shape[1], b.shape[1], len(gains[0]), len(gains[1]))  # the first leading part only
        with np.errstate(all="ignore"):
            slope = (a[:, :width] * b[:, :width]).sum(axis=0) / (b[:, :width] ** 2).sum(axis=0)
            quotient = gains[1][:width] / gains[0][:width]
        sound = np.isfinite(slope) & np.isfinite(quotient)
        rho = spearman(slope[sound], quotient[sound]) if sound.sum() >= LEAST_CHANNELS else None
        if rho is not None:
            found.append(rho)
    return bool(found) and float(np.mean(found)) >= REPLACED_RHO


def _mlp_gains(pair: Pair, left: int, right: int) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Gains before the MLP of both layers, as far as the budget allows; None without such norms."""
    sides = []
    for checkpoint, layer in ((pair.subject, left), (pair.candidate, right)):
        pieces = [
            p
            for p in checkpoint.pieces
            if p.kind == "gain" and p.layer == layer and p.role == "mlp" and p.has("channel")
        ]
        if not pieces:
            return None
        sides.append((checkpoint, pieces[0]))
    cost = [vector_cost(c, p.tensor) for c, p in sides]
    if not pair.allowance.allows(cost[0], cost[1], GAINS_BUDGET):
        return None
    return _vector(*sides[0]), _vector(*sides[1])


def row_lengths(rows: Float32) -> NDArray[np.float64]:
    """Length of every row; NaN where it holds a value that is not finite."""
    with np.errstate(all="ignore"):
        lengths: NDArray[np.float64] = np.sqrt(np.square(rows, dtype=np.float64).sum(axis=1))
    return lengths


def _centred(rows: Float32) -> Float32:
    finite = np.isfinite(rows)
    counts = np.maximum(finite.sum(axis=0, keepdims=True), 1)
    means = np.where(finite, rows, 0).sum(axis=0, keepdims=True, dtype=np.float64) / counts
    with np.errstate(all="ignore"):
        centred: Float32 = (rows - means).astype(np.float32)
    return centred


def _gain_rhos(pair: Pair, layers: LayerMap) -> list[float | None]:
    """Spearman of every norm's gains that both sides have, over paired layers; None where a side is constant."""
    rhos: list[float | None] = []
    for piece, other in _gains(pair, layers):
        cost = vector_cost(pair.subject, piece.tensor), vector_cost(pair.candidate, other.tensor)
        if not pair.allowance.allows(cost[0], cost[1], GAINS_BUDGET):
            continue
        a, b = _vector(pair.subject, piece), _vector(pair.candidate, other)
        rhos.append(None if np.ptp(a) == 0 or np.ptp(b) == 0 else spearman(a, b))
    return rhos


def _gains(pair: Pair, layers: LayerMap) -> list[tuple[Piece, Piece]]:
    """Gains of both sides over paired layers; at an address a few of them, layers spread, fetched together."""
    partner: dict[int | None, int | None] = dict(layers.pairs)
    partner[None] = None
    theirs = {piece.key: piece for piece in pair.candidate.pieces if piece.kind == "gain"}
    found = []
    for piece in pair.subject.pieces:
        if piece.kind != "gain" or not piece.has("channel") or piece.layer not in partner:
            continue
        other = theirs.get((piece.part, piece.role, piece.kind, piece.stack, partner[piece.layer], piece.expert))
        if other is not None and other.shape == piece.shape:
            found.append((piece, other))
    return pair.plan.gains(pair, found, [layers.pairs[i][0] for i in spread(len(layers.pairs))])


def _vector(checkpoint: Checkpoint, piece: Piece) -> NDArray[np.float64]:
    values = checkpoint.container.rows(piece.tensor).ravel().astype(np.float64)
    return np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
