"""Testimony: texts, their translations, what disagrees between them, and claims bound to tests."""
