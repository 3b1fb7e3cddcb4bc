"""Null audit of layouts that no family stores (decision 0118): strangers, as they are and aligned, plain and dressed.

    python -m bench.layout_null --shapes llama64 gpt2-64 --pairs 3 -o FILE

Layouts are chosen by what agrees best; so p may be smaller than plain by what the choice is multiplied with at the most, and
strength may not pass the factor. Every row is a pair of independents. Rows are written as they come.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product, zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import forebear
from bench.build import TRUTH
from bench.checkpoint import write_json
from bench.framed_align import framed
from bench.framed_cases import _moved
from bench.framed_verb import ACCUSES
from bench.hostile_names import DRESSES, fits
from bench.layouts import SETS, independents, model, saved
from bench.provenance import code, provenance
from forebear.core.documents import thaw
from forebear.recipes.steps.model import Model

ALIGN = ("heads", "joint", "procrustes and assignment", "signs")
"""Aligners, in turn over the pairs of a shape."""
SIDES = {"subject": (True, False), "candidate": (False, True), "both": (True, True)}


def pairs(shape: str, count: int, root: Path) -> Iterator[tuple[int, list[tuple[str, Model]], Model]]:
    """(number, the stranger aligned and as it is, candidate); other models in every pair as long as there are enough."""
    there = independents(shape, root)
    for n in range(count):
        one, other = model(there[(2 * n + 1) % len(there)]), model(there[2 * n % len(there)])
        how = ALIGN[n % len(ALIGN)]
        yield n, [(how, _moved(partial(framed, how=how, seed=n), one, other)), ("", one)], other


def rows(shape: str, words: Sequence[str], count: int, root: Path) -> Iterator[dict[str, Any]]:
    """One row a pair, layout and side that wears it, the plain pairs first; as it is, a stranger wears every other one."""
    for n, subjects, candidate in pairs(shape, count, root):
        plain = {how: _said(subject, candidate, "", "") for how, subject in subjects}
        for how, said in plain.items():
            yield {"shape": shape, "pair": n, "aligner": how, "dress": "", "sides": "", **said}
        for k, (word, side) in enumerate(product(words, SIDES)):
            for how, subject in subjects if k % 2 == n % 2 else subjects[:1]:
                yield {"shape": shape, "pair": n, "aligner": how, "dress": word, "sides": side,
                       **_said(subject, candidate, word, side), "plain_log10_p": plain[how]["log10_p"],
                       "plain_ratios": plain[how]["ratios"]}  # fmt: skip


def _said(subject: Model, candidate: Model, word: str, side: str) -> dict[str, Any]:
    wears = SIDES.get(side, (False, False))
    with TemporaryDirectory() as place:
        both = [saved(made, word if on else "", Path(place) / name)
                for made, on, name in ((subject, wears[0], "subject"), (candidate, wears[1], "candidate"))]  # fmt: skip
        began = time.process_time()
        document = forebear.compare(*both)
    evidence, words = document["evidence"], document["alignment"]["words"]
    strength = {e["axis"]: e for e in evidence if e["test"] == "strength"}
    return {
        "relation": document["verdict"]["relation"],
        "log10_p": document["verdict"]["log10_p"],
        "least_log10_p": min((e["log10_p"] for e in evidence if e.get("log10_p") is not None), default=None),
        "ratios": {axis: e.get("ratio") for axis, e in strength.items()},
        "strength": {axis: [e.get("value"), e.get("ceiling")] for axis, e in strength.items()},
        "layouts": _layouts(words),
        "accused": document["verdict"]["relation"] in ACCUSES,
        "seconds": round(time.process_time() - began, 2),
    }


def _layouts(words: Any) -> list[Any]:
    """What was read otherwise than the family stores."""
    return [thaw(w["values"]["what"]) for w in words if w["key"] == "refit.side"]


def main() -> None:
    """Measure shapes in turn, write after every row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", nargs="+", required=True)
    parser.add_argument("--dresses", nargs="+", default=["seen", "held"])
    parser.add_argument("--root", type=Path, default=TRUTH)
    parser.add_argument("--pairs", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path, required=True)
    asked = parser.parse_args()
    named = [w for word in asked.dresses for w in SETS.get(word, (word,))]
    began, found = code(), list[dict[str, Any]]()
    streams = []
    for shape in asked.shapes:
        kind = model(independents(shape, asked.root)[0]).config["model_type"]
        own = [w for w in named if w in DRESSES and fits(w, kind)]
        streams.append(rows(shape, own, asked.pairs, asked.root))
    made = provenance("+".join(asked.shapes), {"aligner": "the pair's number"}, began)
    for turn in zip_longest(*streams):
        for row in turn:
            if row is not None:
                found.append(row)
                print(
                    {k: row[k] for k in ("shape", "aligner", "dress", "sides", "relation", "log10_p", "ratios")},
                    flush=True,
                )
        write_json(
            asked.output,
            {"schema": "forebear-bench/layout-null/1", "summary": summary(found), "rows": found, "provenance": made},
        )


def summary(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Rows and accusations of dressed strangers, as they are and aligned; the largest s/c, dressed and plain."""
    out: dict[str, Any] = {}
    for kind in ("as they are", "aligned"):
        own = [r for r in found if bool(r["aligner"]) == (kind == "aligned")]
        for word, some in (("plain", [r for r in own if not r["dress"]]), ("dressed", [r for r in own if r["dress"]])):
            ratios = [v for r in some for v in r["ratios"].values() if v is not None]
            out[f"{kind}, {word}"] = {
                "rows": len(some), "accused": sum(r["accused"] for r in some), "largest_ratio": max(ratios, default=None),
                "read_otherwise": sum(bool(r["layouts"]) for r in some),
            }  # fmt: skip
    return out


if __name__ == "__main__":
    main()
