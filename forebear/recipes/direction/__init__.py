"""Which came first (METHODS §11)."""

from forebear.recipes.direction.dates import Dated, Named, earlier, read_dates
from forebear.recipes.direction.directed import COMBINED, Direction, Third, directed

__all__ = ["COMBINED", "Dated", "Direction", "Named", "Third", "directed", "earlier", "read_dates"]
