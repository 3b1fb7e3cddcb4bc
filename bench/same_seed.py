"""Rewritten pairs of one seed beside rewritten descendants: the first must not be called related, the second must (METHODS §1, §9).

    python -m bench.same_seed --shape qwen2-96 --commit COMMIT -o FILE

Every same-seed pair and every further trained model of the shape is rewritten three times by each rewriting and compared by the
verb.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import forebear
from bench.build import TRUTH, machine
from bench.checkpoint import write_json
from bench.null import ACCUSATIONS
from bench.truth import RELATED, SHARED_START, Pair, pairs
from forebear.recipes.steps.compose import reparameterise
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.registry import apply

REWRITINGS = ("residual-permutation", "all moves")
SEEDS = (0, 1, 2)


def asked(shape: str, root: Path = TRUTH) -> Iterator[Pair]:
    """Pairs of one seed and pairs further trained that have been built."""
    for pair in pairs(shape):
        there = all((root / m / "record.json").exists() for m in (pair.subject, pair.candidate))
        if there and (pair.truth == SHARED_START or (pair.truth == RELATED and pair.stratum.startswith("further"))):
            yield pair


def row(pair: Pair, rewriting: str, seed: int, root: Path = TRUTH) -> dict[str, Any]:
    """The subject rewritten and compared; what told a start from training."""
    model = Model.load(root / pair.subject)
    moved = reparameterise(model, seed) if rewriting == "all moves" else apply(rewriting, model, seed)
    with TemporaryDirectory() as scratch:
        document = forebear.compare(moved.save(Path(scratch) / "moved"), root / pair.candidate)
    start: dict[str, Any] = next(
        (dict(e) for e in document["evidence"] if e["test"] == "shared-start" and e.get("gauge")), {}
    )
    made = {
        "subject": pair.subject, "candidate": pair.candidate, "truth": pair.truth, "further": pair.further,
        "rewriting": rewriting, "seed": seed, "relation": document["verdict"]["relation"],
        "gains": start.get("rho"), "crossed": start.get("crossed"), "decision": start.get("decision"),
    }  # fmt: skip
    print(made["subject"], rewriting, seed, made["relation"], file=sys.stderr, flush=True)
    return made


def document(shape: str, commit: str) -> dict[str, Any]:
    """All rows of a shape, and how many of either truth were called related."""
    rows = [row(p, rewriting, seed) for p in asked(shape) for rewriting in REWRITINGS for seed in SEEDS]
    called = Counter((r["truth"], r["relation"] in ACCUSATIONS) for r in rows)
    return {
        "schema": "forebear-bench/same-seed/1",
        "shape": shape,
        "commit": commit,
        "machine": machine(),
        "one_seed_called_related": f"{called[SHARED_START, True]} of {called[SHARED_START, True] + called[SHARED_START, False]}",
        "descendants_found": f"{called[RELATED, True]} of {called[RELATED, True] + called[RELATED, False]}",
        "rows": rows,
    }


def main() -> None:
    """One shape, one document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", required=True)
    parser.add_argument("--commit", required=True, help="of the code that runs")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    write_json(options.output, document(options.shape, options.commit))


if __name__ == "__main__":
    main()
