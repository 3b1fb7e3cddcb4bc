"""Readers of claims: one module for each kind of file; nothing is run, and every text is bounded."""
