"""What a library keeps when it is killed, flipped, cut short, out of room, written by two, or from the future.

    python -m bench.library_faults [--kills 200] [--flips 200] [--cuts 100]

Every round checks the same: what had finished is there bit for bit, nothing is there that was never added, a search finds models by
their own prints and nothing else, and after `verify` a second `verify` finds nothing. Prints are drawn (seeds below); the index of
signs is written from eight models on, so that it is among what is hit. Result: bench/results/library-faults.json.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from bench.library import write
from bench.provenance import code
from forebear.core.errors import ForebearError, RefusedError
from forebear.core.seeds import generator
from forebear.library.catalogue import VERSION
from forebear.library.local_store import LocalStore
from forebear.library.prints import Print, empty_arrays, pack
from forebear.library.search import search_store

SEED = "bench/library/faults"
PRINTS = 60
DIGESTS = 60
LONGEST = 0.25
"""Seconds within which a kill comes: about as long as six additions and a compaction."""
REMOVED = 7
"""Every so manieth print is taken out again."""


def drawn(number: int) -> Print:
    """A print of nothing: its numbers are drawn from its number."""
    rng = generator(SEED, f"print {number}")
    digests = rng.integers(1, 2**63, DIGESTS, dtype=np.uint64)
    screen, anchors = (rng.integers(-127, 128, size, dtype=np.int8) for size in (847, 160))
    arrays = empty_arrays(screen=screen, anchors=anchors, digests=digests)
    about = {"family": "drawn", "layers": 1, "width": 1, "parameters": 1, "effective": 1.0, "matrices": [], "gains": [],
             "digest_runs": [[f"t {i}", None, 1] for i in range(DIGESTS)]}  # fmt: skip
    source = {"key": f"file:{number}", "where": f"/nowhere/{number}", "size": number, "changed": 0, "header": ""}
    ident = bytes(rng.integers(0, 256, 32, dtype=np.uint8)).hex()
    return Print(ident, about, arrays, {"names": [f"n{number}"], "sources": [source], "bases": [], "config": None})


def checked(folder: Path, must: Mapping[str, Print], may: Mapping[str, Print], never: Iterable[str] = ()) -> Counter[str]:
    """What is wrong with a library, by kind; nothing where all is well. must: finished; may: perhaps; never: taken out for good."""
    wrong: Counter[str] = Counter()
    store = LocalStore(folder, check=False)
    for fault in store.verify():
        wrong["lost, said verify"] += not fault.repaired
    wrong["found by a second verify"] += len(store.verify())
    there = set(store.idents())
    wrong["finished and gone"] += len(set(must) - there)
    wrong["there and never added"] += len(there - set(must) - set(may))
    wrong["there and taken out"] += len(there & set(never))
    for ident in sorted(there & set(must)):
        wrong["not bit for bit"] += pack(store.get(ident)) != pack(must[ident])
    for ident in sorted(there)[:: max(1, len(there) // 4)]:
        one = must.get(ident) or may[ident]
        hits = search_store(store, one, 5).hits
        wrong["not found by its own print"] += not hits or hits[0].id != ident
        wrong["found and no kin"] += len(hits) - 1 if hits else 0
    return +wrong


def work(folder: Path, start: int, told: int) -> None:
    """Additions, removals and compactions one after another, each said when it is over; never returns."""
    store = LocalStore(folder, make=True)
    for number in range(start, PRINTS):
        os.write(told, f"begin {number}\n".encode())
        store.add(drawn(number))
        os.write(told, f"added {number}\n".encode())
        if number % REMOVED == REMOVED - 1:
            os.write(told, f"leaving {number - 2}\n".encode())
            store.remove([drawn(number - 2).id])
            os.write(told, f"left {number - 2}\n".encode())
        if number % 3 == 2:
            store.compact()
            os.write(told, f"compacted {number}\n".encode())
    os._exit(0)


def kills(folder: Path, count: int) -> dict[str, Any]:
    """A process killed at moments drawn at random, started again where it was, until it has been killed so often."""
    rng = generator(SEED, "kills")
    wrong: Counter[str] = Counter()
    during: Counter[str] = Counter()
    state: dict[int, str] = {}
    rounds = 0
    library = folder / "0"
    for _ in range(count):
        nothing, told = os.pipe()
        start = max(state, default=-1) + 1 if state else 0
        if start >= PRINTS - 3:
            rounds, state, start = rounds + 1, {}, 0
            library = folder / str(rounds)
        child = os.fork()
        if child == 0:
            with suppress(BaseException):
                work(library, start, told)
            os._exit(1)
        os.close(told)
        time.sleep(float(rng.random()) * LONGEST)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        with os.fdopen(nothing) as said:
            lines = [line.split() for line in said.read().splitlines()]
        last = lines[-1][0] if lines else "start"
        during[f"after {last}"] += os.WIFSIGNALED(status)
        wrong["the process failed by itself"] += os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0
        for word, at in lines:
            if word != "compacted":
                state[int(at)] = word
        if not (library / "catalogue.sqlite").exists():
            wrong["finished and gone"] += len(state)
            continue
        sides = {word: {drawn(n).id: drawn(n) for n, s in state.items() if s in which} for word, which in
                 (("must", ("added",)), ("may", ("begin", "leaving")), ("never", ("left",)))}  # fmt: skip
        found = checked(library, sides["must"], sides["may"], sides["never"])
        wrong += found
        for n, s in list(state.items()):  # what was neither is what it is now
            if s in ("begin", "leaving"):
                state[n] = "added" if drawn(n).id in set(LocalStore(library).idents()) else "left"
    return {"kills": sum(during.values()), "last_said": dict(sorted(during.items())), "wrong": dict(+wrong)}


def filled(folder: Path, count: int) -> dict[str, Print]:
    """A library of so many drawn prints, compacted once."""
    store = LocalStore(folder, make=True)
    for number in range(count):
        store.add(drawn(number))
    store.compact()
    store.add(drawn(count))
    return {one.id: one for one in map(drawn, range(count + 1))}


def damaged(folder: Path, count: int, *, cut: bool) -> dict[str, Any]:
    """A bit flipped in a file, or a file cut short, at places drawn at random; before and after `verify` nothing false is said."""
    rng = generator(SEED, "cuts" if cut else "flips")
    whole = filled(folder / "whole", 16)
    wrong: Counter[str] = Counter()
    hit: Counter[str] = Counter()
    lost = 0
    for _ in range(count):
        library = folder / "damaged"
        shutil.rmtree(library, ignore_errors=True)
        shutil.copytree(folder / "whole", library)
        files = sorted(path for path in library.rglob("*") if path.is_file() and path.stat().st_size)
        prints = bool(rng.integers(2))  # half of the time a print, half of the time what leads to prints
        files = [path for path in files if (path.suffix == ".fbp") is prints]
        path = files[int(rng.integers(len(files)))]
        data = bytearray(path.read_bytes())
        place = int(rng.integers(len(data)))
        hit[path.suffix] += 1
        if cut:
            del data[place:]
        else:
            data[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(data)
        gone = path.suffix == ".fbp"
        mine = {ident: one for ident, one in whole.items() if not (gone and path.stem == ident)}
        wrong += _before_repair(library, whole)
        found = checked(library, mine, whole)
        lost += found.pop("lost, said verify", 0)
        wrong += found
    return {"damages": count, "files": dict(hit), "prints_lost_and_named": lost, "prints_hit": hit[".fbp"], "wrong": dict(+wrong)}


def _before_repair(library: Path, whole: Mapping[str, Print]) -> Counter[str]:
    """What a damaged library says that is false; refusing is not false."""
    wrong: Counter[str] = Counter()
    try:
        store = LocalStore(library)
        for one in list(whole.values())[::5]:
            with suppress(RefusedError):
                wrong["another content"] += store.get(one.id).content() != one.content()
            hits = search_store(store, one, 5).hits
            wrong["found and no kin"] += sum(hit.id != one.id for hit in hits)
    except RefusedError:
        pass
    return wrong


def full_disk(folder: Path) -> dict[str, Any]:
    """A file system of two megabytes filled to the brim, then given room."""
    place = folder / "small"
    place.mkdir()
    with mounted(place, "2m"):
        store = LocalStore(place / "library", make=True)
        (place / "ballast").write_bytes(bytes(1_400_000))
        must: dict[str, Print] = {}
        refused = 0
        for number in range(400):
            one = drawn(number)
            try:
                store.add(one)
                must[one.id] = one
            except RefusedError:
                refused += 1
                if refused == 5:
                    break
        may = {drawn(number).id: drawn(number) for number in range(len(must) + refused + 1)}
        (place / "ballast").unlink()
        wrong = checked(place / "library", must, may)
        for one in may.values():
            store.add(one)
        wrong += checked(place / "library", may, {})
        return {"added_before": len(must), "refused": refused, "wrong": dict(wrong)}


@contextmanager
def mounted(place: Path, size: str) -> Any:
    """A file system in memory of that size. Raises: RuntimeError where this user may not mount one."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        raise RuntimeError("a small file system cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


def two_writers(folder: Path) -> dict[str, Any]:
    """Two processes that add and compact at once, half of it the same models."""
    library = folder / "both"
    LocalStore(library, make=True)
    children = []
    for first in (0, 15):
        child = os.fork()
        if child == 0:
            try:
                store = LocalStore(library)
                for number in range(first, first + 30):
                    store.add(drawn(number))
                    if number % 10 == 9:
                        store.compact()
            except ForebearError:
                os._exit(1)
            os._exit(0)
        children.append(child)
    failed = sum(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0 for child in children)
    must = {one.id: one for one in map(drawn, range(45))}
    return {"failed": failed, "models": len(must), "wrong": dict(checked(library, must, {}))}


def future(folder: Path) -> dict[str, Any]:
    """A catalogue and a print of a later version: refused, and left as they are."""
    import sqlite3

    whole = filled(folder / "later", 9)
    db = sqlite3.connect(folder / "later" / "catalogue.sqlite")
    db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.close()
    before = {path: path.read_bytes() for path in (folder / "later").rglob("*") if path.is_file()}
    refused = 0
    for call in (lambda: LocalStore(folder / "later"), lambda: LocalStore(folder / "later", check=False).verify()):
        try:
            call()
        except RefusedError:
            refused += 1
    same = before == {path: path.read_bytes() for path in (folder / "later").rglob("*") if path.is_file()}
    return {"models": len(whole), "refused": refused, "of": 2, "left_as_it_was": same}


def main(words: list[str] | None = None) -> int:
    """Do all of it and write what was found."""
    parser = argparse.ArgumentParser("python -m bench.library_faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--flips", type=int, default=200)
    parser.add_argument("--cuts", type=int, default=100)
    options = parser.parse_args(words)
    stated = code()
    with tempfile.TemporaryDirectory() as name, patch("forebear.library.local_store.LARGE", 8):
        folder = Path(name)
        body: dict[str, Any] = {}
        steps: dict[str, Callable[[], dict[str, Any]]] = {
            "kill -9": lambda: kills(folder, options.kills), "bit flips": lambda: damaged(folder / "f", options.flips, cut=False),
            "cut short": lambda: damaged(folder / "c", options.cuts, cut=True), "full disk": lambda: full_disk(folder),
            "two writers": lambda: two_writers(folder), "a later version": lambda: future(folder),
        }  # fmt: skip
        for word, step in steps.items():
            (folder / "f").mkdir(exist_ok=True)
            (folder / "c").mkdir(exist_ok=True)
            body[word] = step()
            print(word, body[word], flush=True)
    write("library-faults", {"seed": SEED, **body}, stated)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
