"""Checks: one module for each kind of claim; "contradicted" is said only on proof (decision 0045)."""
