"""Rows of the LM head in place: further trained heads beside independent ones, turned as near as they come (decision 0063).

    python -m bench.head_rows --shape llama48 -o FILE

The figure that a report tells a head by: the cosine over the eight rows that are read, at places that follow from the number of
rows. For independents as they are, turned by the embedding's rotation, and turned by the rotation fitted to all rows of the head
or to those eight; and for further trained models, as they are.
"""

from __future__ import annotations

import argparse
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np

from bench.build import TRUTH
from bench.checkpoint import write_json
from bench.provenance import code, provenance
from bench.shapes import SHAPES
from forebear.comparison.findings.tensors import ROWS, figures_of
from forebear.core.spacing import evenly
from forebear.recipes.steps.draft import Draft
from forebear.recipes.steps.model import Model
from forebear.stats.gauge import polar

Rows = dict[str, list[float]]
SHARES = (0.0, 0.5, 1.0)


def seen(mine: Any, theirs: Any) -> float:
    """The cosine over the rows that are read of a head, as a report has it."""
    places = evenly(len(mine), ROWS)
    figures = figures_of(mine[places], theirs[places], centred=False)
    assert figures is not None
    return figures[0]


def independent(one: Draft, other: Draft) -> dict[str, float]:
    """One ordered pair of independents."""
    (mine, theirs), (words, others) = ([rows(d, head) for d in (one, other)] for head in (True, False))
    places = evenly(len(mine), ROWS)
    return {
        "independents, in place": seen(mine, theirs),
        "turned by the embedding's rotation": seen(mine @ polar(words, others), theirs),
        "turned by a rotation fitted to every row": seen(mine @ polar(mine, theirs), theirs),
        "turned by a rotation fitted to the rows that are read": seen(mine @ polar(mine[places], theirs[places]), theirs),
    }


def rows(draft: Draft, head: bool) -> Any:
    """Rows of the LM head or of the embedding as they are stored, (tokens, width)."""
    assert draft.parts.head is not None
    return np.asarray(draft.weight(draft.parts.head) if head else draft.arrays[draft.parts.embedding], dtype=np.float32)


def measured(shape: str, count: int) -> Rows:
    """Every figure of a shape by what it is of."""
    found: Rows = {}
    drafts = [Draft(Model.load(TRUTH / shape / f"independent-{n:03d}")) for n in range(count)]
    for one, other in permutations(drafts, 2):
        for what, value in independent(one, other).items():
            found.setdefault(what, []).append(value)
    for folder in sorted((TRUTH / shape).glob("further-*-other-*")):
        number, share = int(folder.name.split("-")[1]), folder.name.split("-")[-1]
        value = seen(*(rows(d, True) for d in (Draft(Model.load(folder)), drafts[number])))
        found.setdefault(f"further trained, {share}", []).append(value)
    return found


def main() -> None:
    """One shape, one document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", required=True, choices=sorted(n for n, s in SHAPES.items() if not s.tied))
    parser.add_argument("--models", type=int, default=6)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    found = measured(options.shape, options.models)
    head = provenance(options.shape, {"models": "as their numbers (bench/truth.py)"}, code())
    quantiles = {k: [round(float(q), 3) for q in np.quantile(v, SHARES)] + [len(v)] for k, v in found.items()}
    whole = {"schema": "forebear-bench/head-rows/1", **head, "smallest, middle, largest, number": quantiles, "rows": found}
    write_json(options.output, whole)
    for what, figures in quantiles.items():
        print(*figures, what)


if __name__ == "__main__":
    main()
