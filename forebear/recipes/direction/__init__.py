"""Which came first (METHODS §11)."""

from forebear.recipes.direction.directed import Direction, Third, directed

__all__ = ["Direction", "Third", "directed"]
