"""The verdict on models in other layouts: relatives are found as they are without, strangers stay strangers (METHODS §10, §17).

    python -m bench.layouts --shapes llama64 moe-64 --dresses seen --strangers 2 -o FILE

Each pair is compared plain, with the subject dressed, and with both: a copy, one trained further, a copy rewritten by every move
that leaves the outputs as they are; strangers, and strangers brought as near as the joint aligner brings them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import forebear
from bench.build import TRUTH
from bench.checkpoint import write_json
from bench.framed_align import framed
from bench.framed_verb import ACCUSES
from bench.hostile_names import DRESSES, dressed, fits
from bench.layout_dresses import SEEN
from bench.layout_held import HELD
from bench.provenance import code, provenance
from forebear.recipes.steps.compose import reparameterise
from forebear.recipes.steps.model import Model

FOUND = ("identical", "related")
SETS = {"seen": SEEN, "held": HELD}


@cache
def model(place: Path) -> Model:
    """A model of a truth set."""
    return Model.load(place)


def independents(shape: str, root: Path) -> list[Path]:
    """Models of a shape that share nothing; the first is the candidate of every pair."""
    return sorted(p for p in (root / shape).glob("independent-*") if (p / "record.json").exists())


def subjects(shape: str, strangers: int, root: Path) -> Iterator[tuple[str, bool, Model]]:
    """(what, whether it shares weights with the first model of the shape, model)."""
    there = independents(shape, root)
    first = model(there[0])
    yield "copy", True, first
    further = root / shape / f"further-{int(there[0].name[-3:])}-other-one"
    if further.exists():
        yield "further", True, model(further)
    yield "permuted", True, reparameterise(first, 3, "permutations")
    yield "rewritten", True, reparameterise(first, 5)
    for n, own in enumerate(there[1 : 1 + strangers]):
        stranger = model(own)
        yield f"stranger {n}", False, stranger
        yield f"framed {n}", False, framed(stranger, first, "joint", n)


def saved(made: Model, word: str, folder: Path) -> Path:
    """A model in a dress ("" for none), written."""
    arrays, config = (made.arrays, made.config) if not word else dressed(word, made.arrays, made.config)
    return Model(arrays, config, made.tokenizer if config else None).save(folder)


def rows(shape: str, words: list[str], strangers: int, kinds: Sequence[str], root: Path) -> Iterator[dict[str, Any]]:
    """One row a pair and layout. kinds: first words of what is compared."""
    first = model(independents(shape, root)[0])
    for what, related, subject in subjects(shape, strangers, root):
        for word in ("", *words) if what.split()[0] in kinds else ():
            for both in (False, True) if word else (False,):
                with TemporaryDirectory() as place:
                    one = saved(subject, word, Path(place) / "subject")
                    other = saved(first, word if both else "", Path(place) / "candidate")
                    began = time.process_time()
                    document = forebear.compare(one, other)
                verdict = document["verdict"]
                strength: dict[str, Any] = next((e for e in document["evidence"] if e["test"] == "strength"), {})
                yield {
                    "shape": shape, "what": what, "related": related, "dress": word, "both": both,
                    "relation": verdict["relation"], "log10_p": verdict["log10_p"], "ratio": strength.get("ratio"),
                    "right": verdict["relation"] in FOUND if related else verdict["relation"] not in ACCUSES,
                    "seconds": round(time.process_time() - began, 2),
                }  # fmt: skip


def main() -> None:
    """Measure, write after every shape."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", nargs="+", required=True)
    parser.add_argument("--dresses", nargs="+", default=["seen"])
    parser.add_argument("--root", type=Path, default=TRUTH)
    parser.add_argument("--strangers", type=int, default=2)
    parser.add_argument(
        "--kinds", nargs="+", default=["copy", "further", "permuted", "rewritten", "stranger", "framed"]
    )
    parser.add_argument("-o", "--output", type=Path, required=True)
    asked = parser.parse_args()
    named = [w for word in asked.dresses for w in SETS.get(word, (word,))]
    found: list[dict[str, Any]] = []
    began = code()
    for shape in asked.shapes:
        kind = model(independents(shape, asked.root)[0]).config["model_type"]
        for row in rows(
            shape, [w for w in named if w in DRESSES and fits(w, kind)], asked.strangers, asked.kinds, asked.root
        ):
            found.append(row)
            print({k: v for k, v in row.items() if k not in ("seconds",)}, flush=True)
        seeds = {"aligner": "the stranger's number", "rewritten": "5", "permuted": "3"}
        made = provenance("+".join(asked.shapes), seeds, began)
        write_json(asked.output, {"rows": found, "summary": summary(found), "provenance": made})


def summary(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Found of related, accused of strangers, by dress and whether both sides wear it."""
    out: dict[str, Any] = {}
    for row in found:
        key = row["dress"] + (", both sides" if row["both"] else "")
        one = out.setdefault(key, {"related": 0, "found": 0, "strangers": 0, "accused": 0})
        one["related" if row["related"] else "strangers"] += 1
        one["found"] += row["related"] and row["right"]
        one["accused"] += not row["related"] and not row["right"]
    return out


if __name__ == "__main__":
    main()
