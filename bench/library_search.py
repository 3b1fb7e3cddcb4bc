"""Search among many screens: strangers resampled from measured ones, the bases of real derived checkpoints planted among them.

    python -m bench.library_search --count 10000 --count 1000000 --shape llama64 ... --set NAME

A resampled screen takes each part from a measured stranger drawn at random, its numbers in another order and with other signs: so
sizes, tails and missing parts are measured ones, and nothing is shared. Anchor codes are a stranger's with two in five numbers
from another of its shape, which keeps them as alike as strangers are.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.library import Known, folders, measured, write
from bench.library_kin import kin_of
from bench.provenance import code
from forebear.core.seeds import generator
from forebear.library.figures import screen_figure
from forebear.library.fingerprint import fingerprint
from forebear.library.prints import Print, empty_arrays
from forebear.library.screens import RECORD, mapped, record_of, write_record
from forebear.library.search import search_store
from forebear.library.store import Rows

BLOCK = 8192
MIX = 0.4


class Planted:
    """A store for reading alone: resampled rows of a mapped file, some of them real prints."""

    def __init__(self, path: Path, real: Mapping[int, Print]) -> None:
        self._records, self._real = mapped(path), dict(real)
        self._by_id = {one.id: one for one in real.values()}

    def count(self, *, screened: bool = False) -> int:
        """Rows."""
        return len(self._records)

    def rows(self) -> Iterator[Rows]:
        """Blocks, as a local library gives them."""
        for start in range(0, len(self._records), BLOCK):
            some = self._records[start : start + BLOCK]
            handles = np.arange(start, start + len(some), dtype=np.int64)
            yield Rows(handles, some["screen"], some["anchors"], np.asarray(some["norm"], dtype=np.float32))

    def ident(self, handle: int) -> str:
        """The id of a real print, or one made of the row."""
        return self._real[handle].id if handle in self._real else f"{handle:064x}"

    def get(self, ident: str) -> Print:
        """A real print, or what a row holds as one."""
        if ident in self._by_id:
            return self._by_id[ident]
        record = self._records[int(ident, 16)]
        about: dict[str, Any] = {"matrices": [], "gains": [], "digest_runs": []}
        return Print(ident, about, empty_arrays(screen=record["screen"], anchors=record["anchors"]))

    def by_digest(self, digests: NDArray[np.uint64]) -> dict[str, set[int]]:
        """Nothing: digests would find frozen tensors, and screens are what is measured here."""
        return {}


def resampled(path: Path, pool: Sequence[Known], count: int, seed: str) -> None:
    """A file of `count` records."""
    rng = generator("bench/library/resampled", seed)
    parts = np.stack([k.one.arrays["screen"][0].reshape(7, -1) for k in pool])
    anchors = np.stack([k.one.arrays["anchors"][0] for k in pool])
    shapes = np.array([k.name.split("/")[0] for k in pool])
    same = [np.flatnonzero(shapes == shape) for shape in shapes]
    with path.open("wb") as out:
        for start in range(0, count, BLOCK):
            size = min(BLOCK, count - start)
            records = np.zeros(size, RECORD)
            donors = rng.integers(len(pool), size=(size, 7))
            whole = parts[donors, np.arange(7)]  # (size, 7, 121)
            order = rng.random(whole.shape, dtype=np.float32).argsort(axis=2)
            whole = np.take_along_axis(whole, order, 2) * rng.choice(np.array([-1, 1], np.int8), whole.shape)
            records["screen"] = whole.reshape(size, -1)
            first = rng.integers(len(pool), size=size)
            second = np.array([rng.choice(same[at]) for at in first])
            records["anchors"] = np.where(rng.random((size, anchors.shape[1])) < MIX, anchors[second], anchors[first])
            records["norm"] = np.linalg.norm(records["screen"].astype(np.float32), axis=1)
            records["live"] = 1
            out.write(records.tobytes())


def plant(path: Path, real: Sequence[Print], seed: str) -> dict[int, Print]:
    """Put real prints in places drawn at random; place -> print."""
    total = len(mapped(path))
    places = generator("bench/library/places", seed).choice(total, len(real), replace=False)
    for place, one in zip(places, real, strict=True):
        record = record_of(one)
        assert record is not None
        write_record(path, int(place), record)
    return {int(place): one for place, one in zip(places, real, strict=True)}


def alike(path: Path, pool: Sequence[Known], seed: str) -> dict[str, Any]:
    """Quantiles of z between measured strangers, between resampled ones, and between the two kinds."""
    rng = generator("bench/library/alike", seed)
    records = mapped(path)
    rows = [records["screen"][at] for at in sorted(rng.choice(len(records), min(400, len(records)), replace=False))]
    own = [k.one.arrays["screen"][0] for k in pool]
    levels = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)

    def quantiles(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
        z = np.array([screen_figure(a, b).z for a, b in pairs])
        return {
            "pairs": len(z),
            "sd": round(float(z.std()), 4),
            **{str(q): round(float(np.quantile(z, q)), 3) for q in levels},
        }

    return {
        "measured": quantiles([(a, b) for i, a in enumerate(own) for b in own[i + 1 :]][:20000]),
        "resampled": quantiles([(a, b) for i, a in enumerate(rows) for b in rows[i + 1 :]][:20000]),
        "across": quantiles([(a, b) for a in own[:100] for b in rows[:200]]),
    }


def queries(shapes: Sequence[str], folder: Path) -> tuple[list[Print], list[dict[str, Any]]]:
    """Bases to plant, and every derived checkpoint of them with its print."""
    bases: dict[str, Print] = {}
    kin = []
    for shape in shapes:
        built = {path.name: path for path in folders(shape)}
        for one in kin_of(shape, built, folder):
            name = f"{shape}/{one.base}"
            bases.setdefault(name, fingerprint(built[one.base], workers=1).one)
            kin.append(
                {
                    "name": f"{shape}/{one.name}",
                    "form": one.form,
                    "base": bases[name].id,
                    "print": fingerprint(one.folder, workers=1).one,
                }
            )
    return list({one.id: one for one in bases.values()}.values()), kin


def run(
    count: int,
    pool: Sequence[Known],
    bases: Sequence[Print],
    kin: Sequence[dict[str, Any]],
    strangers: Sequence[Known],
    folder: Path,
) -> dict[str, Any]:
    """Every query against `count` screens."""
    path = folder / f"screens-{count}.bin"
    seed = f"1/{count}"
    resampled(path, pool, count, seed)
    store: Any = Planted(path, plant(path, bases, seed))
    seconds, rows = [], []
    for one in kin:
        started = time.perf_counter()
        found = search_store(store, one["print"], 20, rewritten=True)
        seconds.append(time.perf_counter() - started)
        ids = [hit.id for hit in found.hits]
        proposed = [hit.id for hit in found.hits if hit.relation != "ranked-by-anchors"]
        rank = ids.index(one["base"]) + 1 if one["base"] in ids else None
        others = len([i for i in proposed if i != one["base"]])
        row = {
            "name": one["name"],
            "form": one["form"],
            "rank": rank,
            "proposed": one["base"] in proposed,
            "others": others,
        }
        rows.append(row)
    false = 0
    for known in strangers:
        false += len([hit for hit in search_store(store, known.one, 20).hits if hit.id != known.one.id])
    plain, rewritten = ([r for r in rows if (r["form"] == "plain") is wanted] for wanted in (True, False))
    top_20 = sum(r["rank"] is not None for r in rewritten)
    return {
        "count": count,
        "alike": alike(path, pool, seed),
        "kin": rows,
        "queries_of_strangers": len(strangers),
        "proposed_of_strangers": false,
        "plain": _summary(plain),
        "reparameterised": {**_summary(rewritten), "top_20": top_20},
        "wrong_beside_kin": sum(r["others"] for r in rows),
        "median_seconds": round(float(np.median(seconds)), 3),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def _summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    return {
        "queries": len(rows),
        "rank_1": sum(r["rank"] == 1 for r in rows),
        "proposed": sum(r["proposed"] for r in rows),
    }


def main(words: list[str] | None = None) -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser("python -m bench.library_search", description=__doc__)
    parser.add_argument("--count", action="append", type=int, required=True)
    parser.add_argument("--pool", action="append", required=True, help="shapes whose strangers are resampled")
    parser.add_argument(
        "--shape", action="append", required=True, help="shapes whose derived checkpoints are searched for"
    )
    parser.add_argument("--strangers", type=int, default=60, help="most strangers that are searched for")
    parser.add_argument("--set", default="seen")
    options = parser.parse_args(words)
    stated = code()
    pool = [k for k in measured(options.pool) if k.stranger]
    with tempfile.TemporaryDirectory() as name:
        bases, kin = queries(options.shape, Path(name))
        planted = {one.id for one in bases}
        outside = [k for k in pool if k.one.id not in planted]
        chosen = [
            outside[at] for at in np.linspace(0, len(outside) - 1, min(options.strangers, len(outside))).astype(int)
        ]
        results = [run(count, pool, bases, kin, chosen, Path(name)) for count in options.count]
    write(
        f"library-search-{options.set}",
        {"pool": len(pool), "pool_shapes": options.pool, "kin_shapes": options.shape, "runs": results},
        stated,
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
