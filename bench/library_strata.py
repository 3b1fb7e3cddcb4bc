"""Screens of strangers that share what is no copy: starts, spikes, outlier channels, one seed read into other shapes.

    python -m bench.library_strata --shape llama64 --models 12 --set NAME

Each stratum is the independents of a shape with the same disturbance put on all of them, so that every two are strangers that look
alike; "one seed" is drawn, since it is a matter of the draw. Null hypothesis and assumption: decision 0040.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.checkpoint import load, save
from bench.library import Known, folders, write
from bench.library_measured import KEPT, keep, print_of
from bench.provenance import code
from bench.shapes import SHAPES, Floats, parameters
from forebear.core.seeds import generator
from forebear.library.figures import screen_figure
from forebear.library.fingerprint import fingerprint
from forebear.library.prints import unpack

Disturbance = Callable[[str, NDArray[Any]], NDArray[Any]]
SIZE = 10.0
"""A shared start is so many times as large as what the matrix holds (root mean square of its values)."""


def _add(matrix: Callable[[int, int], NDArray[Any]]) -> Disturbance:
    def put(name: str, values: NDArray[Any]) -> NDArray[Any]:
        shared = matrix(*values.shape)
        scale = float(np.sqrt(np.mean(values**2)) / np.sqrt(np.mean(shared**2)))
        return np.asarray(values + SIZE * scale * shared)

    return put


def _hadamard(rows: int, columns: int) -> NDArray[Any]:
    size = 1 << (max(rows, columns) - 1).bit_length()
    at = np.arange(size)
    parity = np.bitwise_count(at[:rows, None] & at[None, :columns]) & 1
    return np.asarray(1.0 - 2.0 * parity)


def _outer(rank: int) -> Callable[[int, int], NDArray[Any]]:
    def matrix(rows: int, columns: int) -> NDArray[Any]:
        rng = generator("bench/library/strata", f"rank {rank} {rows} {columns}")
        return np.asarray(rng.normal(size=(rows, rank)) @ rng.normal(size=(rank, columns)))

    return matrix


def _channel_side(name: str, values: NDArray[Any], scale: NDArray[Any]) -> NDArray[Any]:
    """Values with their channels scaled. Writers of the residual stream have channels as rows (columns in gpt2)."""
    writes = any(word in name for word in ("o_proj", "down_proj", "w2", "c_proj"))
    rows = writes != ("c_" in name)
    return np.asarray(values * (scale[: values.shape[0], None] if rows else scale[None, : values.shape[1]]))


def _spiked(count: int) -> Disturbance:
    def put(name: str, values: NDArray[Any]) -> NDArray[Any]:
        scale = np.ones(max(values.shape))
        scale[5 : 5 + 7 * count : 7] = 30.0
        return _channel_side(name, values, scale)

    return put


def _one_sign(name: str, values: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.abs(values))


STRATA: dict[str, Disturbance] = {
    "identity start": _add(lambda rows, columns: np.eye(rows, columns)),
    "Hadamard start": _add(_hadamard),
    "rank one shared": _add(_outer(1)),
    "rank three shared": _add(_outer(3)),
    "one channel 30 times as large": _spiked(1),
    "four channels 30 times as large": _spiked(4),
    "no value below zero": _one_sign,
}


def disturbed(shape: str, count: int) -> Iterator[tuple[str, Known]]:
    """Prints of the first independents of a shape, in every stratum."""
    paths = [path for path in folders(shape) if path.name.startswith("independent")][:count]
    for word, put in STRATA.items():
        for path in paths:
            name = f"strata/{shape}/{word.replace(' ', '-')}/{path.name}"
            if not (KEPT / f"{name}.fbp").is_file():
                arrays, form = load(path)
                moved = {
                    key: put(key, value.astype(np.float64)).astype(np.float32)
                    if value.ndim == 2 and ("layers." in key or ".h." in key) else value
                    for key, value in arrays.items()
                }  # fmt: skip
                with tempfile.TemporaryDirectory() as target:
                    save(Path(target), moved, form)
                    keep(name, fingerprint(target, workers=1).one)
            yield word, Known(name, print_of(name, path), True)


def one_seed(count: int) -> Iterator[tuple[str, Known]]:
    """Starts of llamas of as many widths, every one drawn from the beginning of one stream of numbers."""
    for number in range(count):
        form = SHAPES["llama64"].sized(width=48 + 16 * number, neurons=128 + 32 * number, layers=3 + number % 3)
        rng = generator("bench/library/strata", "one seed")
        arrays: dict[str, Floats] = {
            key: rng.normal(0, 0.02, dims).astype(np.float32) if start in ("normal", "half", "out") else np.ones(dims, np.float32)
            for key, (dims, start) in parameters(form).items()
        }  # fmt: skip
        name = f"strata/one-seed/{form.width}"
        kept = KEPT / f"{name}.fbp"
        if not kept.is_file():
            with tempfile.TemporaryDirectory() as target:
                save(Path(target), arrays, form)
                keep(name, fingerprint(target, workers=1).one)
        yield "one seed, other widths", Known(name, unpack(kept.read_bytes(), name), True)


def kept_strata() -> dict[str, list[Known]]:
    """The prints of every stratum that was made, by its words."""
    found: dict[str, list[Known]] = {}
    for path in sorted((KEPT / "strata").rglob("*.fbp")):
        word = path.parent.name.replace("-", " ")
        found.setdefault(word, []).append(Known(f"{word}/{path.stem}", unpack(path.read_bytes(), str(path)), True))
    return found


def figures(known: Sequence[Known]) -> dict[str, Any]:
    """z of every two of a stratum. A model without a screen has none: how many is said."""
    there = [k.one.arrays["screen"][0] for k in known if k.one.arrays["screen"].any()]
    found = [screen_figure(a, b) for a, b in combinations(there, 2)]
    z = np.array([figure.z for figure in found]) if found else np.zeros(1)
    return {
        "models": len(known), "without_screen": len(known) - len(there), "pairs": len(found), "z_mean": round(float(z.mean()), 3),
        "z_sd": round(float(z.std()), 3), "z_largest": round(float(z.max()), 2), "z_smallest": round(float(z.min()), 2),
        "effective": round(float(np.median([k.one.about["effective"] for k in known])), 1),
        "effective_of_pairs_least": round(min((figure.effective for figure in found), default=0.0), 1),
    }  # fmt: skip


def main(words: list[str] | None = None) -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser("python -m bench.library_strata", description=__doc__)
    parser.add_argument("--shape", action="append", required=True)
    parser.add_argument("--models", type=int, default=12)
    parser.add_argument("--set", default="seen")
    options = parser.parse_args(words)
    stated = code()
    groups: dict[str, list[Known]] = {}
    for shape in options.shape:
        for word, known in disturbed(shape, options.models):
            groups.setdefault(f"{shape}: {word}", []).append(known)
    for word, known in one_seed(options.models):
        groups.setdefault(word, []).append(known)
    rows = {word: figures(known) for word, known in groups.items()}
    for word, row in rows.items():
        print(word, row, flush=True)
    write(f"library-strata-{options.set}", {"shapes": options.shape, "times_as_large": SIZE, "strata": rows}, stated)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
