"""Screens on models of known truth: what strangers' figures are, and how far kin stand out from them.

    python -m bench.library_screens --shape llama64 --shape gpt2-64 [--set NAME] [--strangers]

Results: bench/results/library-screens-*.json. Null hypothesis and assumption: decision 0040; whether they hold: decision 0069.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import combinations
from statistics import NormalDist
from typing import Any

import numpy as np

from bench.library import Known, folders, write
from bench.library_kin import prints_of
from bench.library_measured import independents, print_of
from bench.provenance import code
from bench.shapes import SHAPES
from forebear.core.seeds import generator
from forebear.library.figures import screen_figure

AGAIN = 400
"""Draws of as many models with replacement, for how far the spread of z may lie from what was seen: pairs share models."""


def strangers_figures(known: Sequence[Known]) -> dict[str, Any]:
    """z of the screens of every two strangers: of one shape, of two shapes, of all, and of each shape by itself.

    Models of two families whose starts were drawn from one seed share random numbers: they are no strangers, and stand apart.
    """
    z = np.zeros((len(known), len(known)))
    for i, j in combinations(range(len(known)), 2):
        z[i, j] = z[j, i] = screen_figure(known[i].one.arrays["screen"][0], known[j].one.arrays["screen"][0]).z
    shapes, names = (np.array(side) for side in zip(*(k.name.rsplit("/", 1) for k in known), strict=True))
    same = shapes[:, None] == shapes[None, :]
    drawn = np.array([shape not in SHAPES for shape in shapes])  # by bench.family_audit, whose seeds follow the number alone
    seed = ~same & (names[:, None] == names[None, :]) & drawn[:, None] & drawn[None, :]
    out = {"all": spread(z, ~seed), "one shape": spread(z, same), "two shapes": spread(z, ~same & ~seed)}
    if seed.any():
        out |= {"one seed, two families": spread(z, seed), "all, those of one seed with them": spread(z, np.ones_like(same))}
    for shape in np.unique(shapes):
        out[str(shape)] = spread(z, (shapes == shape)[:, None] & same)
    return out


def spread(z: np.ndarray[Any, Any], asked: np.ndarray[Any, Any]) -> dict[str, Any]:
    """How z of the pairs asked for is spread, beside a normal number's. Shapes: z, asked (n, n), both symmetric."""
    upper = np.triu(asked, 1)
    some = z[upper]
    if len(some) < 2:
        return {"pairs": len(some)}
    rng = generator("bench/library/spread", str(len(some)))
    again = []
    for _ in range(AGAIN):
        drawn = rng.integers(len(z), size=len(z))
        chosen = np.triu(asked[np.ix_(drawn, drawn)] & (drawn[:, None] != drawn[None, :]), 1)
        if chosen.sum() > 1:
            again.append(float(z[np.ix_(drawn, drawn)][chosen].std()))
    levels = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)
    return {
        "pairs": len(some), "models": int(upper.any(axis=0).sum() + (upper.any(axis=1) & ~upper.any(axis=0)).sum()),
        "z_mean": round(float(some.mean()), 4), "z_sd": round(float(some.std()), 4),
        "z_sd_at_most": round(float(np.quantile(again, 0.975)), 4) if again else None,
        "z_largest": round(float(some.max()), 3), "z_smallest": round(float(some.min()), 3),
        "fourth_moment": round(float(np.mean((some - some.mean()) ** 4) / some.var() ** 2), 3),
        "quantiles": {str(q): [round(float(np.quantile(some, q)), 3), round(NormalDist().inv_cdf(q), 3)] for q in levels},
    }  # fmt: skip


def kin_figures(shapes: Sequence[str]) -> list[dict[str, Any]]:
    """The figure of every derived model against its base."""
    rows = []
    for shape in shapes:
        built = {path.name: path for path in folders(shape)}
        for kin, one in prints_of(shape, built):
            base = print_of(f"{shape}/{kin.base}", built[kin.base])
            figure = screen_figure(one.arrays["screen"][0], base.arrays["screen"][0])
            shared = len(
                set(one.arrays["digests"].reshape(-1).tolist()) & set(base.arrays["digests"].reshape(-1).tolist())
            )
            a, b = (p.arrays["anchors"][0].astype(float) for p in (one, base))
            agree = float(a @ b / max(1e-9, np.linalg.norm(a) * np.linalg.norm(b)))
            rows.append({"shape": shape, "base": kin.base, "kin": kin.name, "form": kin.form, "cosine": round(figure.cosine, 3),
                         "z": round(figure.z, 2), "shared_tensors": shared, "anchors": round(agree, 3)})  # fmt: skip
    return rows


def main(words: list[str] | None = None) -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser("python -m bench.library_screens", description=__doc__)
    parser.add_argument("--shape", action="append", required=True)
    parser.add_argument("--set", default="seen", help="name of the set, for the name of the result")
    parser.add_argument("--strangers", action="store_true", help="strangers only")
    options = parser.parse_args(words)
    stated = code()
    body = {"shapes": options.shape, "strangers": strangers_figures(independents(options.shape)),
            "kin": [] if options.strangers else kin_figures(options.shape)}  # fmt: skip
    write(f"library-screens-{options.set}", body, stated)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
