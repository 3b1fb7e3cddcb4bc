"""Do resampled screens match the measured ones they are drawn from? Quantiles of what a search sees, and their picture."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.library import RESULTS, Known
from forebear.core.seeds import generator
from forebear.library.figures import screen_figure

LEVELS = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999)
PAIRS = 20_000
SIDE, EDGE = 300, 40


def alike(pool: Sequence[Known], blocks: Sequence[NDArray[Any]]) -> dict[str, Any]:
    """Quantiles side by side: z of pairs, effective dimension and length of a screen, agreement of anchor codes within a shape.

    Measured pairs are of independents in the coordinates of their training, where dependence would show.
    """
    records = np.concatenate(list(blocks))
    own = [k for k in pool if k.name.split("/")[-1].startswith("independent") and "moved" not in k.name]
    rng = generator("bench/library/alike", "pairs")
    screens = [k.one.arrays["screen"][0] for k in own]
    drawn = rng.integers(len(records), size=(PAIRS // 4, 2))
    everyone = np.stack([k.one.arrays["screen"][0] for k in pool])
    measured = {
        "z of pairs": [screen_figure(a, b).z for a, b in islice(combinations(screens, 2), PAIRS)],
        "effective dimension": _effective(everyone), "length of a screen": np.linalg.norm(everyone.astype(float), axis=1),
        "agreement of anchor codes": _agreements(np.stack([k.one.arrays["anchors"][0] for k in own])),
    }  # fmt: skip
    made = {
        "z of pairs": [screen_figure(records["screen"][a], records["screen"][b]).z for a, b in drawn if a != b],
        "effective dimension": _effective(records["screen"]), "length of a screen": records["norm"],
        "agreement of anchor codes": _agreements(records["anchors"][:400]),
    }  # fmt: skip
    return {
        word: {"measured": _quantiles(measured[word]), "resampled": _quantiles(made[word]), "levels": list(LEVELS),
               "counts": [len(measured[word]), len(made[word])]}
        for word in measured
    }  # fmt: skip


def _effective(screens: NDArray[Any]) -> NDArray[Any]:
    square = screens.astype(np.float64) ** 2
    return np.asarray(
        np.minimum(3 * square.sum(axis=1) ** 2 / np.maximum((square**2).sum(axis=1), 1e-9), (square > 0).sum(axis=1))
    )


def _agreements(codes: NDArray[Any]) -> NDArray[Any]:
    some = 2.0 * np.unpackbits(codes[codes.any(axis=1)].view(np.uint8), axis=1) - 1.0
    some /= np.linalg.norm(some, axis=1, keepdims=True)
    return np.asarray((some @ some.T)[np.triu_indices(len(some), 1)])


def _quantiles(values: Any) -> list[float]:
    return [round(float(value), 4) for value in np.quantile(np.asarray(values, dtype=np.float64), LEVELS)]


def picture(name: str, match: dict[str, Any]) -> None:
    """Quantile against quantile, a square for each figure; on the diagonal they match."""
    width = (SIDE + EDGE) * len(match) + EDGE
    height = SIDE + 3 * EDGE
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
             f'<rect width="{width}" height="{height}" fill="white"/>']  # fmt: skip
    for number, (word, row) in enumerate(match.items()):
        low, high = min(*row["measured"], *row["resampled"]), max(*row["measured"], *row["resampled"])
        left, scale = EDGE + number * (SIDE + EDGE), SIDE / ((high - low) or 1)
        lines += [
            f'<rect x="{left}" y="{EDGE}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#999"/>',
            f'<line x1="{left}" y1="{EDGE + SIDE}" x2="{left + SIDE}" y2="{EDGE}" stroke="#bbb"/>',
            f'<text x="{left}" y="{EDGE - 12}">{word}, {low:.3g} to {high:.3g}</text>',
            f'<text x="{left}" y="{EDGE + SIDE + 20}">across {row["counts"][0]} measured, up {row["counts"][1]} resampled</text>',
        ]
        for level, x, y in zip(LEVELS, row["measured"], row["resampled"], strict=True):
            at = f'cx="{left + (x - low) * scale:.1f}" cy="{EDGE + SIDE - (y - low) * scale:.1f}"'
            lines.append(f'<circle {at} r="4" fill="#1f5fa8">'
                         f"<title>{level:.1%}: {x} measured, {y} resampled</title></circle>")  # fmt: skip
    (RESULTS / f"{name}.svg").write_text("\n".join([*lines, "</svg>", ""]), "utf-8")
