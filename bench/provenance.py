"""What a result rests on, said in the result: commit, digest of the code, seeds, null hypothesis and assumption."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.build import machine
from bench.scores import version_of
from bench.truth import FRESH

NULL = "nothing of the subject was copied from the candidate: the pairs whose truth is 'independent'"
ASSUMED = (
    "an aligner is no stronger than those of bench/framed_align.py and bench/parts_align.py; a rule of three takes pairs as "
    "independent, which share subjects and candidates"
)


def commit() -> str:
    """The commit of this checkout, or the one that FOREBEAR_BENCH_COMMIT names where a copy without history runs; "" for none."""
    named = os.environ.get("FOREBEAR_BENCH_COMMIT", "")
    if named:
        return named
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def code() -> dict[str, str]:
    """Commit, and the digest of forebear's rooms that a verdict rests on."""
    return {"commit": commit(), "forebear": version_of("forebear")}


def provenance(shape: str, seeds: Mapping[str, str], code: Mapping[str, str]) -> dict[str, Any]:
    """The head of a result. seeds: what was drawn -> which seeds; code: as `code()` gave it before anything slow happened."""
    return {
        "shape": shape,
        "machine": machine(),
        "code": dict(code),
        "seeds": dict(seeds),
        "trained_for_this_run": shape in FRESH,
        "null_hypothesis": NULL,
        "assumption": ASSUMED,
    }


__all__ = ["code", "commit", "provenance"]
