"""The definitions of architectures: parsed strictly, matched, placed."""
