"""The tree of a library: families, missing models, merges, edges and what they rest on, claims of cards (METHODS §11, §14)."""
