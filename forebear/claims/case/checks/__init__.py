"""One file per kind of discrepancy; each check takes a Pair and yields findings."""
