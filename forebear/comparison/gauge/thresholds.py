"""Sizes and levels of the gauge walk (decision 0006). Those that decide stand in forebear/stats/gauge_thresholds.py."""

from __future__ import annotations

ROTATION_RANK = 1024
"""Most directions of the residual stream a rotation is fitted on; wider models are compared inside them."""
TOKENS_PER_CHANNEL = 4
"""Tokens read per channel (half fit, half tell the fit), up to twice the rank above."""
NEURONS = 512
"""Neurons of the subject asked per layer; 256 when a layer of the candidate has more than LARGE_LAYER of them."""
LARGE_LAYER = 4096
SCREEN_NEURONS = 48
"""Neurons asked per cell when every layer is tried against every layer."""
SCREEN_SHARE = 0.10
"""Share of agreements from which a cell may be paired; the screen proposes, the test decides."""
COPY_LOG10_P = -4.0
"""Level, over all cells of the screen, at which a layer it left over is named; it describes and never decides."""
MISMATCHED_PER_LAYER = 2
"""Cells of layers that do not belong together, per layer tested."""
BLIND_LAYERS = 4
"""Layers a rotation is fitted on when there is no embedding; at most half of the map, the others test it."""
BLIND_ROUNDS = 5
"""Rounds after which a rotation from neurons alone is looked at on layers that play no part in it (decision 0032) ..."""
BLIND_LOOKS = 4
"""... so many of them ..."""
BLIND_HOPE = 1.0
"""... and given up where their neurons agree on no more than this a layer."""
KINSHIP = 0.1
"""Kinship of two layers' moments from which they may be paired; it proposes only, as independents show it too (depth)."""
START_LAYERS = 6
"""Layer pairs in which norm gains are looked for in the columns of the matrices that read through them."""
ATTENTION_LAYERS = 4
"""Of those, layer pairs whose q, k and v are read for the same."""
START_ROWS = 256
"""Rows of each such matrix that are asked."""
ROWS_FOLLOW = 0.2
"""Mean cosine of rows of shared tokens in a rotation made by neurons, from which the embedding counts as shared; up to
ROWS_LEFT nothing of it was found."""
MATCHED_ROWS = 0.5
"""Cosine of rows that name each other, from which a token counts as found under another id."""
ROWS_ASKED = 256
MOST_MATCHED_BYTES = 2**28
"""Largest embedding read whole to find tokens under other ids."""
LEAST_ROWS_D_EFF = 8.0
"""Effective dimension of rows under which one rotation fits any two embeddings."""
HEAD_LAYERS = 4
"""Layer pairs whose attention heads are compared; they describe, so a few tell."""
HEAD_CHANNELS = 512
"""Channels of the candidate on which heads are compared: a block of what they write and score tells as well as all of it."""
MOST_ASKED = 8
"""Query heads of the subject asked per layer, whole KV groups of them."""
MOST_HEADS = 512
"""Heads of a layer kept for a page."""
LEAST_BLIND = 4
"""Layers that a rotation from neurons needs: two to fit, two to test."""
LEAST_LYING = 2
"""Layers that experts are held against MLPs in as they lie: one layer has none it does not belong to."""
