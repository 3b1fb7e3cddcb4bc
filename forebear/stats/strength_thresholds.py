"""Levels of strength beside significance (METHODS §17). Frozen by docs/decisions/0012 on llama64 and gpt2-64."""

from __future__ import annotations

MAPS = 3
"""Maps of layers that do not belong together; the largest of what an aligner reaches on them is the ceiling."""
LOOK_ALIKE = 0.25
"""Mean cosine in place from which two layers of one model count as copies. Trained toys: at most 0.06 in place."""
MOST_ROUNDS = 20
SETTLED_GAIN = 2e-4
"""Rounds of the aligner end when the pooled cosine gains less than this."""
MOST_NEURONS = 512
"""Neurons of a layer that take part in the ceiling at most: a bound on time."""
SAMPLE_ROWS = 2.5
"""Rows of the first, small sample, as a multiple of the width."""
SAMPLE_SHARE = 0.25
"""The small sample is tried only where it is at most this share of the neurons of a layer that could take part."""
SAMPLE_CHANNELS = 128
"""Channels of the small sample."""
