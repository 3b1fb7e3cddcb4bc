"""Adapters merged into weights that are then stored as BF16 or F16: whether `recipe` tells rank and parts (decision 0143).

    python -m bench.low_rank_stored -o bench/results/low-rank-stored.json

Every family of tests/recipes/tiny.py, four times as wide, every parameter random: no such operation was drawn on them.
Half of the adapters have singular values that fall evenly to a tenth, as trained ones do: of these the rank may be a quarter off.
No null hypothesis: names are counted.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bench.build import machine
from bench.checkpoint import write_json
from bench.gauge import wilson
from bench.recipes import Row, asked
from forebear.core.errors import RefusedError
from forebear.core.seeds import generator
from forebear.recipes.steps.draft import Draft
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.registry import apply

TIMES = 4
WIDE = ("hidden_size", "intermediate_size", "n_embd", "ffn_dim", "word_embed_proj_dim", "moe_intermediate_size",
        "shared_expert_intermediate_size", "head_dim", "vocab_size")  # fmt: skip
GIVEN = ((2, 0.08, "qv"), (5, 0.01, "qkvogud"), (5, 0.003, "qkvo"), (12, 0.01, "gud"))


def falling(model: Model, rank: int, size: float, parts: str) -> Model:
    """A change whose singular values fall evenly to a tenth, where `low-rank-merged` puts one whose are alike."""
    whole, rng = apply("low-rank-merged", model, 1, rank=rank, size=size, parts=parts), generator("bench/low-rank-stored", rank)
    draft = Draft(model)
    for name, values in whole.arrays.items():
        old = model.arrays[name]
        if not np.array_equal(values, old):
            left, right = (np.linalg.qr(rng.standard_normal((n, rank)))[0] for n in old.shape)
            change = (left * np.geomspace(1, 0.1, rank)) @ right.T
            draft.set_vector(name, old + change * (np.linalg.norm(values - old) / np.linalg.norm(change)))
    return draft.finish()


def row(base: Model, dtype: str, same: bool, given: tuple[int, float, str], falls: bool) -> Row | None:
    """One merge and what is told of it; None where the step cannot be done to the family."""
    rank, size, parts = given
    try:
        changed = (falling if falls else merged)(base, rank, size, parts)
    except RefusedError:
        return None
    candidate = apply("resaved", base, 1, dtype=dtype) if same else base
    steps, left = asked(apply("resaved", changed, 1, dtype=dtype), candidate)
    told = [step for step in steps if step["op"] != "resaved"]
    named = [step["op"] for step in told] == ["low-rank-merged"]
    off = abs(int(told[0]["parameters"]["rank"]) - rank) if named else None
    exact = named and off is not None and off <= (rank / 4 if falls else 0)
    said = [{"op": s["op"], "rank": s["parameters"].get("rank")} for s in steps]
    return {"dtype": dtype, "same": same, "rank": rank, "size": size, "parts": parts, "falls": falls, "named": named,
            "exact": exact, "told": said, "left": left}  # fmt: skip


def merged(base: Model, rank: int, size: float, parts: str) -> Model:
    """The forward step."""
    return apply("low-rank-merged", base, "bench/low-rank-stored", rank=rank, size=size, parts=parts)


def main(argv: list[str] | None = None) -> int:
    """Run every family and write the rows."""
    from tests.recipes.tiny import CONFIGS, tiny

    parser = argparse.ArgumentParser(prog="bench.low_rank_stored", description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args(argv)
    rows: list[Row] = []
    for name, settings in CONFIGS.items():
        wider: dict[str, Any] = {key: TIMES * settings[key] for key in WIDE if isinstance(settings.get(key), int)}
        with TemporaryDirectory() as folder:
            base = tiny(name, Path(folder), **wider)
        for at, how in enumerate(GIVEN):
            for dtype in ("BF16", "F16"):
                found = row(base, dtype, bool(at % 2), how, dtype == "BF16" if at > 1 else dtype == "F16")
                rows += [{"family": name, **found}] if found else []
        print(name, sum(r["exact"] for r in rows), len(rows), flush=True)
    exact = sum(r["exact"] for r in rows)
    body = {"machine": machine(), "rows": rows, "named": sum(r["named"] for r in rows), "exact": exact, "of": len(rows)}
    write_json(given.output, {**body, "wilson": wilson(exact, len(rows))})
    return 0


if __name__ == "__main__":
    sys.exit(main())
