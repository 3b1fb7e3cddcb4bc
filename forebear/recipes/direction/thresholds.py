"""Thresholds of direction (decision 0038): chosen on llama64 and gpt2-64, measured on other families."""

FORTH = -0.12
"""Least regression of the later model's step on the earlier one's change, own directions: at 0 all of it is carried."""
LESS_OWN = 0.06
"""How much less may be carried in own directions than in all: models trained apart share the strong ones and lack the others."""
BACK = -0.2
"""Most regression with the two exchanged: a part is clearly taken back. A step too small for it shows no direction."""
