"""The three tiny checkpoints `forebear demo` opens: `python -m bench demo` remakes them, bit for bit on one machine."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bench.checkpoint import digest, save, write_json
from bench.shapes import SHAPES, Floats, Shape, initial
from bench.training import Course, Report, course, train

DEMO_DATA = Path(__file__).parent.parent / "forebear" / "demo_data"
BASE_SEED, INDEPENDENT_SEED, NEW_LAYERS_SEED = 1, 2, 3
INSERTED_AFTER = (0, 2)
"""The descendant gets one new layer after each of these layers of the base."""


def insert_layers(
    arrays: dict[str, Floats], shape: Shape, after: tuple[int, ...], seed: int
) -> tuple[dict[str, Floats], Shape]:
    """Puts one freshly drawn layer after each named layer; its output matrices start at zero, so outputs stay.

    after: layer numbers of the given model, ascending.
    Returns: the arrays of the deeper model in its own order, and its shape.
    """
    deeper = shape.sized(layers=shape.layers + len(after))
    values = initial(deeper, seed)
    kept = [n + sum(a < n for a in after) for n in range(shape.layers)]
    names = {f"model.layers.{new}.": f"model.layers.{old}." for old, new in enumerate(kept)}
    for name in values:
        prefix = ".".join(name.split(".")[:3]) + "."
        if not name.startswith("model.layers."):
            values[name] = arrays[name]
        elif prefix in names:
            values[name] = arrays[names[prefix] + name.removeprefix(prefix)]
        elif name.endswith(("o_proj.weight", "down_proj.weight")):
            values[name] = np.zeros_like(values[name])
    return values, deeper


def entry(folder: Path, report: Report, taught: Course, **more: Any) -> dict[str, Any]:
    """One line of a manifest."""
    return {
        "sha256": digest(folder),
        "held_out_loss": round(report.loss, 4),
        "course": asdict(taught),
        "unigram_entropy": round(report.unigram_entropy, 4),
        "good": report.good,
        "tokens": report.tokens,
        **more,
    }


def build(target: Path = DEMO_DATA) -> dict[str, Any]:
    """Trains and writes base, descendant and independent; returns and writes their manifest."""
    shape = SHAPES["llama64"]
    first = course("llama", 2.0)
    second = course("llama", 2.0, text="other", order=1)
    base, base_report = train(shape, initial(shape, BASE_SEED), first)
    grown, deeper = insert_layers(base, shape, INSERTED_AFTER, NEW_LAYERS_SEED)
    child, child_report = train(deeper, grown, second)
    other, other_report = train(shape, initial(shape, INDEPENDENT_SEED), first)
    for name, arrays, its_shape in (
        ("base", base, shape),
        ("descendant", child, deeper),
        ("independent", other, shape),
    ):
        save(target / name, arrays, its_shape, "bfloat16")
        print(f"wrote {target / name}", file=sys.stderr)
    manifest = {
        "base": entry(target / "base", base_report, first, seed=BASE_SEED),
        "descendant": entry(
            target / "descendant",
            child_report,
            second,
            parent="base",
            seed=NEW_LAYERS_SEED,
            inserted_after=list(INSERTED_AFTER),
        ),
        "independent": entry(target / "independent", other_report, first, seed=INDEPENDENT_SEED),
    }
    write_json(target / "manifest.json", manifest)
    return manifest
