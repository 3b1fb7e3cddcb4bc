"""Levels of strength beside significance (METHODS §17). Frozen by decision 0012 on llama64 and gpt2-64."""

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

FACTOR = 1.2
"""By which pooled s must exceed pooled c before "related" is said. Strongest aligner, seven in all, 32 trained strangers: 0.95 to
0.99 (llama64), 1.02 to 1.04 (gpt2-64); further trained 4x: 1.71 to 1.78 and 1.58 to 1.59."""
LEAST_LAYERS = 0.75
"""Share of layer pairs whose own s must reach pooled c as well; else the layers that pass LONE_FACTOR are named as shared."""
LONE_FACTOR = 1.5
"""By which a single layer must exceed the ceiling of an aligner that turns the stream for it alone. Such an aligner reaches 0.95 to
1.11 (the last layer most: it shares the LM head's features); a layer taken over 2.1 to 2.5."""

LEAST_ZEROS = 0.1
"""Share of a side's values that are zero from which s and c are set beside each other over the other places too (decision 0117):
fewer zeros lengthen a cosine by 1 / sqrt(0.9) at the most."""
NEAR_ZERO = 1e-3
"""Of a row's root mean square: what is nearer to nought counts as zero."""

NOTHING = 0.3
"""Share of c up to which the neurons of a layer pair are no closer than independents that nobody aligned: 0.14 to 0.18 where
a sign is free. A tenth of the candidate mixed in gives 0.35 and is found by the exact tests besides."""

FAR_CEILING = 0.6
"""Least bound that stands for a ceiling where a few neurons are looked at whose places nobody could know; raised by what their rows
have in common, by how few directions they spread over, and by how many partners there are (decision 0015)."""
FAR_ROWS = 8
"""Usable rows of the layers drawn from, as a multiple of the width, from which the above holds."""
FAR_ROTATION = 0.85
"""A rotation fitted on n rows a channel gives them this over the root of n (METHODS §17)."""
FAR_USABLE = 0.9
"""Share of the neurons looked at that both sides can use, below which the bound is not used."""
FAR_NEURONS = 64
"""Neurons a layer that are looked at for it."""
FAR_LAYERS = 12
"""Layers that are looked at for it, drawn as well."""
SURE_VALUE = 0.9
"""Pooled s of such a sample from which all neurons of a model on disk are not read as well (decision 0051): one and a half
times the least bound; framed strangers in place reach 0.42 at the most ..."""
SURE_LAYER = 0.8
"""... with no layer below this, and no layer left out."""
SURE_BYTES = 2**24
"""Bytes a side that all neurons would take, below which they are measured anyway."""
WIDEST = 1024
"""Width up to which rotations of all channels are searched; beyond, those into SAMPLE_CHANNELS of them, which only costs power."""
ALIGNED_FIRST = 128
"""Neurons of a layer of the subject that are aligned first where a pair was reordered; all of the candidate's are partners."""
