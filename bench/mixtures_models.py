"""Siblings for mixtures: a base of the truth sets trained further in several ways, and children trained after a merge."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

from bench.build import TRUTH
from bench.checkpoint import load, save
from bench.shapes import Floats, Shape
from bench.training import course, train
from bench.truth import base

SEEN = ("llama64", "gpt2-64")
"""Shapes on which thresholds were chosen (decision 0037)."""
HELD_OUT = ("qwen2-64", "moe-64")
"""Shapes that nothing was chosen on."""
SIBLINGS = 6
BASES = 2
TEXTS = ("other", "dirty", "main")
ORDER = 300
"""Orders of windows from here on: no other truth set has them."""
SHARES, RATE = (0.5, 1.0, 0.75), 0.3
"""Length of a sibling's training as a share of the base's, by turns, and its peak rate as a share of the base's."""
LIGHT_SHARE, LIGHT_RATE = 0.1, 0.05
"""Light further training of a merge: a tenth of the base's steps at a twentieth of its rate."""


@dataclass(frozen=True)
class Family:
    """One base and its siblings, as arrays; all are float32."""

    shape: Shape
    base: dict[str, Floats]
    siblings: tuple[dict[str, Floats], ...]


def sibling(root: Path, shape: str, of: int, number: int) -> Path:
    """A base trained further: texts by turns, order 300 + 10·base + number. Trained once, then kept."""
    folder = root / shape / f"sibling-{of}-{number}"
    if (folder / "record.json").is_file():
        return folder
    arrays, form = load(TRUTH / base(shape, of))
    plain = course(shape)
    chosen = course(
        shape, SHARES[number % 3], text=TEXTS[number % 3], order=ORDER + 10 * of + number, peak_rate=plain.peak_rate * RATE
    )
    trained, report = train(form, arrays, chosen)
    folder.parent.mkdir(parents=True, exist_ok=True)
    save(folder, trained, form, record={"text": chosen.text, "order": chosen.order, "loss": round(report.loss, 4)})
    return folder


GRAND = {"same": 0, "next": 1, "back": 2}
"""Text of a grandchild, counted on from its parent's: the same text, the next, the one after that."""


def grandchild(root: Path, shape: str, of: int, number: int, word: str) -> Path:
    """A sibling trained further, as long and as fast as its own training: the last link of a chain of three."""
    folder = root / shape / f"grandchild-{of}-{number}-{word}"
    if (folder / "record.json").is_file():
        return folder
    arrays, form = load(sibling(root, shape, of, number))
    plain, text = course(shape), TEXTS[(number + GRAND[word]) % 3]
    chosen = course(shape, 0.5, text=text, order=ORDER + 500 + 10 * of + number, peak_rate=plain.peak_rate * RATE)
    trained, report = train(form, arrays, chosen)
    save(folder, trained, form, record={"text": text, "order": chosen.order, "loss": round(report.loss, 4)})
    return folder


def family(root: Path, shape: str, of: int) -> Family:
    """A base and its siblings. Raises: FileNotFoundError where the truth set lacks the base."""
    arrays, form = load(TRUTH / base(shape, of))
    siblings = tuple(load(sibling(root, shape, of, number))[0] for number in range(SIBLINGS))
    return Family(form, arrays, siblings)


def lightly(arrays: dict[str, Floats], shape: str, form: Shape, order: int) -> dict[str, Floats]:
    """A model after light further training on the text "other", windows of an order of its own."""
    plain = course(shape)
    light = course(shape, LIGHT_SHARE, text="other", order=ORDER + 1000 + order, peak_rate=plain.peak_rate * LIGHT_RATE)
    return train(form, arrays, light)[0]


def main() -> None:
    """Train every sibling that is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--grandchildren", type=int, default=3, help="siblings of each base that get grandchildren")
    parser.add_argument("--shapes", nargs="*", default=[*SEEN, *HELD_OUT])
    chosen = parser.parse_args()
    for shape in chosen.shapes:
        for of in range(BASES):
            for number in range(SIBLINGS):
                folder = sibling(chosen.root, shape, of, number)
                print(shape, folder.name, json.loads((folder / "record.json").read_text("utf-8"))["loss"], flush=True)
            for number in range(chosen.grandchildren):
                for word in GRAND:
                    print(shape, grandchild(chosen.root, shape, of, number, word).name, flush=True)


if __name__ == "__main__":
    main()
