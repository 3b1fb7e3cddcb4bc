"""What one checkpoint is: sizes, values, configuration arithmetic, residue."""
