"""The library: a small print of every model known, search among them, and the tree they form (METHODS §14, §18)."""
