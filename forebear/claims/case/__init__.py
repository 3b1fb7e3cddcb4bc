"""Case files: testimony in several languages, its discrepancies, its claims and their tests."""
