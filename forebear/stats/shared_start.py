"""Shared training or a shared start (METHODS §1): equal random numbers at the beginning also make models agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from forebear.core.errors import IncomparableError
from forebear.core.messages import Message, message
from forebear.stats import thresholds
from forebear.stats.arrays import Floats, as_float64
from forebear.stats.ranks import spearman

Decision = Literal["shared-training", "shared-start", "undecided", "not-asked"]
_FIFTHS = 5


@dataclass(frozen=True)
class SharedStart:
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
) -> SharedStart:
    """Decide between shared training and a shared start for a pair whose matrices agree in place.

    agrees:     whether deck, trace or sign already decided that something is shared.
    gains:      centred Spearman per norm (`gains.gains_test(...).rho`), None where constant or folded.
    cosines:    (T,) embedding-row cosines of shared tokens in aligned channels; NaN is left out.
    usage_rank: (T,) 0 for the most used token, rising with rarity: from counts where known, else the token id.
    usage:      what the ranks are. Ids only stand in for use (many vocabularies begin with rare bytes), so they are heard
                only where the fifths rise or fall steadily, and never against the gains.
    Gains speak first: they start constant, so nothing but training makes them agree. The gradient decides where they are
    silent; known counts that contradict them leave the question open.
    Never "shared-start" where the gains are constant and the gradient says nothing: then undecided.
    Raises:     IncomparableError if cosines and ranks differ in length.
    Source:     METHODS §1.
    """
    known = [float(rho) for rho in gains if rho is not None and np.isfinite(rho)]
    rho = float(np.mean(known)) if known else None
    gradient, fifths, tokens = _by_use(cosines, usage_rank)
    by_gains, by_use = _gains_vote(rho), _gradient_vote(gradient, fifths)
    if usage == "ids" and (by_gains != "undecided" or not _steady(fifths)):
        by_use = "undecided"
    decision = _decide([by_gains, by_use]) if agrees else "not-asked"
    words = _words(decision, rho, gradient, fifths)
    return SharedStart(decision, rho, len(known), gradient, fifths, tokens, words)


def _gains_vote(rho: float | None) -> Decision:
    """Gains start constant, so they agree only where training was shared."""
    if rho is None:
        return "undecided"
    if rho >= thresholds.GAINS_TRAINED:
        return "shared-training"
    return "shared-start" if abs(rho) <= thresholds.GAINS_STRANGE else "undecided"


def _gradient_vote(gradient: float | None, fifths: tuple[float, ...]) -> Decision:
    """Agreement that grows with use is learnt; agreement that is gone where tokens are used was there at the start.

    A short fine-tune moves used tokens most too, so a falling gradient counts only if the used tokens have lost most of
    their agreement.
    """
    if gradient is None or not fifths:
        return "undecided"
    most, least = fifths[0], fifths[-1]
    if gradient >= thresholds.GRADIENT and most > max(least, 0.0):
        return "shared-training"
    if gradient <= -thresholds.GRADIENT and least > 0 and most < thresholds.START_RATIO * least:
        return "shared-start"
    return "undecided"


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
        raise IncomparableError(f"{len(values)} cosines need as many usage ranks, not {len(rank)}")
    sound = np.isfinite(values) & np.isfinite(rank)
    values, rank = values[sound], rank[sound]
    if len(values) < 10 * _FIFTHS:
        return None, (), len(values)
    rho = spearman(values, -rank)
    order = np.argsort(rank, kind="stable")
    fifths = tuple(float(part.mean()) for part in np.array_split(values[order], _FIFTHS))
    return rho, fifths, len(values)


def _words(decision: Decision, rho: float | None, gradient: float | None, fifths: tuple[float, ...]) -> Message:
    if decision == "not-asked":
        return message("start.not_asked")
    gains = message("start.gains_constant") if rho is None else message("start.gains_agree", rho=rho)
    rows = message("start.rows", most=fifths[0], least=fifths[-1]) if fifths else message("start.no_rows")
    found = [gains, rows]
    if decision in ("shared-training", "shared-start"):
        return message(f"start.{decision}", found=found)
    if gradient is not None:
        found.append(message("start.slope", slope=gradient))
    return message("start.undecided", found=found)
