"""Thresholds of mixtures (decision 0037): chosen on llama64 and gpt2-64, measured on other families."""

FLOOR = 0.05
"""Least weight of a source that the set of parents promises to hold."""
SMALL_GAIN = 0.03
"""Share of what is left that a candidate must take away where the weighted sum is no merge."""
LAYER_FLOOR = 0.25
"""A candidate that adds nothing overall stays when some layer needs at least so much of it."""
MOST_CANDIDATES = 24
"""Related candidates weighed together; of more, the nearest."""
NEAR_WHOLE = 0.25
"""A mixture of k is claimed when it leaves at most this share of 1/k, which is what k unrelated changes of a common ancestor leave
of the distance between the ancestor and any of them: below it the ancestor itself does not explain the fit."""
REPLAYED = 0.01
"""Unknown share up to which a weighted sum counts as replayed."""
WHOLE_LAYER = 0.05
"""Most weight of the second nearest layer in one that is said to come from the nearest."""
FAR_LAYER = 0.5
"""Squared distance, as a share of a layer's square, above which a layer comes from no candidate."""
EXACT = 1e-6
"""Share of the subject's square below which a fit is exact up to the step of the search: then the other curve is not it."""
ARC_ERRORS = 3.0
"""Standard errors by which an arc must fit better than a line, or the other way round, to be told from it."""
SPIKE = 0.04
"""Least share of values at one ratio of change to change, for a merge that leaves some changes whole and others out."""
NAMED = 0.9
"""Least share of the values that a sparse merge must give for it to be told: about a model that is not its base, or of some of its
parents, a merge gives 0.34 to 0.82 (decision 0125)."""
ORDERED = 0.9
UNORDERED = 0.6
"""Chance that a kept change is larger than a dropped one: above the first, the largest were kept (TIES); below the second, the mask
had nothing to do with size (DARE)."""
