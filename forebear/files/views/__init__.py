"""Tensors as they are meant, over the bytes as they are stored: quantised layouts and adapters."""
