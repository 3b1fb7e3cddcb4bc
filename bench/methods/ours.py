"""forebear itself, through its public verb: the whole walk, with every statistic it prints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import forebear
from bench.methods.score import Figure, Score
from forebear.core.errors import RefusedError

IDENTICAL_SCORE = 1e6


def figures(evidence: list[Mapping[str, Any]]) -> dict[str, Figure]:
    """Evidence as figures with what each promises: bounds of p before anything is multiplied in, z, matches."""
    found: dict[str, Figure] = {}
    for one in evidence:
        name = f"{one['test']}/{one['axis']}"
        if one.get("log10_p") is not None and one["kind"] == "exact":
            found[f"{name} p"] = Figure(float(one["log10_p"]), "p-bound")
        if isinstance(one.get("z"), int | float):
            found[f"{name} z"] = Figure(float(one["z"]), "z")
        if isinstance(one.get("effect_z"), int | float):
            found[f"{name} effect z"] = Figure(float(one["effect_z"]), "plain")
        if one.get("matched") is not None and one["test"] == "deck":
            found[f"{name} matched"] = Figure(float(one["matched"]), "count")
        if isinstance(one.get("rho"), int | float):
            found[f"{name} rho"] = Figure(float(one["rho"]), "plain")
    return found


def method(subject: Path, candidate: Path) -> Score:
    """Score: minus the smallest log10 p among the evidence that decides; the verdict's own p and relation beside it."""
    try:
        document = forebear.compare(subject, [candidate])
    except RefusedError as error:
        return Score(0.0, relation=f"refused: {error.what}")
    verdict, evidence = document["verdict"], list(document["evidence"])
    if verdict["relation"] == "identical":
        return Score(IDENTICAL_SCORE, relation="identical")
    strengths = [-float(e["log10_p"]) for e in evidence if e["decides"] and e.get("log10_p") is not None]
    return Score(
        max(strengths, default=0.0), verdict["direction"], verdict["log10_p"], verdict["relation"], figures(evidence)
    )
