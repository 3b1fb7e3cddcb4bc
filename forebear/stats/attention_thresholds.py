"""Levels of strength of attention beside its ceiling (METHODS §17)."""

from __future__ import annotations

MOST_STEPS = 60
"""Steps of the aligner from one start."""
LEAST_GAIN = 1e-4
"""The aligner ends when a step gains less mean likeness than this."""
DAMPING = 0.25
MOST_DAMPING = 40.0
"""How far a step is drawn back towards the present rotation where the likeness would fall: doubled from the first to the last."""

FACTOR = 1.2
"""By which pooled s must exceed pooled c before the attention of a model counts as shared."""
LONE_FACTOR = 1.5
"""By which the attention of a single layer must exceed what an aligner for it alone reaches."""
NOTHING = 0.2
"""Share of c up to which the attention of a layer pair is no closer than that of independents that nobody aligned."""
SURELY_SOMETHING = 0.1
"""Likeness in place from which the attention of a layer is not what independents show (at most 0.02), whatever c is."""
LEAST_LAYERS = 3
"""Layers from which a ceiling is measured: fewer have too few that do not belong together."""
CLOSE_VALUES = 0.75
"""Median cosine of value dimensions in place from which attention needs no ceiling: any mixing inside heads, chosen to fit,
brings independents to 0.50 (METHODS §17)."""
MOST_LAYERS = 8
MOST_LAYERS_WIDE = 4
"""Layers whose attention is read, spread over the depth; the second from a width above WIDE on."""
WIDE = 1024
MOST_CHANNELS = 128
MOST_HEADS = 8
"""Heads of the subject and channels of the candidate that take part: a bound on time. Fewer lift c, which only costs power."""
MOST_PARTNERS = 16
"""Heads of a layer of the candidate up to which all are possible partners; of more, those at the places that the subject's have."""
RANDOM_STARTS = 2
"""Drawn rotations the aligner begins with besides those of embedding and LM head."""
SCATTERED_STARTS = 8
"""Further rotations drawn for a single layer beside its partner with its heads scattered: thin heads have many bad optima, and an
aligner tries as many starts (decision 0131)."""
