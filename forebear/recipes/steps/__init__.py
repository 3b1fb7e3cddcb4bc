"""Forward steps on named arrays: what can be done to a checkpoint, outputs kept or not (METHODS §9, §12)."""
