"""Recipes of others read, checked against weights and written: mergekit configurations and forebear's own."""

from forebear.recipes.exchange.check import Checked, checked
from forebear.recipes.exchange.mergekit import read_mergekit, write_mergekit
from forebear.recipes.exchange.plans import plan_of
from forebear.recipes.exchange.write import written

__all__ = ["Checked", "checked", "plan_of", "read_mergekit", "write_mergekit", "written"]
