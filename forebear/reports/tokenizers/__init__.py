"""Tokenizer documents → text and pages. Draws, computes nothing."""
