"""Levels at which a comparison decides. Frozen on two families (decision 0002)."""

from __future__ import annotations

VERDICT_LOG10_LEVEL = -9.0
"""Each of the two findings a verdict needs must reach this after multiplying by everything looked at (METHODS §11).

Real independents, 72 layer pairs of all-MiniLM-L6 and multilingual-e5-small: neurons matched 0, 1, 2, 3, 4 times in 36, 24, 6,
5, 1 pairs; sign z of values sd 0.88, at most 2.0; trace at worst log10 p -1.1, its z sd 1.00. Their real fine-tune: 1536 of
1536, z 19 of 19.6, -507."""
TRACE_MAX_UNITS = 512
"""Units that enter the trace bound: its scaling costs their square at every step."""
LAYER_SCREEN_FLOOR = 0.01
"""Smallest mean cosine above the middle at which two layers may be paired; the screen proposes, tests decide."""
LAYER_SCREEN_SPREADS = 6.0
"""Robust spreads above the middle of all cells for the same."""
EQUAL_READ_BYTES = 2**30
"""Without a stated budget, files up to this size are read whole when all that was sampled is equal."""
FOUND_ELSEWHERE_COSINE = 0.5
"""From here a mutual best partner at another place is told as the same unit moved; it describes only."""
LEAST_D_EFF = 1.01
"""Effective dimension under which all units are one and the same: nothing to tell apart, so no test runs."""
TOO_CLOSE_FOR_A_START = 0.98
"""Median cosine of neurons in place from which gains that disagree no longer make a mere start: training of their own would
have moved the matrices further (same-seed toys after a full course: 0.47)."""
REPLACED_RHO = 0.5
"""Mean Spearman of column slopes with quotients of gains from which the gains count as replaced (a plain pair: about 0)."""
LEAST_CHANNELS = 16
"""Channels that a correlation of gains needs."""
PAGE_UNITS = 512
"""Best-match positions kept for the page, per axis (docs/architecture.md#interface)."""
COPIED_ROWS = 0.98
"""Median cosine of rows in place from which an embedding or head counts as the other's own rows, to within a cast. Students trained
on hidden states agree in their channels with rows at 0.02 to 0.05."""
TOWER_COSINE = 0.9
"""Median cosine of units in place from which a further tower, whose strength is not measured, counts as shared: no aligner came to
half of it (decision 0012, addendum)."""
NOTHING_LOG10_P = -2.0
"""A component was not found when no test of it goes below this; between here and the level it cannot be told."""
SEEN_COSINE = 0.5
"""Cosine of a few rows in place from which a head beside shared layers is told as shared; it describes only (decision 0063)."""
UNSEEN_COSINE = 0.3
"""Cosine of the same rows below which they are said not to agree; between the two nothing is told."""
EQUAL_CHANCE_LOG10 = -30.0
"""Equal tensors count from this log10 chance on that independent values of the same histogram agree (decision 0014)."""
EQUAL_LEAST_VALUES = 64
"""Smaller tensors are not looked at for equal values."""
EQUAL_LEAST_MATRIX = 1024
"""Values of the matrix, at least one, that a relation by equal values alone needs."""
MAX_EXPERTS = 8
"""Experts of a mixture layer tried on a side."""
ROWS_LEFT = 0.1
"""Mean cosine of rows of shared tokens in a rotation that other parts made, up to which nothing of a table was found. Rows of
independents give 0 ± 1/√(tokens × d_eff)."""
