"""Conversions and merges recomputed from the candidate and compared bit for bit: the strongest grade there is (METHODS §11)."""

from forebear.recipes.rederive.merges import recomputed
from forebear.recipes.rederive.whole import rederived
from forebear.recipes.rederive.wholes import joined

__all__ = ["joined", "recomputed", "rederived"]
