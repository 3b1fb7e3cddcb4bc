"""Merges and fine-tunes stored as BF16 or F16: whether the method is told, and none invented (decision 0145).

    python -m bench.narrow_merges -o FILE

Families of tests/recipes/tiny.py, four times as wide, with siblings that differ by noise of 10 and 1.5 %; shares, densities and
families that nothing of 0145 was looked at on. Null hypothesis of a claim: the subject is no merge (kind "tuned").
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bench.build import machine
from bench.checkpoint import write_json
from bench.low_rank_stored import TIMES, WIDE
from forebear.core.seeds import generator
from forebear.models.checkpoint import open_checkpoint
from forebear.recipes.mixtures import mixed
from forebear.recipes.rederive.formulas import task_arithmetic
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.registry import apply

FAMILIES = ("qwen2", "gpt2", "mixtral", "opt", "bert", "starcoder2")
SIZES = (0.1, 0.015)
IDS = ("a", "b", "c", "base")
Row = dict[str, Any]


def sibling(base: Model, name: str, size: float) -> Model:
    """A model with changes of `size` times the spread of every tensor."""
    rng = generator("bench/narrow-merges", name)
    arrays = {key: (a + size * a.std() * rng.standard_normal(a.shape)).astype(np.float32) for key, a in base.arrays.items()}
    return Model(arrays, base.config)


def children(given: list[Model], name: str, size: float) -> Iterator[tuple[str, Row, dict[str, Any]]]:
    """(kind, truth, arrays) of what is made of three siblings and their base."""
    a, b, c, old = (model.arrays for model in given)
    yield "linear", {"a": 0.75, "b": 0.25}, {n: 0.75 * a[n] + 0.25 * b[n] for n in old}
    yield "linear", {"a": 0.4, "b": 0.35, "c": 0.25}, {n: 0.4 * a[n] + 0.35 * b[n] + 0.25 * c[n] for n in old}
    rng = generator("bench/narrow-merges/dare", name)
    yield "dare", {"a": 0.6, "b": 0.3}, {n: old[n] + 2.5 * sum(
        w * (m[n] - old[n]) * (rng.random(old[n].shape) < 0.4) for m, w in ((a, 0.6), (b, 0.3))) for n in old}  # fmt: skip
    yield "ties", {"a": 0.5, "b": 0.5}, {n: task_arithmetic(
        old[n], [a[n], b[n]], [0.5, 0.5], densities=[0.3, 0.3], consensus=True, normalize=True) for n in old}  # fmt: skip
    for share in (0.3, 0.03):
        yield "tuned", {}, dict(sibling(given[0], f"{name}/tuned/{share}", share * size).arrays)
        yield "tuned", {}, dict(apply("low-rank-merged", given[0], name, rank=3, size=share * size, parts="qkvoud").arrays)


def rows_of(name: str, base: Model) -> Iterator[Row]:
    """Every case of one family."""
    for size in SIZES:
        made = [*(sibling(base, f"{name}/{size}/{at}", size) for at in range(3)), base]
        for dtype in ("BF16", "F16"):
            for stored in (True, False):
                given = [apply("resaved", one, 1, dtype=dtype) for one in made] if stored else made
                plain = [Model(one.arrays, one.config) for one in given]
                for kind, truth, arrays in children(plain, f"{name}/{size}", size):
                    whole = Model({n: np.asarray(v, np.float32) for n, v in arrays.items()}, base.config)
                    child = apply("resaved", whole, 1, dtype=dtype)
                    with TemporaryDirectory() as folder:
                        sides = [open_checkpoint(one.save(Path(folder) / str(at))) for at, one in enumerate((child, *given))]
                        found = mixed(sides[0], sides[1:], IDS).found
                    told = found[0].parameters if found else {}
                    weights = {k: w["value"] if isinstance(w, dict) else w for k, w in told.get("weights", {}).items()}
                    off = max((abs(weights.get(k, 0.0) - truth.get(k, 0.0)) for k in {*weights, *truth}), default=0.0)
                    yield {"family": name, "size": size, "dtype": dtype, "parents_stored": stored, "kind": kind,
                           "truth": truth, "told": told.get("method", ""), "weights": weights, "off": round(off, 4)}  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    """Run every family and write the rows."""
    from tests.recipes.tiny import CONFIGS, tiny

    parser = argparse.ArgumentParser(prog="bench.narrow_merges", description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args(argv)
    rows: list[Row] = []
    for name in FAMILIES:
        wider = {key: TIMES * CONFIGS[name][key] for key in WIDE if isinstance(CONFIGS[name].get(key), int)}
        with TemporaryDirectory() as folder:
            rows += rows_of(name, tiny(name, Path(folder), **wider))
        merges, tuned = ([r for r in rows if (r["kind"] == "tuned") == of] for of in (False, True))
        body = {
            "machine": machine(), "rows": rows, "merges": len(merges), "named": sum(r["told"] == r["kind"] for r in merges),
            "silent": sum(not r["told"] for r in merges), "no_merge": len(tuned), "invented": sum(bool(r["told"]) for r in tuned),
        }  # fmt: skip
        write_json(given.output, body)
        print(name, {k: v for k, v in body.items() if k not in ("rows", "machine")}, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
