"""What the columns of a matrix tell of the norm gain before it, after a rotation (METHODS §1, §7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forebear.comparison.gauge.thresholds import START_ROWS
from forebear.core.spacing import evenly
from forebear.stats.arrays import F32, F64
from forebear.stats.gauge_start import column_energy, shared_spread


@dataclass(frozen=True)
class Readers:
    """Matrices behind one norm of a layer pair.

    there: (candidate width,) column energy of the subject's rows in the candidate's coordinates; back: (subject width,) the
    other way round. crossed: likeness of the spreads of unlike matrices; None where there is one matrix only.
    """

    there: F64
    back: F64
    crossed: float | None


def readers_of(mine: Sequence[F32], theirs: Sequence[F32], rotation: F32) -> Readers:
    """From folded rows: the subject's already turned into the candidate's coordinates, the candidate's as they stand.

    Shapes: (n, candidate width) each, the same matrices in the same order on both sides. rotation: (width, other width).
    """
    here, other = ([rows[evenly(len(rows), START_ROWS)] for rows in side] for side in (mine, theirs))
    crossed = [
        shared_spread(a, b) for i, a in enumerate(here) for j, b in enumerate(other) if i != j and len(a) and len(b)
    ]
    reach = np.einsum("ij,ij->j", rotation, rotation), np.einsum("ij,ij->i", rotation, rotation)
    back = [rows @ rotation.T for rows in other]
    return Readers(
        column_energy(here, reach[0]), column_energy(back, reach[1]), float(np.mean(crossed)) if crossed else None
    )
