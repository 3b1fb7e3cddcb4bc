"""Scores of a method over many pairs, kept on disk: a killed run goes on where it stopped, a changed method starts anew."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import cache, partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from bench.audit import disjoint
from bench.blind import leak_check, score_blind, wrong_labels
from bench.build import TRUTH
from bench.corpus import HERE, WORK
from bench.methods import METHODS
from bench.truth import INDEPENDENT, INDEPENDENTS, Pair, base, pairs

Row = dict[str, Any]
CHUNK = 16


RESTS_ON = {"forebear": ("comparison", "core", "files", "models", "stats", "tokens"), "plain-statistics": ("stats",)}
"""Rooms of forebear whose change makes a method another one."""
PAIRS = {"forebear": 500}
"""Independent pairs scored a shape where a method is too slow for all of them; the disjoint ones are always among them."""


@cache
def version_of(method: str) -> str:
    """Changes when the code a method rests on changes. Read once, so that code edited during a run is not mistaken for
    the code that runs."""
    shared = [HERE / "methods" / "parts.py", HERE / "methods" / "score.py", Path(inspect.getfile(METHODS[method]))]
    rooms = [HERE.parent / "forebear" / room for room in RESTS_ON.get(method, ())]
    whole = hashlib.sha256()
    for path in sorted({*shared, *(p for r in rooms for p in r.rglob("*") if p.suffix in (".py", ".toml"))}):
        whole.update(path.name.encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()[:12]


def score_pair(method: str, root: Path, pair: Pair) -> Row:
    """One row: the pair, its truth, and what the method said without seeing names. An error is a row, not a gap."""
    row: Row = asdict(pair)
    began = time.perf_counter()
    try:
        score = score_blind(METHODS[method], root / pair.subject, root / pair.candidate, WORK / "blind")
    except Exception as problem:  # noqa: BLE001 - a rival may fail in any way; the row says so and is counted
        return row | {"error": f"{type(problem).__name__}: {problem}"}
    row |= {
        "score": score.score,
        "direction": score.direction,
        "log10_p": score.log10_p,
        "relation": score.relation,
        "seconds": round(time.perf_counter() - began, 4),
    }
    row["figures"] = {name: [figure.value, figure.law] for name, figure in score.figures.items()}
    return row


def stored(method: str, shape: str) -> Path:
    """Where the rows of a method on a shape are kept, by the method's version."""
    return WORK / "scores" / method / f"{shape}-{version_of(method)}.jsonl"


def read_rows(path: Path, keys: tuple[str, str] = ("subject", "candidate")) -> dict[tuple[str, str], Row]:
    """Rows kept so far, by what `keys` name; a line cut short by a kill is dropped."""
    rows: dict[tuple[str, str], Row] = {}
    if path.exists():
        for line in path.read_text("utf-8").splitlines():
            try:
                row = json.loads(line)
            except json.JSONDecodeError:
                continue
            rows[row[keys[0]], row[keys[1]]] = row
    return rows


def score_all(method: str, wanted: Sequence[Pair], path: Path, workers: int = 2, root: Path = TRUTH) -> list[Row]:
    """Rows for every wanted pair, in order; only missing ones and those that failed are computed, progress on stderr.

    Raises: LeakError if the method's answer depends on folder names (tried on the first pair).
    """
    rows = read_rows(path)
    missing = [p for p in wanted if "error" in rows.get((p.subject, p.candidate), {"error": "not done yet"})]
    if missing:
        leak_check(METHODS[method], root / missing[0].subject, root / missing[0].candidate, WORK / "blind")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as out:
            for done, row in enumerate(_computed(method, missing, workers, root), start=1):
                rows[row["subject"], row["candidate"]] = row
                out.write(json.dumps(row, allow_nan=False) + "\n")
                if done % CHUNK == 0:
                    out.flush()
                if done % max(1, len(missing) // 10) == 0 or done == len(missing):
                    print(f"{method}: {done}/{len(missing)} pairs", file=sys.stderr, flush=True)
    return [rows[p.subject, p.candidate] for p in wanted]


def _computed(method: str, missing: Sequence[Pair], workers: int, root: Path) -> Iterable[Row]:
    work = partial(score_pair, method, root)
    if workers < 2:
        yield from map(work, missing)
        return
    os.environ["OMP_NUM_THREADS"] = "1"
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(work, missing, chunksize=CHUNK)


def present(pair: Pair, root: Path = TRUTH) -> bool:
    """Both models have been built."""
    return all((root / name / "record.json").exists() for name in (pair.subject, pair.candidate))


def chosen(shape: str, independents: int, root: Path = TRUTH) -> list[Pair]:
    """The pairs of a shape that are built: strata and relatives, disjoint independents first, others up to a number.

    independents: most pairs of independents, 0 for all; the ones added are spread evenly over all there are.
    """
    every = [p for p in pairs(shape) if present(p, root)]
    independent = [p for p in every if p.stratum == "independent"]
    others = [p for p in every if p.stratum != "independent"]
    first = disjoint_names(shape)
    leading = [p for p in independent if (p.subject, p.candidate) in first]
    rest = [p for p in independent if (p.subject, p.candidate) not in first]
    more = len(rest) if independents == 0 else max(0, min(len(rest), independents - len(leading)))
    step = max(1, len(rest) // more) if more else 1
    return leading + list(islice(rest[::step], more)) + others


def disjoint_names(shape: str) -> set[tuple[str, str]]:
    """(subject, candidate) of independent pairs in which no model is used twice."""
    return {(base(shape, j), base(shape, i)) for i, j in disjoint(INDEPENDENTS[shape])}


def check_labels(wanted: Sequence[Pair], root: Path = TRUTH, most: int = 80) -> int:
    """Checks up to `most` evenly spread labels against the weights. Returns how many were checked.

    Raises: ValueError naming the first pair whose label the weights contradict.
    """
    spread = list(wanted)[:: max(1, len(wanted) // most)]
    wrong = wrong_labels(spread, root)
    if wrong:
        raise ValueError(
            f"the weights contradict the label {wrong[0].truth!r} of {wrong[0].subject} / {wrong[0].candidate}"
        )
    return len(spread)


def rows_of(rows: Iterable[Row], truth: str = INDEPENDENT, stratum: str = "independent") -> list[Row]:
    """Rows of one stratum without errors."""
    return [r for r in rows if r["truth"] == truth and r["stratum"] == stratum and "error" not in r]
