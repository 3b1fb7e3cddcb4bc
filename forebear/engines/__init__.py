"""Engines past one machine, each an extra: what keeps a library elsewhere, what makes prints on many machines (docs/library.md)."""
