"""Models that only the gauge measurements need: twenty seeds trained further, and chains of rewriting, growing, training.

    python -m bench.gauge_models [--only WORD]

Each is made once, under the bench's work folder, from the independents of the truth set; a kill costs one model.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.build import TRUTH
from bench.checkpoint import load, save
from bench.corpus import WORK
from bench.training import course, train
from forebear.recipes.steps.compose import reparameterise
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.registry import apply

MADE = WORK / "gauge-models"
SHAPE = "llama64"
SEEDS = range(20)
AMOUNTS = {"one": 1.0, "two": 2.0, "four": 4.0}
ALL_MOVES = "all moves"
"""Word for every output-preserving move, beside the names of steps."""
Step = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Made:
    """One model: steps done to a base, then training on other text. share: of the base's compute."""

    name: str
    base: int
    share: float
    before: tuple[Step, ...] = ()
    text: str = "other"

    @property
    def folder(self) -> Path:
        return MADE / self.name

    @property
    def parent(self) -> Path:
        return TRUTH / SHAPE / f"independent-{self.base:03d}"


EXPERTS: Step = ("dense-to-moe", {"experts": 8, "noise": 0.01})


def models() -> Iterator[Made]:
    """Rewritten then trained four times; eight experts then trained once and four times; seeds once, twice, four times."""
    for n in range(6):
        yield Made(f"rewritten-{n}-four", n, 4.0, ((ALL_MOVES, {}),))
    for n in range(3):
        yield Made(f"eight-experts-{n}-one", n, 1.0, (EXPERTS,))
    for amount, share in AMOUNTS.items():
        for n in SEEDS:
            yield Made(f"further-{n}-{amount}", n, share)


def steps_done(model: Model, steps: Sequence[Step], seed: str) -> Model:
    """The model after named steps, one after the other, each with its own randomness."""
    for place, (name, parameters) in enumerate(steps):
        key = f"{seed}/{place}"
        model = reparameterise(model, key) if name == ALL_MOVES else apply(name, model, key, **parameters)
    return model


def make(made: Made) -> dict[str, Any]:
    """Trains one model and writes it with its record.

    Raises: FileNotFoundError if the base is not built.
    """
    with TemporaryDirectory() as scratch:
        start = made.parent
        if made.before:
            start = steps_done(Model.load(made.parent), made.before, made.name).save(Path(scratch) / "start")
        arrays, shape = load(start)
        arrays, report = train(shape, arrays, course(SHAPE, made.share, text=made.text, order=1))
    record = {"name": made.name, "base": made.base, "share": made.share, "loss": round(report.loss, 4),
              "good": report.good, "processor_seconds": round(report.seconds, 1)}  # fmt: skip
    made.folder.parent.mkdir(parents=True, exist_ok=True)
    save(made.folder, arrays, shape, record=record)
    return record


def main() -> int:
    """Makes what is missing, in order."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="names that contain this")
    only = parser.parse_args().only
    for made in models():
        if only in made.name and not (made.folder / "record.json").exists():
            began = time.perf_counter()
            print(made.name, make(made), round(time.perf_counter() - began, 1), file=sys.stderr, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
