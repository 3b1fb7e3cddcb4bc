"""Where two texts that should say the same do not."""
