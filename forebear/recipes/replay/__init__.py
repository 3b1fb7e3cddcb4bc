"""Applies what was found to the candidate with the forward steps, and measures what is left (METHODS §12)."""
