"""Vocabularies as byte strings."""
