"""Direction against chains, siblings, uncles and merges."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

from bench.checkpoint import load, save
from bench.mixtures_models import GRAND, Family, grandchild
from bench.shapes import Floats
from forebear.models.checkpoint import Checkpoint, open_checkpoint
from forebear.recipes.direction import Dated, Third, directed

OLD = date(2024, 1, 1)
DAYS = tuple(Dated(date(year, 1, 1), date(year, 1, 1)) for year in (2025, 2026))
"""Earlier and later. Chains and merges are asked in their own order; where neither was made from the other, in both (0065)."""
PARENTS = 3
MERGED = (0.2, 0.3, 0.4, 0.5)
"""Weights of the other model in a merge with a sibling."""
Model = dict[str, Floats]


def pairs(root: Path, shape: str, of: int, made: Family, quick: bool) -> Iterator[tuple[str, str, Model, Model]]:
    """(kind, name, later or first, earlier or second). Kinds: chain (the first was made from the second), apart (neither was),
    merge (the first is a sum of the second and of one that is not given)."""
    grand = {
        (n, word): load(grandchild(root, shape, of, n, word))[0] for n in range(1 if quick else PARENTS) for word in GRAND
    }
    for (n, word), model in grand.items():
        yield "chain", f"{of}-{n}-{word}", model, made.siblings[n]
        for other in range(len(made.siblings)):
            if other != n:
                yield "apart", f"{of}-{n}-{word} beside sibling-{other}", model, made.siblings[other]
    for first in range(len(made.siblings)):
        for second in range(first):
            yield "apart", f"{of}: sibling-{first} beside sibling-{second}", made.siblings[first], made.siblings[second]
    for n in range(1 if quick else PARENTS):
        others = [("base", made.base), *((f"sibling-{k}", one) for k, one in enumerate(made.siblings) if k != n)][:4]
        for (word, other), weight in product(others, MERGED):
            merged = {key: ((1 - weight) * one + weight * other[key]).astype(one.dtype) for key, one in made.siblings[n].items()}
            yield "merge", f"{of}-{n} and {weight} of {word}", merged, made.siblings[n]
    listed = list(grand)
    for place, first_key in enumerate(listed):
        for second_key in listed[:place]:
            yield "apart", f"{of}-{first_key} beside {second_key}", grand[first_key], grand[second_key]


def direction_rows(root: Path, shape: str, families: list[Family], quick: bool) -> dict[str, Any]:
    """Every pair asked both ways round, the base being the dated third."""
    rows = []
    for of, made in enumerate(families[: 1 if quick else 2]):
        with tempfile.TemporaryDirectory() as scratch:
            third = _opened(Path(scratch), "base", made.base, made)
            for kind, name, first, second in pairs(root, shape, of, made, quick):
                sides = [_opened(Path(scratch), word, model, made) for word, model in (("first", first), ("second", second))]
                for turned in (False, True):
                    subject, candidate = reversed(sides) if turned else sides
                    later, earlier = DAYS[::-1]
                    true = (earlier, later) if turned else (later, earlier)
                    orders = (true, true[::-1]) if kind == "apart" else (true,)
                    base = [Third("base", third, OLD)]
                    found = [directed(subject, candidate, thirds=base, dates=days) for days in orders]
                    answer = next((one.answer for one in found if one.answer != "not-shown"), "not-shown")
                    stopped = any(said.key == "direction_dates.not_in_order" for said in found[0].said)
                    right = "candidate-from-subject" if turned else "subject-from-candidate"
                    row = {"pair": name, "kind": kind, "turned": turned, "answer": answer, "right": answer == right}
                    rows.append({**row, "stopped": stopped})
    chains = [one for one in rows if one["kind"] == "chain"]
    apart = [one for one in rows if one["kind"] == "apart"]
    answered = [one for one in chains if one["answer"] != "not-shown"]
    spoke = [one for one in apart if one["answer"] != "not-shown"]
    merges = [one for one in rows if one["kind"] == "merge"]
    wrong = sum(not one["right"] for one in answered) + len(spoke)
    return {
        "rows": rows,
        "summary": {
            "chains": len(chains), "answered": len(answered), "wrong_of_answered": sum(not one["right"] for one in answered),
            "apart": len(apart), "spoke_on_apart": len(spoke), "wrong_share_of_answers": wrong / max(1, len(answered) + len(spoke)),
            "merges": len(merges), "merges_stopped_by_dates": sum(one["stopped"] for one in merges),
            "merges_told_wrong": sum(one["answer"] != "not-shown" and not one["right"] for one in merges),
        },
    }  # fmt: skip


def _opened(folder: Path, name: str, model: Model, of: Family) -> Checkpoint:
    save(folder / name, model, of.shape)
    return open_checkpoint(folder / name)
