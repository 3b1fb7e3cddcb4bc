"""Containers and sources: bytes become named tensors; nothing is executed."""
