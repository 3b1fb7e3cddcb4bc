"""Methods by name. A new one is one file beside this and one line here (docs/benchmark.md)."""

from __future__ import annotations

from collections.abc import Mapping

from bench.methods import (
    awm,
    ghostspec,
    huref,
    mdir,
    mother,
    ours,
    plain_statistics,
    raw_gain_cosine,
    self_fingerprint,
    std_curve,
    tools,
    zhu,
)
from bench.methods.score import Method

METHODS: Mapping[str, Method] = {
    "forebear": ours.method,
    "plain-statistics": plain_statistics.method,
    "std-curve": std_curve.method,
    "raw-gain-cosine": raw_gain_cosine.method,
    "huref-pcs": huref.pcs_method,
    "huref-ics": huref.ics_method,
    "awm": awm.method,
    "ghostspec": ghostspec.method,
    "self": self_fingerprint.method,
    "mdir": mdir.method,
    "mdir-outer": mdir.outer_method,
    "zhu-up": zhu.up_method,
    "zhu-match": zhu.match_method,
    "mother": mother.method,
    "provenance-kit": tools.provenance_kit,
    "modeldna": tools.modeldna,
}
EVERY_SHAPE = ("forebear", "plain-statistics", "std-curve", "raw-gain-cosine")
"""Methods that read every family of the bench and need no environment of their own: scored where none is named."""
