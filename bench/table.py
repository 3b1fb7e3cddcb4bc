"""The power table: operations x further training x {plain, permuted, reparameterised} x seeds, and what a method finds."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from bench.audit import share_words
from bench.blind import score_blind, weight_cosine
from bench.build import TRUTH, machine
from bench.corpus import WORK
from bench.methods import METHODS
from bench.null import ACCUSATIONS
from bench.operations import FORMS, Operation, derive, named, operations, undone
from bench.scores import Row, read_rows, version_of
from bench.truth import FURTHER, base
from forebear.core.errors import RefusedError

SEEDS = 3
STRANGER = 10
"""Operations are also done to independents: number n + STRANGER stands against base n, and must not be called related."""
DONOR = 14
"""Number n + DONOR gives rows or is merged in; it is neither the stranger nor the base."""
SHARES = {0.0: "", **{share: word for word, share in FURTHER.items()}}


@dataclass(frozen=True)
class Cell:
    """One subject of the table. stranger: the operation was done to an independent instead of to the base."""

    operation: str
    further: float
    form: str
    seed: int
    stranger: bool
    source: str
    candidate: str

    @property
    def id(self) -> str:
        return f"{self.operation}|{self.further}|{self.form}|{self.seed}|{'stranger' if self.stranger else 'child'}"


def cells(shape: str, chosen: Sequence[Operation], root: Path = TRUTH) -> Iterator[Cell]:
    """All cells whose source has been built, children first."""
    for operation in chosen:
        for share, word in SHARES.items():
            if not operation.named and share not in (0.0, 1.0):
                continue
            for seed in range(SEEDS):
                candidate = base(shape, seed)
                child = f"{shape}/further-{seed}-other-{word}" if word else candidate
                for form in FORMS:
                    if (root / child / "record.json").exists():
                        yield Cell(operation.name, share, form, seed, False, child, candidate)
                stranger = base(shape, seed + STRANGER)
                alone = "base" not in operation.models.values()  # else the stranger would hold parts of the base
                if share == 0.0 and alone and (root / stranger / "record.json").exists():
                    yield Cell(operation.name, share, "reparameterised", seed, True, stranger, candidate)


def score_cell(methods: Sequence[str], root: Path, cell: Cell) -> list[Row]:
    """Makes the subject in a scratch folder, scores it with every method, removes it."""
    chosen = named(cell.operation)
    folder = WORK / "table" / secrets.token_hex(8)
    common: Row = asdict(cell) | {"subject": cell.id, "candidate": cell.candidate}
    try:
        donor = base(cell.source.split("/")[0], cell.seed + DONOR)
        models = {"donor": root / donor, "base": root / cell.candidate}
        derive(root / cell.source, folder, chosen, cell.form, cell.seed, models)
        return [common | {"method": m} | _scored(m, folder, root / cell.candidate) for m in methods]
    except RefusedError as problem:
        return [common | {"method": m, "refused": str(problem)} for m in methods]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _scored(method: str, subject: Path, candidate: Path) -> Row:
    try:
        score = score_blind(METHODS[method], subject, candidate, WORK / "blind")
    except Exception as problem:  # noqa: BLE001 - a rival may fail in any way; the row says so and is counted
        return {"error": f"{type(problem).__name__}: {problem}"}
    return {"score": score.score, "direction": score.direction, "log10_p": score.log10_p, "relation": score.relation}


def rows(shape: str, methods: Sequence[str], workers: int = 2, root: Path = TRUTH) -> list[Row]:
    """All rows of the table of one shape; what an earlier run of the same code did is not done again."""
    mark = "-".join(version_of(m) for m in methods)
    path = WORK / "scores" / "table" / f"{shape}-{mark}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    wanted = list(cells(shape, operations(), root))
    kept = read_rows(path)
    found = {k: list(r["rows"]) for k, r in kept.items() if not any("error" in row for row in r["rows"])}
    missing = [c for c in wanted if (c.id, c.candidate) not in found]
    os.environ["OMP_NUM_THREADS"] = "1"
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool, path.open("a", encoding="utf-8") as out:
        for done, made in enumerate(pool.map(partial(score_cell, methods, root), missing, chunksize=4), start=1):
            found[made[0]["subject"], made[0]["candidate"]] = made
            line = {"subject": made[0]["subject"], "candidate": made[0]["candidate"], "rows": made}
            out.write(json.dumps(line, allow_nan=False) + "\n")
            if done % 20 == 0 or done == len(missing):
                out.flush()
                print(f"table {shape}: {done}/{len(missing)} cells", file=sys.stderr, flush=True)
    return [row for c in wanted for row in found[c.id, c.candidate]]


def summary(method: str, made: Sequence[Row], worst_independent: float | None) -> list[dict[str, Any]]:
    """One entry a (operation, further, form): how many seeds were found, and the scores.

    worst_independent: for methods without a verdict of their own, the largest score of any independent pair: found
    means above it.
    """
    groups: dict[tuple[str, float, str, bool], list[Row]] = {}
    for row in made:
        if row["method"] == method:
            groups.setdefault((row["operation"], row["further"], row["form"], row["stranger"]), []).append(row)
    listed = []
    for (operation, further, form, stranger), members in groups.items():
        scored = [r for r in members if "score" in r]
        hits = sum(_hit(r, worst_independent) for r in scored)
        listed.append(
            {
                "operation": operation,
                "further": further,
                "form": form,
                "stranger": stranger,
                "found": hits,
                "of": len(scored),
                "words": share_words(hits, len(scored)) if scored else "not done",
                "median_score": round(float(np.median([r["score"] for r in scored])), 4) if scored else None,
                "relations": sorted({r["relation"] for r in scored if r["relation"]}),
                "not_done": sorted({r.get("refused") or r.get("error") or "" for r in members if "score" not in r}),
            }
        )
    return listed


def _hit(row: Row, worst_independent: float | None) -> bool:
    if row["relation"]:
        return row["relation"] in ACCUSATIONS
    return worst_independent is not None and row["score"] > worst_independent


def residual_curve(shape: str, root: Path = TRUTH) -> list[dict[str, Any]]:
    """Cosine of all matrices with the base's, against compute: how much is left after further training."""
    found = []
    for text in ("other", "dirty"):
        for share, word in SHARES.items():
            for seed in range(SEEDS):
                child = f"{shape}/further-{seed}-{text}-{word}" if word else base(shape, seed)
                if (root / child / "record.json").exists():
                    cosine = weight_cosine(root / child, root / base(shape, seed))
                    found.append({"text": text, "further": share, "seed": seed, "cosine": round(cosine, 4)})
    return found


def document(
    shape: str, methods: Sequence[str], made: Sequence[Row], worst: dict[str, float | None], root: Path = TRUTH
) -> dict[str, Any]:
    """The committed table of one shape."""
    return {
        "schema": "forebear-bench/table/1",
        "shape": shape,
        "machine": machine(),
        "seeds": SEEDS,
        "order": "operations were done after the further training",
        "forms": list(FORMS),
        "methods": {
            m: {
                "method_version": version_of(m),
                "worst_independent": worst.get(m),
                "cells": summary(m, made, worst.get(m)),
            }
            for m in methods
        },
        "residual_cosine": residual_curve(shape, root),
        "not_done": undone(),
    }
