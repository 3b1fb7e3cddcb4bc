"""Direction against chains, siblings, uncles and built preimages."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from bench.checkpoint import load, save
from bench.mixtures_models import GRAND, Family, grandchild
from bench.shapes import Floats
from forebear.models.checkpoint import Checkpoint, open_checkpoint
from forebear.recipes.direction import Dated, Third, directed

OLD = date(2024, 1, 1)
DAYS = tuple(Dated(date(year, 1, 1), date(year, 1, 1)) for year in (2025, 2026))
"""Earlier and later. A chain is asked with its own order; where neither was made from the other, with both (decision 0065)."""
PARENTS = 3
Model = dict[str, Floats]


def pairs(root: Path, shape: str, of: int, made: Family, quick: bool) -> Iterator[tuple[str, str, Model, Model]]:
    """(kind, name, later or first, earlier or second). Kinds: chain (the first was made from the second), apart (neither was)."""
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
                    orders = (true,) if kind == "chain" else (true, true[::-1])
                    base = [Third("base", third, OLD)]
                    answers = [directed(subject, candidate, thirds=base, dates=days).answer for days in orders]
                    answer = next((one for one in answers if one != "not-shown"), "not-shown")
                    right = "candidate-from-subject" if turned else "subject-from-candidate"
                    rows.append({"pair": name, "kind": kind, "turned": turned, "answer": answer, "right": answer == right})
    chains = [one for one in rows if one["kind"] == "chain"]
    apart = [one for one in rows if one["kind"] == "apart"]
    answered = [one for one in chains if one["answer"] != "not-shown"]
    spoke = [one for one in apart if one["answer"] != "not-shown"]
    wrong = sum(not one["right"] for one in answered) + len(spoke)
    return {
        "rows": rows,
        "summary": {
            "chains": len(chains), "answered": len(answered), "wrong_of_answered": sum(not one["right"] for one in answered),
            "apart": len(apart), "spoke_on_apart": len(spoke), "wrong_share_of_answers": wrong / max(1, len(answered) + len(spoke)),
        },
    }  # fmt: skip


def _opened(folder: Path, name: str, model: Model, of: Family) -> Checkpoint:
    save(folder / name, model, of.shape)
    return open_checkpoint(folder / name)
