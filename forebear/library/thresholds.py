"""Thresholds of search and tree, frozen before the runs that they decide: decisions 0040 and 0041."""

from __future__ import annotations

DISPERSION = 1.2
"""What z of two screens is divided by before it becomes a p-value (decision 0040)."""
LEVEL_LOG10 = -3.0
"""A screen proposes a model when its p-value, times the number of screens searched, is at most this (decision 0040)."""
ANCHOR_AGREEMENT = 0.97
"""Agreement of two anchor geometries from which a model is proposed by them alone (decision 0040)."""
