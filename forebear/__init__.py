"""Finds what a language model descends from. The public verbs are added as their rooms are furnished."""
