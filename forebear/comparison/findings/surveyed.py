"""What was seen of one tensor of either side, or of two that answer to each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from forebear.models.checkpoint import Piece

Figures = tuple[float, float, float]
Moments = Mapping[str, Any]


class Surveyed(NamedTuple):
    """One piece of either side or a pair of them. figures: (cosine, relative change, share of equal rows).

    rows: how many rows of both the figures are over, and how many there are; a vector is one row.
    """

    subject: Piece | None
    candidate: Piece | None
    subject_moments: Moments | None
    candidate_moments: Moments | None
    figures: Figures | None
    rows: tuple[int, int] | None = None

    @property
    def piece(self) -> Piece:
        """The subject's piece, or the candidate's where the subject has none."""
        found = self.subject or self.candidate
        assert found is not None
        return found
