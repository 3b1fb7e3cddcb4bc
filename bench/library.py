"""Screens on models of known truth: what strangers' figures are, and whether kin are found among up to a million screens.

    python -m bench.library screens --shape llama64 --shape gpt2-64 [--set NAME]
    (bench.library_search and bench.library_cost measure search and cost)


Results: bench/results/library-*.json. Seeds are named where they are drawn.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench import library_kin
from bench.provenance import code
from forebear.core.errors import RefusedError
from forebear.library.figures import ScreenFigure, screen_figure
from forebear.library.fingerprint import fingerprint
from forebear.library.prints import Print

RESULTS = Path(__file__).parent / "results"
ROOTS = tuple(
    Path(word)
    for word in os.environ.get("FOREBEAR_BENCH_MODELS", str(Path(__file__).parent / "work" / "truth")).split(os.pathsep)
)
"""Folders with trained models, as `python -m bench build` leaves them; several with the path separator between."""
BESIDES = ("independent", "one-key", "cloned", "same-seed", "student", "svd-basis", "norm-sorted")


@dataclass(frozen=True)
class Known:
    """A measured print of a trained model. stranger: made from a seed of its own."""

    name: str
    one: Print
    stranger: bool


def folders(shape: str) -> Iterator[Path]:
    """Every model of a shape that has been built, by name."""
    found: dict[str, Path] = {}
    for root in ROOTS:
        for path in (root / shape).glob("*/model.safetensors"):
            found.setdefault(path.parent.name, path.parent)
    for name in sorted(found):
        yield found[name]


def measured(shapes: Sequence[str]) -> list[Known]:
    """Prints of every model of these shapes."""
    out = []
    for shape in shapes:
        for path in folders(shape):
            out.append(
                Known(f"{shape}/{path.name}", fingerprint(path, workers=1).one, path.name.startswith("independent"))
            )
    return out


def strangers_figures(known: Sequence[Known]) -> dict[str, Any]:
    """z of the screens of every two strangers of one shape, and of models of different shapes."""
    inside: list[ScreenFigure] = []
    across: list[ScreenFigure] = []
    strangers = [k for k in known if k.stranger]
    for i, a in enumerate(strangers):
        for b in strangers[i + 1 :]:
            figure = screen_figure(a.one.arrays["screen"][0], b.one.arrays["screen"][0])
            (inside if a.name.split("/")[0] == b.name.split("/")[0] else across).append(figure)
    out = {}
    for name, figures in (("one shape", inside), ("two shapes", across)):
        if not figures:
            continue
        z = np.array([f.z for f in figures])
        cosine = np.array([f.cosine for f in figures])
        levels = (0.5, 0.9, 0.99, 0.999)
        effective = float(np.median([f.effective for f in figures]))
        out[name] = {
            "pairs": len(z), "models": len(strangers),
            "z_mean": round(float(z.mean()), 4), "z_sd": round(float(z.std()), 4),
            "z_largest": round(float(z.max()), 3), "z_smallest": round(float(z.min()), 3),
            "effective": round(float(1 / np.mean(cosine**2)), 1), "figure_effective": round(effective, 1),
            "quantiles": {str(q): [round(float(np.quantile(z, q)), 3), round(_normal(q), 3)] for q in levels},
        }  # fmt: skip
    return out


def _normal(q: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(q)


def kin_figures(shapes: Sequence[str], folder: Path) -> list[dict[str, Any]]:
    """The figure of every derived model against its base."""
    rows = []
    for shape in shapes:
        built = {path.name: path for path in folders(shape)}
        prints: dict[str, Print] = {}
        for kin in library_kin.kin_of(shape, built, folder):
            base = prints.setdefault(kin.base, fingerprint(built[kin.base], workers=1).one)
            one = fingerprint(kin.folder, workers=1).one
            figure = screen_figure(one.arrays["screen"][0], base.arrays["screen"][0])
            shared = len(
                set(one.arrays["digests"].reshape(-1).tolist()) & set(base.arrays["digests"].reshape(-1).tolist())
            )
            a, b = (p.arrays["anchors"][0].astype(float) for p in (one, base))
            agree = float(a @ b / max(1e-9, np.linalg.norm(a) * np.linalg.norm(b)))
            rows.append({"shape": shape, "base": kin.base, "kin": kin.name, "form": kin.form, "cosine": round(figure.cosine, 3),
                         "z": round(figure.z, 2), "shared_tensors": shared, "anchors": round(agree, 3)})  # fmt: skip
    return rows


def screens(options: argparse.Namespace) -> dict[str, Any]:
    """Strangers' figures and kin's."""
    known = measured(options.shape)
    with tempfile.TemporaryDirectory() as folder:
        rows = kin_figures(options.shape, Path(folder)) if not options.strangers else []
    return {"shapes": options.shape, "strangers": strangers_figures(known), "kin": rows}


def write(name: str, body: dict[str, Any], stated: dict[str, str]) -> None:
    """A result with what it rests on."""
    document = {"code": stated, "result": body}
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", "utf-8")
    print(path)


def main(words: list[str] | None = None) -> int:
    """Run one part."""
    parser = argparse.ArgumentParser("python -m bench.library", description=__doc__)
    parser.add_argument("part", choices=("screens",))
    parser.add_argument("--shape", action="append", default=[])
    parser.add_argument("--set", default="seen", help="name of the set, for the name of the result")
    parser.add_argument("--strangers", action="store_true", help="strangers only")
    options = parser.parse_args(words)
    stated = code()
    write(f"library-{options.part}-{options.set}", {"screens": screens}[options.part](options), stated)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())


__all__ = ["RefusedError", "main"]
