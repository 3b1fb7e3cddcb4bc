"""Rules, lexicons and profiles as data."""
