"""Pure functions of arrays: tests, effects, audits (METHODS)."""
