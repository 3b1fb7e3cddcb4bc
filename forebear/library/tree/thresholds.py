"""Thresholds of a tree, frozen before the runs that they decide: decision 0067."""

from __future__ import annotations

SIDE = 64
"""Rows and columns of a matrix that are read, the first ones: a matrix with rows appended keeps them."""
MOST_MATRICES = 256
"""Matrices of a model that are read, spread evenly over its layers."""
WEAK = 0.9
"""Share of the directions of a difference, strongest first, that are left out: models trained on like text share those."""
FLOOR = 1e-12
"""Least energy of a difference, share of the matrix's: equal values."""
UNSEPARATED = 0.25
"""Share of the shorter way that two models have in common, in weak directions, from which a third does not lie between them."""
ALIKE = 0.2
"""How much larger that share is in all directions where training on like text makes it: then no missing model is drawn."""
STEP = 0.15
"""Share up to which a model between two others counts as a step from one to the other."""
LOPSIDED = 0.2
"""Least ratio of three ways for a statement on a model that is missing."""
TOO_SHORT = 0.05
"""Least ratio of three ways for one that two models were trained alike from a third."""
NEAR_WHOLE = 0.25
"""A merge of k leaves at most this share of 1/k of the distance to the nearest parent, in all and in weak directions (0037)."""
LEAST_WEIGHT = 0.05
"""Least weight of a parent of a merge (0037)."""
ON_LINE = 0.1
"""How near the weights of a merge's child, on the merge's parents, come to those of the merge."""
UNPROVEN_COSINE = 0.3
"""Screens below this are drawn only when weights prove it: the strongest aligner brings a stranger to 0.2 (METHODS §17)."""
TRIES = 3
"""Comparisons that find nothing between two groups before they count as apart."""
NEIGHBOURS = 16
"""Models to which one may be joined: the nearest by their screens."""
MOST_READ = 96
"""Members of a family whose weights are read for distances; of larger families prints give them."""
MOST_MODELS = 2000
"""Models of a library that a tree is drawn of."""
