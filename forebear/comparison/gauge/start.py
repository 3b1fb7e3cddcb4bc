"""Shared start or shared training, asked in aligned coordinates (METHODS §1): gains were folded away, but columns keep them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forebear.comparison.findings.evidence import Axis, Evidence, Start
from forebear.comparison.findings.outcomes import StartOutcome
from forebear.comparison.gauge.cells import Cell, Tested
from forebear.comparison.gauge.readers import Readers, readers_of
from forebear.comparison.gauge.rotation import Rotation
from forebear.comparison.gauge.thresholds import ATTENTION_LAYERS, START_ROWS
from forebear.comparison.reading.folded import Side, centred
from forebear.comparison.reading.norms import gain, stored_gain
from forebear.comparison.reading.pair import Pair
from forebear.comparison.reading.vocabulary import SharedRows
from forebear.comparison.tests.shared import ASSUMPTION, row_lengths
from forebear.comparison.thresholds import TOO_CLOSE_FOR_A_START
from forebear.core.messages import Message, message
from forebear.core.spacing import evenly
from forebear.models.checkpoint import Piece
from forebear.stats.arrays import F32, F64
from forebear.stats.effect import row_cosines
from forebear.stats.gauge import fold
from forebear.stats.gauge_start import AlignedGains, aligned_gains
from forebear.stats.shared_start import SharedStart, shared_start

READS_ATTENTION = message("budget.attention_readers")
Norms = list[tuple[F64, F64]]


def aligned_start(
    pair: Pair, rows: SharedRows | None, sides: tuple[Side, Side], rotation: Rotation, tested: Tested
) -> StartOutcome:
    """Gains that left their mark in the other side's columns, and row cosines by use on tokens that did not make the rotation.

    Agreement shows shared training. Disagreement shows nothing: the stored gains may have been replaced on both sides.
    """
    gains = _gains(pair, sides, rotation, tested)
    cosines, usage, lengths = None, None, None
    if rows is not None:
        a, b = (centred(r, s.rule.mean_subtracted) for r, s in zip((rows.a, rows.b), sides, strict=True))
        held_out = np.arange(len(a)) % 2 == 1
        lengths = row_lengths(a[held_out]), row_lengths(b[held_out])
        cosines = row_cosines(a[held_out] @ rotation.matrix, b[held_out])
        usage = rows.ids_a[held_out].astype(np.float64)
    by_use = shared_start(True, [], cosines, usage, lengths=lengths)
    trained = gains.trained or by_use.decision == "shared-training"
    close = rotation.tokens > 0 and rotation.fit >= TOO_CLOSE_FOR_A_START
    only_start = not trained and not close and by_use.decision == "shared-start"
    decision = "shared-training" if trained else "close" if close else "shared-start" if only_start else "undecided"
    figures = Start(decision, gains.rho, gains.norms, by_use.gradient, by_use.fifths, gains.crossed)
    axis = Axis.ALIGNED_ROWS if gains.rho is None and gains.crossed is None else Axis.GAINS_AND_ROWS
    evidence = Evidence(
        test="shared-start", axis=axis, kind="described", assumption=ASSUMPTION, figures=figures, gauge=True
    )
    return StartOutcome(only_start, trained, start_words(gains, by_use, decision, rotation.fit), [evidence])


def start_words(gains: AlignedGains, by_use: SharedStart, decision: str, fit: float) -> Message:
    """A statement that never claims more than was decided."""
    said = []
    if gains.rho is not None:
        said.append(message("start.gains_columns", rho=gains.rho))
    if gains.crossed is not None:
        said.append(message("start.crossed", rho=gains.crossed))
    if by_use.fifths:
        said.append(message("start.rows_aligned", most=by_use.fifths[0], least=by_use.fifths[-1]))
    if decision == "close":
        return message("start.close", fit=fit, found=said)
    return message(f"start.{decision}", found=said or [message("start.nothing_compared")])


def _gains(pair: Pair, sides: tuple[Side, Side], rotation: Rotation, tested: Tested) -> AlignedGains:
    """The better of two readings: gains of the candidate against the subject's columns, and the other way round."""
    found = [(cell, "mlp", readers) for cell, readers in sorted(tested.readers.items())]
    crossed = [r.crossed for _, _, r in found if r.crossed is not None]
    for cell in sorted(tested.readers)[:ATTENTION_LAYERS]:
        readers = _attention(pair, sides, rotation.matrix, cell)
        if readers is not None:
            found.append((cell, "attention", readers))
    there, back = _norms(sides, rotation.matrix, found)
    return max((aligned_gains(n, crossed) for n in (there, back)), key=lambda g: g.rho if g.rho is not None else -1.0)


def _norms(sides: tuple[Side, Side], rotation: F32, found: Sequence[tuple[Cell, str, Readers]]) -> tuple[Norms, Norms]:
    """(gains of the candidate, energy of the subject's columns) and (gains of the subject, energy of the candidate's)."""
    there: Norms = []
    back: Norms = []
    squares = rotation.astype(np.float64) ** 2
    for cell, role, readers in found:
        own = [stored_gain(side.checkpoint, side.rule, role, layer) for side, layer in zip(sides, cell, strict=True)]
        if all(side.rule.pre_norm for side in sides):
            there += [] if own[1] is None else [(own[1].astype(np.float64), readers.there)]
            back += [] if own[0] is None else [(own[0].astype(np.float64), readers.back)]
        elif own[0] is not None and own[1] is not None:  # the norm stands in the residual: gains move with the channels
            there.append((own[1].astype(np.float64), own[0].astype(np.float64) @ squares))
    return there, back


def _attention(pair: Pair, sides: tuple[Side, Side], rotation: F32, cell: Cell) -> Readers | None:
    """Rows of q, k and v of one layer pair; None where the budget or the shapes forbid it."""
    wanted = []
    for side, layer in zip(sides, cell, strict=True):
        pieces = [side.checkpoint.piece(part, layer) for part in ("q", "k", "v")]
        known = [p for p in pieces if p is not None and p.has("channel") and 0 not in p.sizes[0]]
        wanted.append(known if len(known) == len(pieces) else [])
    costs = [sum(s.checkpoint.cost(p, "channel") for p in known) for s, known in zip(sides, wanted, strict=True)]
    if not wanted[0] or not wanted[1] or not pair.allowance.allows(costs[0], costs[1], READS_ATTENTION):
        return None
    read = []
    for side, layer, known in zip(sides, cell, wanted, strict=True):
        scale = gain(side.checkpoint, side.rule, "attention", layer)
        few = [_rows(side, p) for p in known]
        read.append([fold(rows, scale, mean_subtracted=side.rule.mean_subtracted) for rows in few])
    return readers_of([rows @ rotation for rows in read[0]], read[1], rotation)


def _rows(side: Side, piece: Piece) -> F32:
    """A few rows of a reader, (n, width), whichever way it is stored."""
    heads = piece.size("kv_head")
    each = max(1, piece.parameters // max(1, heads * piece.size("channel")))
    few = {"kv_head": evenly(heads, -(-START_ROWS // each))} if heads else {}
    units = side.checkpoint.units(piece, "channel", only=few)  # (1, width, rows)
    rows: F32 = np.ascontiguousarray(units[0][:, evenly(units.shape[2], START_ROWS)].T)
    return rows
