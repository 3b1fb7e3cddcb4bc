"""Experts beside the MLPs of a dense model as they lie: what is found, and what strangers show (METHODS §9, decision 0062).

    python -m bench.upcycled --shape moe-48 --pairs 24 -o FILE

Mixtures whose experts are a dense model's MLPs; mixtures that share nothing with the dense model, as they are, either way round;
and the same turned towards the dense model by cooled partners, their outputs unchanged.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import forebear
from bench.build import TRUTH
from bench.framed_align import _whole, layers_of, start_rotation
from bench.framed_anneal import annealed
from bench.framed_cases import model
from bench.framed_verb import ACCUSES
from bench.parts_cases import DENSE, INDEPENDENT, PARTS, strangers, upcycled
from bench.provenance import provenance
from bench.rows import options_of, write_rows
from forebear.core.seeds import generator
from forebear.recipes.steps.draft import Draft, times
from forebear.recipes.steps.norms import fold_gains
from forebear.recipes.steps.orthogonal import rotation
from forebear.recipes.steps.residual import move_residual
from forebear.stats.joint import align

MADE = TRUTH.parent / "upcycled"
STARTS = 2
"""Drawn rotations that partners are cooled from, besides that of the embedding."""


@dataclass(frozen=True)
class Upcycled:
    """A subject beside its candidate."""

    name: str
    stratum: str
    truth: str
    subject: Callable[[], Path]
    candidate: Path


def turned(own: str, other: str, seed: int) -> Path:
    """A mixture whose residual stream is turned so that its experts lie as near to a dense model's MLPs as cooling brings them."""
    folder = MADE / f"{own}-for-{other}".replace("/", "-")
    if not (folder / "model.safetensors").exists():
        draft, target = Draft(model(own)), Draft(model(other))
        pairs = list(zip(layers_of(draft), layers_of(target), strict=True))
        rng = generator("bench/upcycled", seed)
        starts = [start_rotation(draft, target)]
        starts += [rotation(rng, draft.parts.width).astype("float32") for _ in range(STARTS)]
        tried = [search(pairs, start) for search in (align, annealed) for start in starts]
        turn = _whole(draft, max(tried, key=lambda found: found.pooled).rotation)
        fold_gains(draft)
        move_residual(draft, lambda values: times(values, turn))
        draft.finish().save(folder)
    return folder


def cases(shape: str, count: int) -> Iterator[Upcycled]:
    """What must be found, then strangers."""
    for case in upcycled(shape, count):
        yield Upcycled(case.name, case.stratum, PARTS, partial(getattr, case, "subject"), case.candidate)
    for seed, (own, other) in enumerate(strangers(shape, count, DENSE[shape])):
        here, there = TRUTH / own, TRUTH / other
        yield Upcycled(f"{own} on {other}", "independent", INDEPENDENT, partial(Path, here), there)
        yield Upcycled(f"{other} on {own}", "independent, the other way", INDEPENDENT, partial(Path, there), here)
        near = partial(turned, own, other, seed)
        yield Upcycled(f"{own} turned towards {other}", "independent, turned", INDEPENDENT, near, there)


def said(case: Upcycled) -> dict[str, Any]:
    """One row: the relation, what is named, how many neurons both views name alike and s / c."""
    subject, began = case.subject(), time.process_time()
    document = forebear.compare(subject, case.candidate)
    views: dict[str, Any] = next((e for e in document["evidence"] if e["test"] == "two-views"), {})
    strong: dict[str, Any] = next((e for e in document["evidence"] if e["test"] == "strength"), {})
    components = document["alignment"].get("components", ())
    named = [c["name"] for c in components if c["state"] == "shared" and c["name"] != "layers"]
    return {
        "name": case.name, "stratum": case.stratum, "truth": case.truth, "relation": document["verdict"]["relation"],
        "named": named, "matched": views.get("matched"), "of": views.get("of"), "ratio": strong.get("ratio"),
        "seconds": round(time.process_time() - began, 2),
    }  # fmt: skip


def document(shape: str, rows: Sequence[dict[str, Any]], made_by: dict[str, str]) -> dict[str, Any]:
    """Rows with their summary, and what they rest on."""
    strata: dict[str, Any] = {}
    for stratum in dict.fromkeys(r["stratum"] for r in rows):
        own = [r for r in rows if r["stratum"] == stratum]
        strata[stratum] = {
            "relations": {word: sum(r["relation"] == word for r in own) for word in sorted({r["relation"] for r in own})},
            "most_matched": max(r["matched"] or 0 for r in own), "of": max(r["of"] or 0 for r in own),
        }  # fmt: skip
    wrong = [r["name"] for r in rows if r["truth"] == PARTS and (r["relation"], r["named"]) != ("shares-components", ["experts"])]
    accused = [r["name"] for r in rows if r["truth"] == INDEPENDENT and r["relation"] in ACCUSES]
    seeds = {"models": "as their numbers (bench/truth.py)", "turns": "the place of a pair among those of its shape"}
    return {
        "schema": "forebear-bench/upcycled/1", **provenance(shape, seeds, made_by),
        "summary": {"strata": strata, "accused": accused, "not_named_rightly": wrong}, "rows": list(rows),
    }  # fmt: skip


def main() -> None:
    """One shape of mixtures, one document; rows are kept as they come."""
    parser = options_of(__doc__)
    parser.add_argument("--pairs", type=int, default=24)
    options = parser.parse_args()
    shown = ("relation", "named", "matched", "of", "ratio", "seconds", "name")
    write_rows(options, cases(options.shape, options.pairs), said, document, stream="bench/upcycled", shown=shown)


if __name__ == "__main__":
    main()
