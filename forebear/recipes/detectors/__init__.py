"""What finds the operations between two checkpoints: one file for each kind, one registry line each (METHODS §12)."""
