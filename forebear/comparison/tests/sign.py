"""Do units agree in sign? The sign test, on any axis whose units may be negated (METHODS §5)."""

from __future__ import annotations

import numpy as np

from forebear.comparison.findings.evidence import SIGN_ASSUMPTION, Sign
from forebear.comparison.tests.axis_test import AxisRead, AxisTest, Figure, Law
from forebear.stats.sign import sign_log10_p, sign_z


def _figure(read: AxisRead) -> Figure | None:
    """All coins of all blocks."""
    if not read.coins:
        return None
    found = sign_z(np.concatenate(list(read.coins)))
    return Figure(
        found.log10_p,
        read.map_looks_log10,
        Sign(found.z, found.max_z, len(read.coins) if read.private else None),
        found.positive,
        found.of,
        sign_log10_p(found.max_z),
    )


TEST = AxisTest(
    name="sign",
    rule="sign",
    symmetry="sign",
    kind="exact",
    assumption=SIGN_ASSUMPTION,
    laws=(Law.MOVED_TOGETHER, Law.NEGATED_TOGETHER, Law.SCALED, Law.COINS, Law.FOUND),
    figure=_figure,
)
