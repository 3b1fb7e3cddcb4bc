"""How far further training moves a model: the curve that `recipe` reads lengths off, and whether it holds on other shapes (0114).

    python -m bench.how_far -o bench/results/how-far.json
    python -m bench.how_far --fresh llama40 gpt2-48 -o FILE

Without --fresh: the truth set's further training. With it: one base of each shape named, trained for lengths most of which the
curve was not made of; each is asked whether its length lies in what is read off. Resumed where FILE has rows. No null hypothesis:
lengths are described.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from bench.build import machine
from bench.checkpoint import write_json
from bench.gauge import wilson
from bench.recipes import TRUTH, base
from bench.shapes import shape_of
from bench.truth import FURTHER
from forebear.recipes.detectors.how_far import lengths
from forebear.recipes.detectors.readings import everything
from forebear.recipes.detectors.side import Side
from forebear.recipes.detectors.sight import Sight
from forebear.recipes.detectors.trained import read_training
from forebear.recipes.replay.held import as_checkpoint
from forebear.recipes.steps.model import Model

FRESH = (0.5, 1.0, 2.0, 0.35, 1.4)
"""Lengths that decide decision 0114, in the order they are run."""
Row = dict[str, Any]


def change(subject: Model, candidate: Model) -> float:
    """||subject - candidate|| / ||candidate||, as the step of training states it."""
    sight = Sight(Side(as_checkpoint(subject)), Side(as_checkpoint(candidate)))
    return float(read_training(everything(sight))[0].found.parameters["change"])


def kept() -> list[Row]:
    """The truth set's further training, as it is built here."""
    rows = []
    for folder in sorted(TRUTH.glob("*/further-*")):
        shape, (_, number, text, word) = folder.parent.name, folder.name.split("-", 3)
        if word in FURTHER:
            moved = change(Model.load(folder), base(shape, int(number)))
            rows.append({"shape": shape, "base": int(number), "text": text, "length": FURTHER[word], "change": moved})
    return rows


def fresh(shape: str, length: float) -> Row:
    """A base trained further for a length on other text."""
    from bench.training import course, train

    model = base(shape, 0)
    start = {n: np.array(a, dtype=np.float32) for n, a in model.arrays.items()}
    arrays, _ = train(shape_of(dict(model.config)), start, course(shape, length, text="other", order=2))
    moved = change(Model(arrays, model.config), model)
    low, high = lengths(moved)
    inside = (low is None or low <= length) and (high is None or length <= high)
    return {"shape": shape, "length": length, "change": moved, "low": low, "high": high, "inside": inside}


def written(rows: list[Row], asked: bool) -> dict[str, Any]:
    """The file of results: the curve, or how often lengths lay inside."""
    body: dict[str, Any] = {"machine": machine(), "rows": rows}
    if asked:
        inside = sum(row["inside"] for row in rows)
        low, high = wilson(inside, len(rows))
        return {**body, "inside": inside, "of": len(rows), "interval": {"low": round(low, 4), "high": round(high, 4)}}
    every = {length: [row["change"] for row in rows if row["length"] == length] for length in FURTHER.values()}
    curve = [{"length": n, "least": min(c), "most": max(c), "runs": len(c)} for n, c in every.items()]
    return {**body, "curve": curve, "runs": len(rows), "shapes": len({row["shape"] for row in rows})}


def main(argv: list[str] | None = None) -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="bench.how_far", description=__doc__)
    parser.add_argument("--fresh", nargs="*", default=[])
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args(argv)
    if not given.fresh:
        write_json(given.output, written(kept(), False))
        return 0
    rows = json.loads(given.output.read_text())["rows"] if given.output.exists() else []
    for length in FRESH:
        for shape in given.fresh:
            if not any(row["shape"] == shape and row["length"] == length for row in rows):
                rows.append(fresh(shape, length))
                write_json(given.output, written(rows, True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
