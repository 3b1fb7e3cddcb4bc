"""What a run started from: the weights that follow from a committed seed, or from one of the well-known ones (METHODS §19)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from forebear.attest.commitment import used_keys, without_place
from forebear.attest.content import root_of
from forebear.attest.held import HeldContainer, held
from forebear.attest.initialiser import MAX_PARAMETERS, drawn_weights, initialiser_for, planned
from forebear.attest.statement import Line
from forebear.attest.thresholds import WELL_KNOWN_SEEDS
from forebear.attest.torch_cpu import F32
from forebear.core.errors import RefusedError
from forebear.core.messages import message
from forebear.files.digests import value_digest
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
    known = {"seed": seed["seed"], "initialiser": name, "how": "commitment"}
    first = records[0]["content"]["root"]
    tag = _stored_as(first, keys, seed["seed"], name)
    if tag is not None:
        said = message("attest.seed_follows", seed=seed["seed"], initialiser=name, stored=tag)
        start = shown.get(first) or _held(keys, seed["seed"], name, tag)
        return [Line("seed", "proven", said)], start, known
    step = records[0]["step"]
    if step:
        said = message("attest_open.seed_later", seed=seed["seed"], initialiser=name, step=step)
        return [Line("seed", "not-proven", said)], _held(keys, seed["seed"], name), known
    said = message("attest_open.seed_not", seed=seed["seed"], initialiser=name)
    return [Line("seed", "unexplained", said)], _held(keys, seed["seed"], name), known


def _stored_as(root: str, keys: Mapping[str, Any], seed: int, name: str) -> str | None:
    """The type in which a start has this root, a matrix in memory at a time; None for a root that it has in none."""
    digests: dict[str, dict[str, str]] = {tag: {} for tag in STORED}
    for tensor, values in drawn_weights(keys, seed, name):
        for tag, found in digests.items():
            found[tensor] = value_digest(HeldContainer({tensor: _stored(values, tag)}), tensor).digest
    return next((tag for tag, found in digests.items() if root_of(found) == root), None)


def _held(keys: Mapping[str, Any], seed: int, name: str, tag: str = "F32") -> Checkpoint:
    """A start whole in memory, as it is stored in a type: for chains whose first checkpoint is not shown, or is another."""
    return held({tensor: _stored(values, tag) for tensor, values in drawn_weights(keys, seed, name)}, keys)


def _stored(values: F32, tag: str) -> F32:
    return values if tag == "F32" else rounded(values, tag)


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
        tag = _stored_as(first["root"], keys, seed, made)
        if tag is not None:
            said = message("attest.known_seed", seed=seed, initialiser=made, count=len(WELL_KNOWN_SEEDS), stored=tag)
            known = {"seed": seed, "initialiser": made, "how": "well-known"}
            start = shown.get(first["root"]) or _held(keys, seed, made, tag)
            return [*lines, Line("seed", "proven", said)], start, known
    said = message("attest.no_known_seed", count=len(WELL_KNOWN_SEEDS), initialiser=made)
    return [*lines, Line("seed", "not-proven", said)], None, None
