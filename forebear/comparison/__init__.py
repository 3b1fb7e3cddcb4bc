"""Align two checkpoints, test them, measure effects, give a verdict."""
