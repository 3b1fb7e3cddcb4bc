"""Shared start or shared training, asked in aligned coordinates (METHODS §1): gains were folded away, so rows alone speak."""

from __future__ import annotations

import numpy as np

from forebear.comparison.evidence import Evidence
from forebear.comparison.gauge.folded import Side
from forebear.comparison.gauge.rotation import Rotation, centred
from forebear.comparison.shared import ASSUMPTION, StartOutcome
from forebear.comparison.vocabulary import SharedRows
from forebear.stats.effect import row_cosines
from forebear.stats.shared_start import shared_start


def aligned_start(rows: SharedRows, sides: tuple[Side, Side], rotation: Rotation) -> StartOutcome:
    """Row cosines by use, on the tokens that did not make the rotation."""
    a, b = (centred(r, s.rule.mean_subtracted) for r, s in zip((rows.a, rows.b), sides, strict=True))
    held_out = np.arange(len(a)) % 2 == 1
    cosines = row_cosines(a[held_out] @ rotation.matrix, b[held_out])
    result = shared_start(True, [], cosines, rows.ids_a[held_out].astype(np.float64))
    figures = {
        "gauge": True,
        "slope_with_use": result.gradient,
        "cosine_by_use": list(result.fifths),
        "decision": result.decision,
    }
    evidence = Evidence("shared-start", "aligned rows", "described", None, False, assumption=ASSUMPTION, extra=figures)
    words = f"{result.words[:1].upper()}{result.words[1:]}."
    return StartOutcome(result.decision == "shared-start", result.decision == "shared-training", words, [evidence])
