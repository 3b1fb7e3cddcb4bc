"""Pure functions of arrays: tests, effects, audits (METHODS §3 to §11)."""
