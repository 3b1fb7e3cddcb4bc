"""What a run started from: the weights that follow from a committed seed, or from one of the well-known ones (METHODS §19)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from forebear.attest.commitment import used_keys, without_place
from forebear.attest.content import root_in
from forebear.attest.held import HeldContainer, held
from forebear.attest.initialiser import MAX_PARAMETERS, initial_weights, initialiser_for, planned
from forebear.attest.statement import Line
from forebear.attest.thresholds import WELL_KNOWN_SEEDS
from forebear.attest.torch_cpu import F32
from forebear.core.errors import RefusedError
from forebear.core.messages import message
from forebear.models.checkpoint import Checkpoint
from forebear.recipes.steps.storage import rounded

MOST_SEARCHED = 2**24
"""Largest start, in numbers, that is drawn once for every well-known seed."""
STORED = ("F32", "BF16", "F16")
"""Types that a start may have been stored in: drawn in single precision, then rounded."""

Found = tuple[list[Line], Checkpoint | None, dict[str, Any] | None]


def start_of(
    promised: Mapping[str, Any] | None, records: Sequence[Mapping[str, Any]], shown: Mapping[str, Checkpoint]
) -> Found:
    """The start that follows from a commitment's seed, or from a well-known one, with what is said of it."""
    if promised is None:
        return _without_commitment(records, shown)
    seed = promised["seed"]
    if seed is None:
        return [Line("seed", "not-proven", message("attest.seed_unknown"))], None, None
    name, keys = promised["initialiser"]["name"], promised["configuration"]["keys"]
    arrays = initial_weights(keys, seed["seed"], name)
    known = {"seed": seed["seed"], "initialiser": name, "how": "commitment"}
    for tag, values in _as_stored(arrays):
        if root_in(HeldContainer(values)) == records[0]["content"]["root"]:
            said = message("attest.seed_follows", seed=seed["seed"], initialiser=name, stored=tag)
            return [Line("seed", "proven", said)], held(values, keys), known
    step = records[0]["step"]
    if step:
        said = message("attest_open.seed_later", seed=seed["seed"], initialiser=name, step=step)
        return [Line("seed", "not-proven", said)], held(arrays, keys), known
    said = message("attest_open.seed_not", seed=seed["seed"], initialiser=name)
    return [Line("seed", "unexplained", said)], held(arrays, keys), known


def _as_stored(arrays: Mapping[str, F32]) -> Iterator[tuple[str, Mapping[str, F32]]]:
    """The start in each type that a first checkpoint may be stored in."""
    for tag in STORED:
        yield tag, arrays if tag == "F32" else {name: rounded(values, tag) for name, values in arrays.items()}


def _without_commitment(records: Sequence[Mapping[str, Any]], shown: Mapping[str, Checkpoint]) -> Found:
    """For a team that committed nothing: which well-known seed gives the first record."""
    lines = [Line("commitment", "not-proven", message("attest.no_commitment"), "described")]
    config = next((side.config for side in shown.values() if side.config), None)
    first = records[0]["content"]
    try:
        if config is None:
            return [*lines, Line("seed", "not-proven", message("attest.seeds_no_config"), "described")], None, None
        made = initialiser_for(config).name
        keys = used_keys(config, initialiser_for(config))
        planned(keys)
    except RefusedError as error:
        return (
            [
                *lines,
                Line("seed", "not-proven", message("attest.seeds_refused", why=without_place(error)), "described"),
            ],
            None,
            None,
        )
    if not isinstance(first.get("parameters"), int) or first["parameters"] > min(MOST_SEARCHED, MAX_PARAMETERS):
        return (
            [*lines, Line("seed", "not-proven", message("attest.seeds_large", most=MOST_SEARCHED), "described")],
            None,
            None,
        )
    for seed in WELL_KNOWN_SEEDS:
        for tag, values in _as_stored(initial_weights(keys, seed, made)):
            if root_in(HeldContainer(values)) == first["root"]:
                said = message(
                    "attest.known_seed", seed=seed, initialiser=made, count=len(WELL_KNOWN_SEEDS), stored=tag
                )
                known = {"seed": seed, "initialiser": made, "how": "well-known"}
                return [*lines, Line("seed", "proven", said)], held(values, keys), known
    said = message("attest.no_known_seed", count=len(WELL_KNOWN_SEEDS), initialiser=made)
    return [*lines, Line("seed", "not-proven", said)], None, None
