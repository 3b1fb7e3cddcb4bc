"""The rotation between two residual streams, from the embedding rows of shared tokens (METHODS §9, step 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from forebear.comparison.gauge.thresholds import LEAST_BLIND, LEAST_LYING, ROTATION_RANK, TOKENS_PER_CHANNEL
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
    lies:   nothing was turned: MLPs are held against each other as they lie.
    """

    matrix: F32
    fit: float
    tokens: int
    how: Message
    given_up: Mapping[str, int] | None = None
    lies: bool = False

    @property
    def fit_words(self) -> Message:
        """What `fit` is, with its figure."""
        if self.lies:
            return message("upcycled.unfitted")
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


def as_they_lie(sides: tuple[Side, Side]) -> Rotation | None:
    """No rotation, for a mixture beside a dense model of as many channels; None for any other pair.

    Experts made from the MLPs of a dense model read and write its residual stream, so they lie in its coordinates whatever else
    became of the mixture. Only where there are too few layers for a rotation from neurons (decision 0062).
    """
    layers = [side.checkpoint.layers for side in sides]
    widths = {side.checkpoint.width for side in sides}
    if not LEAST_LYING <= min(layers) < LEAST_BLIND or layers[0] != layers[1] or len(widths) != 1:
        return None
    mixtures = [any(len(side.places(n)) > 1 for n in range(layers[0])) for side in sides]
    if mixtures[0] == mixtures[1]:
        return None
    return Rotation(np.eye(widths.pop(), dtype=np.float32), 0.0, 0, message("upcycled.lying"), lies=True)
