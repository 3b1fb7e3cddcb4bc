"""Methods by name. A new one is one file beside this and one line here (docs/benchmark.md)."""

from __future__ import annotations

from collections.abc import Mapping

from bench.methods import ours, plain_statistics, raw_gain_cosine, std_curve
from bench.methods.score import Method

METHODS: Mapping[str, Method] = {
    "forebear": ours.method,
    "plain-statistics": plain_statistics.method,
    "std-curve": std_curve.method,
    "raw-gain-cosine": raw_gain_cosine.method,
}
