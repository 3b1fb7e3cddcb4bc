"""The verb `recipe`: is there a sign of descent, which steps lead from the candidate to the subject, what do they leave."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from forebear.comparison.compare import Asked, compare_pair
from forebear.core.documents import finish
from forebear.core.errors import UsageError
from forebear.core.messages import Message, message
from forebear.core.progress import within
from forebear.core.sizes import parse_size
from forebear.core.threads import one_thread
from forebear.models.checkpoint import Checkpoint, OnBase, Place, on_base, open_checkpoint, put_there
from forebear.recipes.dated import CameFirst, came_first, dates_of
from forebear.recipes.detectors.readings import Both
from forebear.recipes.detectors.side import Side
from forebear.recipes.found import Found
from forebear.recipes.replay.held import as_model, check_size
from forebear.recipes.replay.run import Replayed, run
from forebear.recipes.several import Several, asked_besides, write_files
from forebear.recipes.spelling import Spelling, spelling_of
from forebear.recipes.told import first_words, of_several, told

Document = Mapping[str, Any]
DEFAULT_BYTES = 2 * 2**30
"""Bytes of a model held in memory, float32, unless the caller allows more; several times this are used while replay runs."""
WITH_RECIPE = ("identical", "related", "shares-components")
"""Relations of which a recipe is told; of any other there is nothing to tell steps from."""


@dataclass(frozen=True)
class Told:
    """One candidate: what `compare` says of it, and what replay gave where a recipe may be told."""

    id: str
    relation: str
    verdict: Sequence[Message]
    replayed: Replayed | None
    shared: tuple[str, ...]
    """Parts a recipe speaks of; () for all."""


def recipe_of(
    subject: str | Path, candidates: Sequence[str | Path], *, budget: int | str | None = None,
    architecture: str | Path | None = None, check: str | Path | None = None, write: str | Path | None = None,
    dates: str | Path | None = None, base: str | Path | None = None,
) -> Document:  # fmt: skip
    """See `forebear.recipe`."""
    if not candidates:
        raise UsageError("no candidate given", where="CANDIDATE", todo="Name at least one checkpoint it may come from.")
    started = time.perf_counter()
    most = DEFAULT_BYTES if budget is None else parse_size(budget, "--budget")
    own = None if architecture is None else Path(architecture)
    names = [str(subject), *(str(c) for c in candidates)]
    days = None if dates is None else dates_of(Path(dates), names[0], names[1:])
    places = [on_base(name, base) for name in names]
    if base is not None and not any(isinstance(place, OnBase) for place in places):
        raise UsageError("neither subject nor candidates are adapters", where="--base", todo="Leave it out, or give an adapter.")
    opened = open_checkpoint(places[0], architecture=own)
    limits: list[Message] = list(opened.limits) if opened.definition is None or isinstance(places[0], OnBase) else []
    try:
        found = [_within(at, opened, places, own, most, limits) for at in range(1, len(names))]
        related = [t.id for t in found if t.relation in ("identical", "related")]
        best = _best(found)
        steps = _steps(best) if best is not None else ()
        candidates_at = dict(zip(names[1:], places[1:], strict=True))
        besides = asked_besides(opened, related, steps, candidates=candidates_at, own=own, check=check)
        limits += besides.said
        body = _body(opened, names[0], found, besides)
        if days is not None:
            relations = {t.id: t.relation for t in found}
            first = came_first(
                opened, places, relations, body["candidate"], dates=days, steps=steps, besides=besides, own=own
            )
            body = _directed(body, first)
            limits += first.limits()
        read = {"subject_bytes": opened.container.bytes_read, "seconds": round(time.perf_counter() - started, 3)}
    finally:
        opened.close()
    words = ["forebear", "recipe", *names]
    if write is not None:
        write_files(write, besides.steps or steps, list(besides.parents))
    given = {"budget": budget, "architecture": architecture, "check": check, "write": write, "dates": dates, "base": base}
    for name, value in given.items():
        words += [f"--{name}", str(value)] if value is not None else []
    return finish("forebear/recipe/1", body, limits=limits, read=read, reproduce=shlex.join(words))


def _within(at: int, subject: Checkpoint, places: Sequence[Place], own: Path | None, most: int, limits: list[Message]) -> Told:
    """What is told of one candidate, as a step of the run."""
    of = len(places) - 1
    with within(at - 1, of, f"candidate {at} of {of}, {Path(places[at]).name}"):
        return _told(subject, places[0], places[at], of, own, most, limits)


@one_thread()
def _told(
    subject: Checkpoint, name: Place, place: Place, looks: int, own: Path | None, most: int, limits: list[Message]
) -> Told:
    """One candidate: the relation first, steps only where `compare` shows one."""
    candidate, built = str(place), put_there(name, place)
    limits += [] if built is None else [message("limit.side", side=candidate, what=built)]
    options = Asked(architecture=own).options(str(name), [candidate])
    with within(0, 10, "do they share weights"):
        compared = compare_pair(name, place, options, looks)
    relation, words = compared["verdict"]["relation"], compared["verdict"]["words"]
    if relation not in WITH_RECIPE:
        limits += _unknown(place, own) if relation == "cannot-tell" else []
        return Told(candidate, relation, words, None, ())
    shared: tuple[str, ...] = ()
    if relation == "shares-components":
        states = compared["alignment"].get("components", ())
        shared = tuple(part for c in states if c["state"] == "shared" for part in PARTS.get(c["name"], ()))
        if not shared:
            limits.append(message("recipe.limit_components", candidate=candidate))
            return Told(candidate, relation, words, None, ())
    other = open_checkpoint(place, architecture=own)
    try:
        if subject.definition is None or other.definition is None:
            limits.append(message("recipe.limit_family", candidate=candidate))
            return Told(candidate, relation, words, None, shared)
        model = as_model(other, most)
        check_size(subject, most)
    finally:
        other.close()
    spelling, unread = spelling_of(subject, other)
    with within(1, 10, "how it was made", parts=9):
        replayed = run(Side(subject), model, None if spelling is None else spelling.partner)
    limits += [] if unread is None else [unread]
    if spelling is not None and spelling.kind != "same":
        replayed = _spelt(replayed, spelling, limits)
    if replayed.missing > 0:
        limits.append(message("recipe.limit_missing", count=replayed.missing))
    return Told(candidate, relation, words, replayed, shared)


def _unknown(place: Place, own: Path | None) -> list[Message]:
    """What is to be said of a candidate whose architecture is not known."""
    with closing(open_checkpoint(place, architecture=own)) as other:
        said = other.limits if other.definition is None else []
    return [message("limit.side", side=str(place), what=one) for one in said]


def _spelt(replayed: Replayed, spelling: Spelling, limits: list[Message]) -> Replayed:
    """What the tokenizers show, beside what the rows show; a limit where the rows show nothing of it."""
    tables = [step.op.startswith(("vocabulary-", "token-ids-")) for step in replayed.steps]
    if not any(tables):
        limits += [spelling.words(), message("recipe_tokens.rows_silent")]
    steps = (replace(s, said=(*s.said, spelling.words())) if t else s for s, t in zip(replayed.steps, tables, strict=True))
    return replace(replayed, steps=tuple(steps))


PARTS = {
    "embedding": ("embedding",), "head": ("head",), "mlp": ("gate", "up", "down"), "experts": ("gate", "up", "down", "router"),
    "attention": ("q", "k", "v", "o"), "layers": ("q", "k", "v", "o", "gate", "up", "down", "norm"),
}  # fmt: skip
"""Component of a verdict -> parts it is made of."""


def _best(found: Sequence[Told]) -> Told | None:
    """The candidate that leaves least."""
    able = [t for t in found if t.replayed is not None]
    return min(able, key=lambda t: (t.relation == "shares-components", _left(t)), default=None)


def _body(subject: Checkpoint, name: str, found: Sequence[Told], besides: Several) -> dict[str, Any]:
    """The document without what every document has."""
    best = next((t for t in found if t.id == besides.candidate), None) or _best(found)
    steps = besides.steps or (_steps(best) if best is not None else ())
    replayed = best.replayed if best is not None else None
    left = replayed.left if replayed is not None else None
    left = besides.residual if besides.steps else left
    words = first_words(name, found[0].id if best is None else best.id, [t.relation for t in found], steps, replayed)
    return {
        "subject": _party(subject, name),
        "candidates": [{"id": t.id, "relation": t.relation, "words": list(t.verdict)} for t in found],
        "candidate": best.id if best is not None else None,
        "words": of_several(name, steps) if besides.steps and not besides.candidate else words,
        "steps": [{**step.document(), "words": told(step)} for step in steps],
        "residual": None if left is None else round(left, 9),
        "before": None if replayed is None or replayed.before is None else round(replayed.before, 9),
        "change": _left_over(besides, replayed),
        "layers": _layers(subject, steps, replayed),
        "parents": list(besides.parents),
        "direction": "not-shown",
        **({} if besides.checked is None else {"checked": list(besides.checked)}),
    }


def _directed(body: Mapping[str, Any], first: CameFirst) -> dict[str, Any]:
    """The document with what dates and weights show of direction; its sentence takes the place of "not shown"."""
    words = list(body["words"])
    said = first.words(body["candidate"]) if body["candidate"] is not None else None
    if said is not None:
        words = [*(one for one in words if one.key != "recipe.direction"), said]
    return {**body, "words": words, "direction": first.direction.answer, "came_first": first.document()}


def _left(told_: Told) -> float:
    rest = told_.replayed.left if told_.replayed is not None else None
    return 2.0 if rest is None else rest


def _steps(best: Told) -> tuple[Found, ...]:
    """The steps; of a pair that shares parts only, those on these parts."""
    assert best.replayed is not None
    if not best.shared:
        return best.replayed.steps
    parts = set(best.shared)
    return tuple(s for s in best.replayed.steps if set(s.where.get("parts", ())) & parts)


def _party(checkpoint: Checkpoint, name: str) -> dict[str, Any]:
    return {
        "id": name, "family": checkpoint.family, "layers": checkpoint.layers, "width": checkpoint.width,
        "parameters": sum(t.parameters for t in checkpoint.container.tensors.values()),
    }  # fmt: skip


def _change(pieces: Sequence[Both]) -> list[dict[str, Any]]:
    """By part and layer of the subject: how far it is from the replayed candidate, and whether it is equal."""
    groups: dict[tuple[str, int | None], list[Both]] = {}
    for b in pieces:
        if b.kind == "matrix" or b.layer is None:
            groups.setdefault((b.part, b.layer), []).append(b)
    found = []
    for (part, layer), group in groups.items():
        size = sum(float(np.linalg.norm(b.theirs.astype(np.float64)) ** 2) for b in group)
        rest = sum(float(np.linalg.norm(b.mine.astype(np.float64) - b.theirs) ** 2) for b in group)
        distance = float(np.sqrt(rest / size)) if size else float(bool(rest))
        found.append(
            {"part": part, "layer": layer, "distance": round(distance, 6), "equal": all(b.equal for b in group)}
        )
    return found


def _left_over(besides: Several, replayed: Replayed | None) -> list[dict[str, Any]]:
    """The same after what was told: a merge, a conversion that gives every value, or the steps of the detectors."""
    if besides.steps and not besides.candidate:
        return [
            {"part": part, "layer": layer, "distance": round(distance, 6), "equal": False}
            for part, layer, distance in besides.left
        ]
    rows = _change(replayed.pieces) if replayed is not None else []
    return [row | {"distance": 0.0, "equal": True} for row in rows] if besides.steps else rows


def _layers(subject: Checkpoint, steps: Sequence[Found], replayed: Replayed | None) -> list[dict[str, Any]]:
    """Layer by layer of the subject: the candidate's layer it is, and how it came there."""
    stack = next((step for step in steps if step.op == "layers-stacked"), None)
    if stack is not None:
        return [
            {"layer": row["layer"], "from": row["source"], "how": "copy", "frozen": False, "mlp": []}
            for row in stack.parameters["map"]
        ]
    if replayed is None:
        return []
    inserted = {layer: (step, after) for step in steps if step.op == "layers-inserted"
                for layer, after in zip(step.where["layers"], step.where["after"], strict=True)}  # fmt: skip
    dropped = [layer for step in steps if step.op == "layers-dropped" for layer in step.where["layers"]]
    widened = [step.op for step in steps if step.op in ("mlp-widened", "mlp-narrowed", "dense-to-moe", "moe-to-dense")]
    frozen = {layer for step in steps for layer in step.where.get("frozen_layers", ())}
    found, source = [], -1
    for layer in range(subject.layers):
        if layer in inserted:
            step, after = inserted[layer]
            kind = str(step.parameters["kind"])
            found.append(
                {"layer": layer, "from": after if kind != "new" else None, "how": kind, "frozen": False, "mlp": widened}
            )
            continue
        source += 1
        while source in dropped:
            source += 1
        found.append({"layer": layer, "from": source, "how": "kept", "frozen": layer in frozen, "mlp": widened})
    return found
