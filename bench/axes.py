"""Null audit of the axes that decide nothing yet: heads, KV groups, experts (METHODS §13, decision 0021).

    python -m bench.axes --models 6 -o FILE

Independents of three families, with as many heads and experts as the order of few units needs, from other seeds on one text in one
order; every pair of them, on the plain layer map and on maps shifted by one to three layers (a shuffle more for each). Beside them
the first model of each family framed by the aligners: what an aligner brings about is counted, not judged.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

import forebear
from bench.audit import levels, share_words
from bench.build import machine
from bench.checkpoint import save, write_json
from bench.corpus import WORK
from bench.framed_align import framed
from bench.shapes import SHAPES, Shape, initial
from bench.training import course, single_thread, train
from forebear.comparison.reading.allowance import Allowance
from forebear.comparison.reading.layers import LayerMap
from forebear.comparison.reading.pair import Pair
from forebear.comparison.tests.further import further_axes
from forebear.models.checkpoint import open_checkpoint
from forebear.recipes.steps.model import Model

MADE = WORK / "axes"
FAMILIES: dict[str, Shape] = {
    "llama64": SHAPES["llama64"].sized(heads=8, kv_heads=4),
    "gpt2-64": SHAPES["gpt2-64"].sized(heads=8, kv_heads=8),
    "moe-64": SHAPES["moe-64"].sized(heads=8, kv_heads=4, experts=8, neurons=56),
}
FIRST_SEED = 21_000
SHIFTS = 4
ALIGNERS = ("permutation", "signs", "procrustes and assignment", "heads", "joint")
VERDICT = -9.0


def made(family: str, count: int) -> list[Path]:
    """Folders of independents; what is there is not made again."""
    folders = [MADE / f"{family}-{k}" for k in range(count)]
    for k, folder in enumerate(folders):
        if not (folder / "model.safetensors").exists():
            shape = FAMILIES[family]
            arrays, report = train(shape, initial(shape, FIRST_SEED + k), course(family))
            save(folder, arrays, shape)
            print(f"{folder.name}: loss {report.loss:.3f}, good {report.good}", file=sys.stderr)
    return folders


def rows_of(subject: Path, candidate: Path, shift: int) -> Iterator[dict[str, Any]]:
    """What every further axis shows on a map of layers fixed in advance, each layer used once."""
    sides = open_checkpoint(subject), open_checkpoint(candidate)
    count = sides[0].layers
    cells = tuple((k, (k + shift) % count) for k in range(count))
    plain = LayerMap(cells, np.zeros((count, count)), 1.0, False, {}, 2 * float(np.log10(count)), 0.0, 1)
    pair = Pair(*sides, Allowance(sides[0].container, sides[1].container, None))
    for e in further_axes(pair, plain, full=False):
        yield {"test": e.test, "axis": e.axis.value, "log10_p": e.log10_p, "matched": e.matched, "of": e.of,
               "withheld": bool(e.withheld)}  # fmt: skip
    for side in sides:
        side.close()


def summary(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """By test and axis: the share below each level, the worst, how many at the level of a verdict."""
    rows = list(rows)
    found = []
    for test, axis in dict.fromkeys((r["test"], r["axis"]) for r in rows):
        own = [r for r in rows if (r["test"], r["axis"]) == (test, axis)]
        p = np.array([r["log10_p"] for r in own])
        at = levels(p)
        found.append({
            "test": test, "axis": axis, "pairs": len(own), "worst": round(float(p.min()), 3), "levels": at,
            "alarm": any(level["alarm"] for level in at),
            "at_the_level_of_a_verdict": share_words(int((p <= VERDICT).sum()), len(own)),
            "withheld": sum(r["withheld"] for r in own),
        })  # fmt: skip
    return found


def audited(family: str, count: int) -> dict[str, Any]:
    """Independents of a family, and one of them framed towards each of two others."""
    folders = made(family, count)
    apart = [r for a, b in combinations(folders, 2) for shift in range(SHIFTS) for r in rows_of(a, b, shift)]
    aligned: list[dict[str, Any]] = []
    relations: dict[str, list[str]] = {}
    for how in ALIGNERS:
        for seed, (own, other) in enumerate(((1, 0), (2, 0))):
            place = MADE / "framed" / f"{family}-{how.replace(' ', '-')}-{seed}"
            if not (place / "model.safetensors").exists():
                framed(Model.load(folders[own]), Model.load(folders[other]), how, seed).save(place)
            aligned += [r | {"aligner": how} for r in rows_of(place, folders[other], 0)]
            relations.setdefault(how, []).append(forebear.compare(place, folders[other])["verdict"]["relation"])
    kept = ("test", "axis", "pairs", "worst", "at_the_level_of_a_verdict")
    by_aligner = {
        how: [{k: row[k] for k in kept} for row in summary(r for r in aligned if r["aligner"] == how)] for how in ALIGNERS
    }
    return {"models": count, "independents": summary(apart), "framed": by_aligner, "relations_of_framed": relations}


def main(arguments: Sequence[str]) -> int:
    """Audit the families that are named."""
    parser = argparse.ArgumentParser(prog="python -m bench.axes")
    parser.add_argument("--family", action="append", choices=list(FAMILIES))
    parser.add_argument("--models", type=int, default=6)
    parser.add_argument("-o", type=Path, required=True)
    asked = parser.parse_args(arguments)
    single_thread()
    document: dict[str, Any] = {"schema": "forebear-bench/axes/1", "machine": machine(), "families": {}}
    if asked.o.exists():
        document["families"] = json.loads(asked.o.read_text("utf-8"))["families"]
    for family in asked.family or FAMILIES:
        document["families"][family] = audited(family, asked.models)
        write_json(asked.o, document)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
