"""Shared training or a shared start (METHODS §1): equal random numbers at the beginning also make models agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from forebear.core.errors import incomparable
from forebear.core.messages import Message, message
from forebear.stats import thresholds
from forebear.stats.arrays import Floats, as_float64
from forebear.stats.ranks import spearman

Decision = Literal["shared-training", "shared-start", "undecided", "not-asked"]
_FIFTHS = 5


class SharedStart(NamedTuple):
    """What the parts that start constant, and the tokens that were hardly trained, say about an agreement already found.

    decision:     "not-asked" where nothing agreed, "undecided" where the figures do not speak or contradict each other.
    gains_rho:    mean centred Spearman of gains over the norms where it applies; None where every norm is constant.
    gains_norms:  how many norms that is.
    gradient:     Spearman of embedding-row cosine with how much a token is used: above 0 agreement grows with use.
    fifths:       mean cosine from the most used fifth of tokens to the least used; empty without rows.
    tokens:       rows with a usable cosine.
    words:        what a verdict says of it, never claiming more than the decision.
    """

    decision: Decision
    gains_rho: float | None
    gains_norms: int
    gradient: float | None
    fifths: tuple[float, ...]
    tokens: int
    words: Message


def shared_start(
    agrees: bool,
    gains: Sequence[float | None],
    cosines: Floats | None = None,
    usage_rank: Floats | None = None,
    *,
    usage: Literal["ids", "counts"] = "ids",
    lengths: tuple[Floats, Floats] | None = None,
) -> SharedStart:
    """Decide between shared training and a shared start for a pair whose matrices agree in place.

    agrees:     whether deck, trace or sign already decided that something is shared.
    gains:      centred Spearman per norm (`gains.gains_test(...).rho`), None where constant or folded.
    cosines:    (T,) embedding-row cosines of shared tokens in aligned channels; NaN is left out.
    usage_rank: (T,) 0 for the most used token, rising with rarity: from counts where known, else the token id.
    usage:      what the ranks are. Ids only stand in for use (many vocabularies begin with rare bytes), so they are heard
                only where the fifths rise or fall steadily. Neither is heard where gains were compared.
    lengths:    (T,), (T,) of the same rows on either side: training lengthens rows that it uses.
    Gains speak first: they start constant, so nothing but training makes them agree. That they disagree shows nothing: a
    part that was taken over, a mixture and an aligned independent all lack agreement in gains. A shared start is said only
    where rows that training hardly moved agree and rows that it moved do not, by the lengths of either side alike.
    Raises:     IncomparableError if cosines and ranks differ in length.
    Source:     METHODS §1.
    """
    known = [float(rho) for rho in gains if rho is not None and np.isfinite(rho)]
    rho = float(np.mean(known)) if known else None
    gradient, fifths, tokens = _by_use(cosines, usage_rank)
    by_gains, by_use = _gains_vote(rho), _gradient_vote(gradient, fifths)
    if rho is not None or (usage == "ids" and not _steady(fifths)):
        by_use = "undecided"  # gains speak first
    kept = _kept_by_training(cosines, lengths)
    by_start: Decision = "shared-start" if kept and (rho is None or rho <= thresholds.GAINS_STRANGE) else "undecided"
    decision = _decide([by_gains, by_use, by_start]) if agrees else "not-asked"
    words = _words(decision, rho, bool(gains), gradient, kept or fifths, "start.rows_moved" if kept else "start.rows")
    return SharedStart(decision, rho, len(known), gradient, fifths, tokens, words)


def _gains_vote(rho: float | None) -> Decision:
    """Gains start constant, so they agree only where training was shared; that they disagree shows nothing."""
    return "shared-training" if rho is not None and rho >= thresholds.GAINS_TRAINED else "undecided"


def _gradient_vote(gradient: float | None, fifths: tuple[float, ...]) -> Decision:
    """Agreement that grows with use is learnt."""
    if gradient is None or not fifths:
        return "undecided"
    grows = gradient >= thresholds.GRADIENT and fifths[0] > max(fifths[-1], 0.0)
    return "shared-training" if grows else "undecided"


def _kept_by_training(cosines: Floats | None, lengths: tuple[Floats, Floats] | None) -> tuple[float, ...]:
    """Mean cosine from the longest fifth of rows to the shortest, where the shortest agree and the longest do not, by the
    lengths of both sides; empty where that is not so."""
    if cosines is None or lengths is None:
        return ()
    found = []
    for one in lengths:
        own = as_float64(one).ravel()
        gradient, fifths, _ = _by_use(cosines, -own)
        ordered = np.sort(own[np.isfinite(own)])
        each = max(1, len(ordered) // _FIFTHS)
        apart = (
            ordered[-each:].mean() >= thresholds.LENGTHS_APART * max(ordered[:each].mean(), 1e-12)
            if len(ordered)
            else False
        )
        falls = gradient is not None and gradient <= -thresholds.GRADIENT
        if not (apart and falls and fifths[-1] > 0 and fifths[0] < thresholds.START_RATIO * fifths[-1]):
            return ()
        found.append(fifths)
    return tuple(float(np.mean(two)) for two in zip(*found, strict=True))


def _steady(fifths: tuple[float, ...]) -> bool:
    """Do the fifths rise or fall all the way, but for one swap of neighbours?"""
    rho = spearman(np.asarray(fifths), np.arange(float(len(fifths)))) if len(fifths) else None
    return rho is not None and abs(rho) >= 0.9 - 1e-9


def _decide(votes: list[Decision]) -> Decision:
    said = {vote for vote in votes if vote != "undecided"}
    return said.pop() if len(said) == 1 else "undecided"


def _by_use(cosines: Floats | None, usage_rank: Floats | None) -> tuple[float | None, tuple[float, ...], int]:
    if cosines is None or usage_rank is None:
        return None, (), 0
    values, rank = as_float64(cosines).ravel(), as_float64(usage_rank).ravel()
    if values.shape != rank.shape:
        raise incomparable(message("arrays.ranks", cosines=len(values), ranks=len(rank)))
    sound = np.isfinite(values) & np.isfinite(rank)
    values, rank = values[sound], rank[sound]
    if len(values) < 10 * _FIFTHS:
        return None, (), len(values)
    rho = spearman(values, -rank)
    order = np.argsort(rank, kind="stable")
    fifths = tuple(float(part.mean()) for part in np.array_split(values[order], _FIFTHS))
    return rho, fifths, len(values)


def _words(
    decision: Decision, rho: float | None, compared: bool, gradient: float | None, fifths: tuple[float, ...], rows: str
) -> Message:
    if decision == "not-asked":
        return message("start.not_asked")
    silent = message("start.gains_constant" if compared else "start.gains_not_compared")
    gains = silent if rho is None else message("start.gains_agree", rho=rho)
    found = [gains, message(rows, most=fifths[0], least=fifths[-1]) if fifths else message("start.no_rows")]
    if decision in ("shared-training", "shared-start"):
        return message(f"start.{decision}", found=found)
    if gradient is not None:
        found.append(message("start.slope", slope=gradient))
    return message("start.undecided", found=found)
