"""What of two checkpoints is read, within which budget."""
