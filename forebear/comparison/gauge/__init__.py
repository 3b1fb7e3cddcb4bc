"""A pair of checkpoints in folded coordinates: what rewritings that keep every output leave to be compared (METHODS §9)."""
