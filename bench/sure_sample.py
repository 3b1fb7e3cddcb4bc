"""What a sample of neurons in place shows of framed independents and of relatives (decision 0051).

    python -m bench.sure_sample --shape llama64 --pairs 20 -o FILE

Every independent aligned to a base by each aligner named, each sample drawn three times; beside them further trained relatives as
they are. Sizes below which a comparison measures all neurons anyway are passed over, so that the rule is put to every pair.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.build import TRUTH
from bench.checkpoint import kept_rows, replace_json
from bench.framed_cases import INDEPENDENT, RELATED, Case, aligned, independents, relatives
from bench.provenance import code, provenance
from bench.shapes import SHAPES
from forebear.comparison.reading.allowance import Allowance
from forebear.comparison.reading.folded import Side
from forebear.comparison.reading.norms import norm_rule
from forebear.comparison.reading.pair import Pair
from forebear.comparison.tests.strength_sample import by_sample, sure
from forebear.models.checkpoint import open_checkpoint

DRAWS = 3
CHEAP = ("permutation", "signs", "procrustes and assignment", "heads", "LM head", "joint")


def sampled(subject: Path, candidate: Path) -> list[dict[str, Any]]:
    """The sample of every draw: s, its least layer, the bound, and whether it would settle the pair."""
    sides = open_checkpoint(subject), open_checkpoint(candidate)
    rules = norm_rule(sides[0]), norm_rule(sides[1])
    assert rules[0] is not None
    assert rules[1] is not None
    cells = [(n, n) for n in range(min(side.layers for side in sides))]
    pair = Pair(*sides, Allowance(sides[0].container, sides[1].container, None))
    found = []
    for _ in range(DRAWS):
        sample = by_sample(pair, (Side(sides[0], rules[0]), Side(sides[1], rules[1])), cells)
        if sample is not None and sample.figures is not None:
            figures = sample.figures
            row = {"value": figures.value, "least": min(figures.by_layer), "bound": figures.ceiling, "drawn": figures.drawn}
            found.append(row | {"holds": sample.holds, "sure": sample.holds and sure(sample, len(cells))})
    for side in sides:
        side.close()
    return found


def cases(shape: str, pairs: int, each: int) -> Iterator[Case]:
    """Strangers as they are and aligned, then relatives as they are."""
    yield from independents(shape, pairs)
    yield from (c for c in aligned(shape, pairs, each) if c.stratum.removeprefix("framed, ") in CHEAP)
    yield from (c for c in relatives(shape) if c.stratum.endswith("plain"))


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """By stratum: pairs, the largest and least s of any draw, and how many pairs any draw would settle."""
    table = {}
    for stratum in dict.fromkeys(r["stratum"] for r in rows):
        own = [r for r in rows if r["stratum"] == stratum]
        values = [draw["value"] for r in own for draw in r["draws"]]
        table[stratum] = {
            "pairs": len(own), "value": [min(values), max(values)] if values else None,
            "sure": sum(any(draw["sure"] for draw in r["draws"]) for r in own),
        }  # fmt: skip
    settled = [r["name"] for r in rows if r["truth"] == INDEPENDENT and any(draw["sure"] for draw in r["draws"])]
    framed = sum(r["stratum"].startswith("framed") for r in rows)
    return {"strata": table, "framed": framed, "independents_settled": settled}


def main() -> None:
    """One shape, one document; rows are kept as they come."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", required=True, choices=sorted(SHAPES))
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--each", type=int, default=9)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    made_by, rows = code(), kept_rows(options.output)
    there = {row["name"] for row in rows}
    for case in cases(options.shape, options.pairs, options.each):
        if case.name in there or case.truth not in (INDEPENDENT, RELATED):
            continue
        with TemporaryDirectory() as folder:
            plain = case.name.endswith("-plain")
            subject = TRUTH / case.source if plain else case.make().save(Path(folder) / "subject")
            draws = sampled(subject, TRUTH / case.candidate)
        rows.append({"name": case.name, "stratum": case.stratum, "truth": case.truth, "draws": draws})
        print(case.name, [draw["value"] for draw in draws], file=sys.stderr, flush=True)
        head = provenance(options.shape, {"aligners": "the place of an independent among those of its shape"}, made_by)
        replace_json(options.output, {"schema": "forebear-bench/sure-sample/1", **head, "summary": summary(rows), "rows": rows})


if __name__ == "__main__":
    main()
