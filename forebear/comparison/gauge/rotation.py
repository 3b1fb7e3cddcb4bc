"""The rotation between two residual streams, from the embedding rows of shared tokens (METHODS §9, step 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from forebear.comparison.gauge.thresholds import ROTATION_RANK, TOKENS_PER_CHANNEL
from forebear.comparison.reading.folded import Side, centred
from forebear.comparison.reading.pair import Pair
from forebear.comparison.reading.vocabulary import SharedRows
from forebear.core.errors import IncomparableError
from forebear.core.messages import Message, message
from forebear.stats.arrays import F32
from forebear.stats.gauge import polar, rotation_fit


@dataclass(frozen=True)
class Rotation:
    """Residual coordinates of the subject -> those of the candidate.

    matrix: (subject width, candidate width). tokens: how many made it, 0 without an embedding.
    fit:    mean cosine on tokens that played no part; without an embedding, share of the fitted neurons matched both ways.
    how:    what it was made from: the embedding of shared tokens, or neurons of some layers.
    given_up: what was seen where it was left before it settled.
    """

    matrix: F32
    fit: float
    tokens: int
    how: Message
    given_up: Mapping[str, int] | None = None

    @property
    def fit_words(self) -> Message:
        """What `fit` is, with its figure."""
        return message("rotation.fit_tokens" if self.tokens else "rotation.fit_neurons", fit=self.fit)


def tokens_wanted(pair: Pair) -> int:
    """Shared tokens to read: enough to fit every direction twice over, and to tell the fit."""
    width = max(pair.subject.width, pair.candidate.width)
    return min(max(2 * ROTATION_RANK, 768), TOKENS_PER_CHANNEL * width) if width <= ROTATION_RANK else 2 * ROTATION_RANK


def from_embedding(rows: SharedRows, sides: tuple[Side, Side]) -> Rotation | None:
    """Fitted on every other token, told on the rest; None where the rows cannot be used.

    Rows of another width than the residual stream (an embedding that a projection follows) say nothing of its coordinates.
    """
    if any(table.shape[1] != side.checkpoint.width for table, side in zip((rows.a, rows.b), sides, strict=True)):
        return None
    a, b = (centred(r, s.rule.mean_subtracted) for r, s in zip((rows.a, rows.b), sides, strict=True))
    fitted = np.arange(len(a)) % 2 == 0
    try:
        matrix = polar(a[fitted], b[fitted])
    except IncomparableError:
        return None
    return Rotation(
        matrix, rotation_fit(a[~fitted], b[~fitted], matrix), int(fitted.sum()), message("rotation.embedding")
    )
