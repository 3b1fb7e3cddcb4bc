"""A library of full prints, in a folder and in LanceDB side by side: what it takes to fill, to hold and to search, digests with it.

    python -m bench.library_whole [--count 20000] --shape llama64 ...

Prints are those of measured models with the screen resampled and the digests drawn (see bench.library_search); kin are planted
among them. The catalogue of the folder is made from the prints by `verify`, which is the slowest way;
LanceDB is given 256 at a time.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from bench.library import Known, write
from bench.library_measured import independents, trained
from bench.library_search import queries, resampled
from bench.provenance import code
from forebear.core.seeds import generator
from forebear.engines.lancedb import LanceStore
from forebear.library.local_store import LocalStore
from forebear.library.places import print_path
from forebear.library.prints import Print, pack
from forebear.library.search import search_store

AT_ONCE = 256


def drawn(pool: Sequence[Known], count: int) -> Iterator[Print]:
    """Full prints of no model."""
    rng = generator("bench/library/whole", str(count))
    number = 0
    for block in resampled(pool, count, "whole"):
        for record in block:
            of = pool[int(rng.integers(len(pool)))].one
            digests = rng.integers(1, 2**63, of.arrays["digests"].shape, dtype=np.uint64)
            arrays = {**of.arrays, "screen": record["screen"][None, :], "digests": digests}
            entry = {"names": [f"drawn {number}"], "sources": [{"key": f"file:drawn {number}"}], "bases": []}
            yield Print(bytes(rng.integers(0, 256, 32, dtype=np.uint8)).hex(), of.about, arrays, entry)
            number += 1


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def local(folder: Path, prints: Iterator[Print]) -> dict[str, Any]:
    """A folder of these prints, its catalogue made from them."""
    LocalStore(folder, make=True)
    began = time.perf_counter()
    for one in prints:
        path = print_path(folder, one.id)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pack(one))
    (folder / "catalogue.sqlite").unlink()
    middle = time.perf_counter()
    LocalStore(folder, check=False).verify()
    return {"write_seconds": round(middle - began, 1), "verify_seconds": round(time.perf_counter() - middle, 1)}


def lance(folder: Path, prints: Iterator[Print]) -> dict[str, Any]:
    """The same in LanceDB."""
    store = LanceStore(str(folder), make=True)
    began = time.perf_counter()
    while some := list(islice(prints, AT_ONCE)):
        store.put(some)
    middle = time.perf_counter()
    store.compact()
    return {"write_seconds": round(middle - began, 1), "compact_seconds": round(time.perf_counter() - middle, 1)}


def searched(store: Any, kin: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Every plain kin searched for."""
    wall, processor, first = [], [], 0
    for one in kin:
        began, spent = time.perf_counter(), time.process_time()
        hits = search_store(store, one["print"], 20).hits
        wall.append(time.perf_counter() - began)
        processor.append(time.process_time() - spent)
        first += bool(hits) and hits[0].id == one["base"]
    return {"queries": len(kin), "rank_1": first, "median_wall_seconds": round(float(np.median(wall)), 3),
            "median_processor_seconds": round(float(np.median(processor)), 3)}  # fmt: skip


def main(words: list[str] | None = None) -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser("python -m bench.library_whole", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--shape", action="append", required=True)
    parser.add_argument("--queries", type=int, default=24)
    options = parser.parse_args(words)
    stated = code()
    pool = [*independents(options.shape), *trained(options.shape)]
    bases, kin = queries(options.shape)
    plain = [one for one in kin if one["form"] == "plain"]
    plain = plain[:: max(1, len(plain) // options.queries)]
    body: dict[str, Any] = {"prints": options.count + len(bases)}
    with tempfile.TemporaryDirectory() as name:
        for word, fill, opened in (("folder", local, LocalStore), ("LanceDB", lance, lambda at: LanceStore(str(at)))):
            folder = Path(name) / word
            body[word] = fill(folder, drawn(pool, options.count))
            store = opened(folder)
            for one in bases:
                store.add(one)
            body[word] |= {"megabytes": round(size_of(folder) / 1e6, 1), **searched(store, plain)}
            print(word, body[word], flush=True)
    write("library-whole", body, stated)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
