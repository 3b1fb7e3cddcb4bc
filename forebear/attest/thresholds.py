"""Numbers of attestation, frozen before the run they decided (docs/decisions/0043-attestation-thresholds.md)."""

from __future__ import annotations

from math import log10

LEVEL_LOG10 = -9.0
"""A start is proven, and a pair of neighbours related, at this level, after everything that was looked at."""
SEEDS_LOG10 = 32 * log10(2)
"""All seeds that PyTorch's CPU generator tells apart: whoever ground through every one of them has tried no more."""
VARIANTS_LOG10 = 3.0
"""Configurations, versions and announcements that somebody may have tried beside the seeds: a thousand."""
SHARE_APART = 0.15
"""Most that the share of the start left in the matrices may lie from what the logged decay leaves of it."""
LAYER_SHARE_APART = 0.35
"""The same of a single layer."""
PACE = 1.05
"""Root mean square of changes between two records over the summed learning rates: more is a jump that the log does not explain."""
STRAIGHT = 0.95
"""Cosine of successive ways: from here on the path runs straight on, as interpolation does."""
STRAIGHT_SHARE = 0.8
"""Share of the turns of a chain that have to be straight."""
LAYER_COSINE = 0.1
"""Cosine of one layer with itself one record earlier, below which the layer does not go on from there."""
VISIBLE = 0.1
"""Cosine with the record before that the logged decay has to leave for a link without a relation to be called unexplained."""
TELLING_SHARE = 0.3
"""What the logged decay has to leave of the start for its share to tell anything; below, strength is measured as well."""
WELL_KNOWN_SEEDS = (0, 1, 2, 3, 5, 7, 10, 11, 12, 13, 21, 23, 37, 42, 69, 99, 100, 101, 111, 123, 222, 314, 333, 404, 420, 512, 666,
                    777, 999, 1000, 1024, 1111, 1234, 1337, 2000, 2020, 2021, 2022, 2023, 2024, 2025, 2026, 2048, 2222, 3407, 4096,
                    4242, 5678, 6666, 7777, 8888, 9999, 12345, 31337, 54321, 65535, 65536, 99999, 123456, 1234567, 12345678,
                    20240101, 123456789, 2**31 - 1, 2**32 - 1)  # fmt: skip
"""Seeds that published training code and its examples use: round numbers, years, and habits (42, 1234, 1337, 3407)."""
