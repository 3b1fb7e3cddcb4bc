"""Invented testimonies with many people, to measure how many forms of their names are proposed, and that none comes out."""
