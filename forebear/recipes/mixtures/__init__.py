"""Several candidates: weights, layers, experts; the set of parents (METHODS §12, §20)."""

from forebear.recipes.mixtures.mixed import Mixed, mixed
from forebear.recipes.mixtures.parents import ParentSet, parents

__all__ = ["Mixed", "ParentSet", "mixed", "parents"]
