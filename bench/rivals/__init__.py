"""Every rival on the same pairs: relatives, independents of one shape, and independents aligned to the candidate (METHODS §17)."""
