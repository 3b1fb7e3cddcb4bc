"""Attestation: what a training run can show of its own start and course (METHODS §19)."""
