"""Errors, limits, documents and their schemas, seeds."""
