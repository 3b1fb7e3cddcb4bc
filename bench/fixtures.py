"""Tiny trained checkpoints the tests open: `python -m bench fixtures` remakes them under tests/data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.checkpoint import save, write_json
from bench.demo import entry
from bench.shapes import SHAPES, initial
from bench.training import course, train

TEST_DATA = Path(__file__).parent.parent / "tests" / "data"
INDEPENDENTS = 6
FIRST_SEED, SHARED_SEED = 100, 200


def build(target: Path = TEST_DATA) -> dict[str, Any]:
    """Six independents (same data and order, other seeds) and a same-seed pair (other data), float16.

    Returns: the manifest, also written beside them.
    """
    shape = SHAPES["tiny"]
    manifest: dict[str, Any] = {}
    jobs = [(f"independents/{n}", FIRST_SEED + n, course("llama")) for n in range(INDEPENDENTS)]
    jobs += [
        ("same_seed/a", SHARED_SEED, course("llama")),
        ("same_seed/b", SHARED_SEED, course("llama", text="other", order=1)),
    ]
    for name, seed, taught in jobs:
        arrays, report = train(shape, initial(shape, seed), taught)
        save(target / name, arrays, shape, "float16")
        manifest[name] = entry(target / name, report, taught, seed=seed)
    write_json(target / "manifest.json", manifest)
    return manifest
