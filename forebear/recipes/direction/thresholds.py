"""Thresholds of direction (decision 0038): chosen on llama64 and gpt2-64, measured on other families."""

FORTH = -0.07
"""Least regression of the later model's step on the earlier one's change, own directions: at 0 all of it is carried."""
LESS_OWN = 0.04
"""How much less may be carried in own directions than in all: models trained apart share the strong ones and lack the others."""
BACK, FAR_BACK = -0.2, -0.48
"""Bounds of the regression with the two exchanged. Above the first the step is too small to show a direction; below the second
more is missing than the descendant's own step explains: so it is between a model and its niece trained longer on the same text."""
