"""Fuzzers of every reader that meets bytes of others: seeded, resumable, with figures (`python -m bench.fuzz --help`)."""
