"""Figures of a sentence: numbers, dates and units as facts that can be compared across scripts."""
