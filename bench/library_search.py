"""Search among many screens: strangers resampled from measured ones, the bases of real derived checkpoints planted among them.

    python -m bench.library_search --count 10000 --count 1000000 --pool llama64 ... --shape llama64 ... --set NAME

A resampled screen takes each part from a measured stranger drawn at random, its numbers in another order and with other signs: so
sizes, tails and missing parts are measured ones, and nothing is shared. Geometries of anchor tokens are a stranger's with two in
five numbers from another of its shape, which keeps them as alike as strangers are; no donor is kin of what is searched for.
Whether they match: quantiles of z, of sizes and of anchors in the result, and their picture in library-search-NAME.svg.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.library import Known, folders, write
from bench.library_alike import alike, picture
from bench.library_kin import base_of, prints_of
from bench.library_measured import independents, moved, print_of, real, trained
from bench.library_strata import kept_strata
from bench.provenance import code
from forebear.core.seeds import generator
from forebear.library.evening import code as code_of
from forebear.library.figures import screen_figure
from forebear.library.local_store import proposed
from forebear.library.prints import Print, empty_arrays
from forebear.library.screens import RECORD, mapped, record_of, write_record
from forebear.library.search import FIRST_COSINE, RANKED, search_store
from forebear.library.signs import Words, asked, signs
from forebear.library.store import Near, Rows
from forebear.library.thresholds import DISPERSION, LEVEL_LOG10

BLOCK = 8192
MIX = 0.4
ORDERS = 4096
"""Orders of a part's numbers that are drawn from."""
TOP = 20
SEEN_THROUGH = 4.0
"""A kin in rewritten form whose screen still agrees with its base's at this z was not rewritten: its family is not one of those."""


Drawn = tuple["Geometries", NDArray[np.int32]]
"""How the geometries of rows were drawn, and the row of each."""


class Planted:
    """A store for reading alone: resampled rows of a mapped file, some of them real prints; with signs it has an index."""

    def __init__(self, path: Path, real: Mapping[int, Print], known: Drawn, table: Words | None) -> None:
        self._records, self._real, self._table, self._known = mapped(path), dict(real), table, known
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

    def near(self, screen: NDArray[np.int8], anchors: NDArray[np.int8], most: int) -> Near | None:
        """As a local library's, where signs were given."""
        if self._table is None:
            return None
        wanted = asked(screen, anchors)
        return Near(len(self._table), proposed(self._records, self._table, wanted, most, bool(anchors.any())))

    def ident(self, handle: int) -> str:
        """The id of a real print, or one made of the row."""
        return self._real[handle].id if handle in self._real else f"{handle:064x}"

    def named(self, word: str) -> list[str]:
        """The id itself, where it is a real print's."""
        return [word] if word in self._by_id else []

    def get(self, ident: str) -> Print:
        """A real print, or what a row holds as one."""
        if ident in self._by_id:
            return self._by_id[ident]
        record = self._records[int(ident, 16)]
        about: dict[str, Any] = {"matrices": [], "gains": [], "digest_runs": []}
        geometries, row = self._known[0], self._known[1][int(ident, 16)]
        held = empty_arrays(screen=record["screen"], anchors=record["anchors"], geometry=geometries.of(row),
                            evened=geometries.even(row))  # fmt: skip
        return Print(ident, about, held)

    def by_digest(self, digests: NDArray[np.uint64]) -> dict[str, set[int]]:
        """Nothing: digests would find frozen tensors, and screens are what is measured here."""
        return {}


class Geometries:
    """Geometries of anchor tokens for resampled models: a stranger's, with MIX of its numbers from another of its shape.

    Donors have no kin among what is searched for. A row is (first donor, second donor, which numbers are the second's).
    """

    def __init__(self, pool: Sequence[Known], seed: str) -> None:
        self._rng = generator("bench/library/geometries", seed)
        donors = [k for k in pool if len(k.one.arrays["geometry"])]
        self._donors = np.stack([k.one.arrays["geometry"][:, 0].astype(np.float32) for k in donors])
        self._even = np.stack([k.one.arrays["evened"][:, 0] for k in donors])
        shapes = np.array([k.name.split("/")[0] for k in donors])
        self._same = [np.flatnonzero(shapes == shape) for shape in shapes]
        self._masks = self._rng.random((1024, self._donors.shape[1]), dtype=np.float32) < MIX

    def rows(self, count: int) -> NDArray[np.int32]:
        """As many rows drawn. Shape (count, 3)."""
        first, turn, mask = (
            self._rng.integers(most, size=count) for most in (len(self._donors), 2**31, len(self._masks))
        )
        second = [self._same[at][place % len(self._same[at])] for at, place in zip(first, turn, strict=True)]
        return np.stack([first, second, mask], axis=1).astype(np.int32)

    def of(self, row: NDArray[np.int32]) -> NDArray[np.float32]:
        """The geometry of a row. Shape (pairs,)."""
        first, second, mask = (int(at) for at in row)
        return np.where(self._masks[mask], self._donors[second], self._donors[first])

    def even(self, row: NDArray[np.int32]) -> NDArray[np.int8]:
        """The evened geometry of a row: numbers of the same two donors' evened ones. Shape (pairs,)."""
        first, second, mask = (int(at) for at in row)
        return np.where(self._masks[mask], self._even[second], self._even[first])


def resampled(pool: Sequence[Known], count: int, seed: str) -> Iterator[NDArray[Any]]:
    """Blocks of `count` records in all, of RECORD, without anchors."""
    rng = generator("bench/library/resampled", seed)
    parts = np.stack([k.one.arrays["screen"][0].reshape(7, -1) for k in pool])
    orders = np.stack([rng.permutation(parts.shape[2]) for _ in range(ORDERS)])
    for start in range(0, count, BLOCK):
        size = min(BLOCK, count - start)
        records = np.zeros(size, RECORD)
        donors, order = rng.integers(len(pool), size=(size, 7)), orders[rng.integers(ORDERS, size=(size, 7))]
        whole = parts[donors[:, :, None], np.arange(7)[None, :, None], order]  # (size, 7, 121)
        flips = np.unpackbits(rng.integers(0, 256, (size, 106), dtype=np.uint8), axis=1)[:, : whole[0].size]
        records["screen"] = np.where(flips, -1, 1).astype(np.int8) * whole.reshape(size, -1)
        records["norm"] = np.linalg.norm(records["screen"].astype(np.float32), axis=1)
        records["live"] = 1
        yield records


def filled(path: Path, pool: Sequence[Known], geometries: Geometries, count: int, seed: str) -> NDArray[np.int32]:
    """A file of resampled records with anchor codes, and the geometry rows that those are of. Shape (count, 3)."""
    rows = geometries.rows(count)
    at = 0
    with path.open("wb") as out:
        for block in resampled(pool, count, seed):
            block["anchors"] = [code_of(geometries.even(row)) for row in rows[at : at + len(block)]]
            at += len(block)
            out.write(block.tobytes())
    return rows


def plant(path: Path, real: Sequence[Print], seed: str) -> dict[int, Print]:
    """Put real prints in places drawn at random; place -> print."""
    total = len(mapped(path))
    places = generator("bench/library/places", seed).choice(total, len(real), replace=False)
    for place, one in zip(places, real, strict=True):
        record = record_of(one)
        assert record is not None
        write_record(path, int(place), record)
    return {int(place): one for place, one in zip(places, real, strict=True)}


def queries(shapes: Sequence[str]) -> tuple[list[Print], list[dict[str, Any]]]:
    """Bases to plant, and every derived checkpoint of them with its print."""
    bases: dict[str, Print] = {}
    kin = []
    for shape in shapes:
        built = {path.name: path for path in folders(shape)}
        for one, found in prints_of(shape, built):
            name = f"{shape}/{one.base}"
            bases.setdefault(name, print_of(name, built[one.base]))
            z = screen_figure(found.arrays["screen"][0], bases[name].arrays["screen"][0]).z
            kin.append({"name": f"{shape}/{one.name}", "form": one.form, "of": one.base, "base": bases[name].id, "print": found,
                        "z": round(z, 2)})  # fmt: skip
    return list({one.id: one for one in bases.values()}.values()), kin


def searched(store: Any, kin: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Every kin searched for: where its base comes, what else is proposed, how long it takes."""
    spent_on: dict[str, list[tuple[float, float]]] = {}
    rows = []
    for one in kin:
        began, spent = time.perf_counter(), time.process_time()
        found = search_store(store, one["print"], TOP, rewritten=one["form"] != "plain")
        spent_on.setdefault(one["form"], []).append((time.perf_counter() - began, time.process_time() - spent))
        ids = [hit.id for hit in found.hits]
        said = {hit.id for hit in found.hits if hit.relation != RANKED}
        rank = ids.index(one["base"]) + 1 if one["base"] in ids else None
        rows.append({"name": one["name"], "form": one["form"], "rank": rank, "proposed": one["base"] in said,
                     "others": len(said - {one["base"]}), "z": one["z"]})  # fmt: skip
    plain, rewritten = ([r for r in rows if (r["form"] == "plain") is wanted] for wanted in (True, False))
    return {
        "kin": rows, "plain": _summary(plain), "reparameterised": _summary(rewritten),
        "reparameterised, screen and all": _summary([r for r in rewritten if r["z"] < SEEN_THROUGH]),
        "proposed_beside_the_base": sum(r["others"] for r in rows),
        "median_seconds": {form: _medians(found) for form, found in spent_on.items()},
    }  # fmt: skip


def _medians(seconds: Sequence[tuple[float, float]]) -> dict[str, float]:
    wall, processor = (round(float(np.median(side)), 3) for side in zip(*seconds, strict=True))
    return {"wall": wall, "processor": processor}


def _summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    return {
        "queries": len(rows), "rank_1": sum(r["rank"] == 1 for r in rows), "top_20": sum(r["rank"] is not None for r in rows),
        "proposed": sum(r["proposed"] for r in rows),
    }  # fmt: skip


def no_kin(pool: Sequence[Known], count: int, name: str, bases: Collection[str]) -> list[tuple[str, NDArray[np.int8]]]:
    """Screens to which nothing planted is kin: every print of a stratum, then `count` resampled ones, half of them of strata."""
    strata = kept_strata()
    out = [
        (f"{word}, as measured", k.one.arrays["screen"][0])
        for word, known in strata.items()
        for k in known
        if not any(f"{base.split('/')[-1]}" == k.name.split("/")[-1] for base in bases)
    ]  # those are kin
    groups = {"no stratum": (pool, count - count // 2 // max(1, len(strata)) * len(strata))}
    groups |= {word: (known, count // 2 // len(strata)) for word, known in strata.items()}
    for word, (known, size) in groups.items():
        for block in resampled(known, size, f"{name}/no kin/{word}"):
            out += [(word, screen) for screen in block["screen"]]
    return out if count else []


def false_kin(path: Path, wanted: Sequence[tuple[str, NDArray[np.int8]]]) -> dict[str, Any]:
    """What a search of each screen would propose, all at once. wanted: which stratum, screen (847,). None has kin there."""
    records = mapped(path)
    asked_for = np.stack([screen for _, screen in wanted]).astype(np.float32)
    asked_for /= np.linalg.norm(asked_for, axis=1, keepdims=True)
    level = LEVEL_LOG10 - np.log10(len(records))
    rows: dict[str, dict[str, Any]] = {}
    for word, _ in wanted:
        rows.setdefault(word, {"queries": 0, "proposed": 0, "largest_z": 0.0, "looked_at_closer": 0})["queries"] += 1
    for start in range(0, len(records), BLOCK):
        some = records[start : start + BLOCK]
        cosines = (some["screen"].astype(np.float32) / some["norm"][:, None]) @ asked_for.T
        for at, query in np.argwhere(cosines > FIRST_COSINE):
            word, screen = wanted[query]
            figure = screen_figure(screen, some["screen"][at])
            row = rows[word]
            row["looked_at_closer"] += 1
            row["largest_z"] = max(row["largest_z"], round(figure.z, 3))
            row["proposed"] += int(figure.log10_p <= level)
    asks = float(DISPERSION * np.sqrt(-2 * np.log(10) * level))
    return {"comparisons": len(wanted) * len(records), "z_asked": round(asks, 3), "strata": rows}


Screens = Sequence[tuple[str, NDArray[np.int8]]]


def run(count: int, pool: Sequence[Known], donors: Sequence[Known], real_prints: Sequence[Print], kin: Sequence[dict[str, Any]],
        strangers: Screens, folder: Path, name: str) -> dict[str, Any]:  # fmt: skip
    """Every query against `count` screens, exactly and by signs."""
    path = folder / f"screens-{count}.bin"
    seed = f"{name}/{count}"
    geometries = Geometries(donors, seed)
    known = geometries, filled(path, pool, geometries, count, seed)
    places = plant(path, real_prints, seed)
    records = mapped(path)
    began = time.process_time()
    table = np.vstack(
        [signs(some["screen"], some["anchors"]) for some in (records[i : i + BLOCK] for i in range(0, count, BLOCK))]
    )
    written = time.process_time() - began
    exact, indexed = (searched(Planted(path, places, known, one), kin) for one in (None, table))
    lost = [
        e["name"]
        for e, i in zip(exact["kin"], indexed["kin"], strict=True)
        if e["rank"] is not None and i["rank"] is None
    ]
    body: dict[str, Any] = {
        "count": count, "exact": exact, "by_signs": indexed, "lost_by_signs": lost, "signs_processor_seconds": round(written, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "false": false_kin(path, strangers) if strangers else None,
    }  # fmt: skip
    print({k: v for k, v in body.items() if k not in ("exact", "by_signs")}, flush=True)
    for word in ("exact", "by_signs"):
        print(word, {k: v for k, v in body[word].items() if k != "kin"}, flush=True)
    return body


def unrelated(pool: Sequence[Known], kin: Sequence[Mapping[str, Any]]) -> list[Known]:
    """The models of a pool that neither are a base that is searched for, nor descend from one."""
    bases = {(one["name"].split("/")[0], one["of"]) for one in kin}
    return [k for k in pool if (k.name.split("/")[0], own_root(k.name.split("/")[-1])) not in bases]


def own_root(name: str) -> str:
    """The independent that a model is, is a rewritten copy of, or descends from, by its name."""
    return base_of(name) or name.split("-moved-")[0]


def main(words: list[str] | None = None) -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser("python -m bench.library_search", description=__doc__)
    parser.add_argument("--count", action="append", type=int, required=True)
    parser.add_argument("--pool", action="append", required=True, help="shapes whose models are resampled")
    parser.add_argument("--moved", type=int, default=7, help="rewritten copies of each independent in the pool")
    parser.add_argument(
        "--shape", action="append", required=True, help="shapes whose derived checkpoints are searched for"
    )
    parser.add_argument("--each", type=int, default=1, help="search for every so manieth of them")
    parser.add_argument("--strangers", type=int, default=0, help="screens of no kin that are searched for")
    parser.add_argument("--set", default="seen")
    options = parser.parse_args(words)
    stated = code()
    own = independents(options.pool)
    pool = [*own, *moved(options.pool, options.moved), *trained(options.pool), *real()]
    real_prints, kin = queries(options.shape)
    donors = unrelated(pool, kin)
    kin = kin[:: options.each]
    print("pool", len(pool), "donors", len(donors), "kin", len(kin), "of", len(real_prints), flush=True)
    strangers = no_kin(
        pool, options.strangers, options.set, {one["name"].split("/")[0] + "/" + one["of"] for one in kin}
    )
    with tempfile.TemporaryDirectory() as name:
        results = [
            run(count, pool, donors, real_prints, kin, strangers, Path(name), options.set) for count in options.count
        ]
        filled(sample := Path(name) / "alike.bin", pool, Geometries(donors, options.set), 2000, options.set)
        match = alike(pool, [np.array(mapped(sample))])
    body = {"pool": {"measured": len(pool), "in_the_coordinates_of_training": len(own)}, "pool_shapes": options.pool,
            "kin_shapes": options.shape, "alike": match, "runs": results}  # fmt: skip
    write(f"library-search-{options.set}", body, stated)
    picture(f"library-search-{options.set}", match)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
