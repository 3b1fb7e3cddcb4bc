"""Lazy checkpoints: a container read through an architecture definition."""
