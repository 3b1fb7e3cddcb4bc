"""Moves found inside layers, taken back on the subject: what stays is the candidate after operations alone (METHODS §9)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from forebear.core.errors import RefusedError, refusal
from forebear.core.messages import message
from forebear.recipes.coordinates.undo import snapped
from forebear.recipes.coordinates.within import refitted
from forebear.recipes.detectors.sight import Proposal
from forebear.recipes.replay.moves import Exact, moved
from forebear.recipes.steps.draft import Draft
from forebear.recipes.steps.model import Model

Place = tuple[int, ...]


def _inverse(order: Any) -> np.ndarray:
    return np.argsort(np.asarray(order), kind="stable")


def _each(name: str, change: Callable[[Any], Any]) -> Callable[[Exact, Model], Exact]:
    """What an argument by place of the subject becomes; the candidate's number in a place is no longer needed."""

    def back(exact: Exact, before: Model) -> Exact:
        return {name: {(key[0], key[0], *key[2:]): change(value) for key, value in exact[name].items()}}

    return back


def _scales(exact: Exact, before: Model) -> Exact:
    name = "signs" if exact.get("signs") else "scales"
    return _each(name, lambda factors: 1 / np.where(factors == 0, 1, factors).astype(np.float64))(exact, before)


def _biases(exact: Exact, before: Model) -> Exact:
    draft, found = Draft(before), {}
    for layer in draft.parts.layers:
        for part, linear in (("v", layer.v), ("k", layer.k)):
            if (bias := draft.bias(linear)) is not None and (part, layer.index) in exact["biases"]:
                found[(part, layer.index)] = bias
    return {"biases": found}


BACK: Mapping[str, Callable[[Exact, Model], Exact]] = {
    "neuron-permutation": _each("orders", _inverse),
    "neuron-signs": _scales,
    "neuron-scaling": _scales,
    "kv-group-permutation": _each("groups", _inverse),
    "query-head-permutation": _each("queries", lambda inner: [_inverse(order) for order in inner]),
    "value-permutation": _each("maps", np.linalg.inv),
    "value-mixing": _each("maps", np.linalg.inv),
    "head-rotation": _each("maps", np.linalg.inv),
    "query-key-mixing": _each("maps", np.linalg.inv),
    "expert-permutation": _each("orders", _inverse),
    "router-shift": lambda exact, before: {"vectors": {layer: -vector for layer, vector in exact["vectors"].items()}},
    "bias-exchange": _biases,
}
"""Move inside layers -> the arguments that take it back. before: the candidate as it was when the move was found."""


def refined(subject: Model, state: Model, ops: Sequence[str]) -> Model | None:
    """The subject with the maps of moves that were taken back fitted again, to the candidate after the operations found.

    Returns: None where no map gets exact by it.
    """
    try:
        better = refitted(subject, state, frozenset(ops))
        made = _precise(subject)
        for op, places in better.items():
            if op == "neuron-scaling":
                made = moved(op, made, {"scales": {place: maps[:, 0, 0] for place, maps in places.items()}}, 0)
            else:
                made = moved(op, made, {"maps": places}, 0)
    except (RefusedError, np.linalg.LinAlgError):
        return None
    return _single(made) if better else None


def _precise(model: Model) -> Model:
    return replace(model, arrays={n: np.asarray(a, dtype=np.float64) for n, a in model.arrays.items()})


def _single(model: Model) -> Model:
    return replace(model, arrays={name: snapped(values).astype(np.float32) for name, values in model.arrays.items()})


def taken_back(subject: Model, done: Sequence[tuple[Proposal, Model]]) -> Model:
    """The subject before the moves. done: each with the candidate as it was then, in the order found; the last is undone first.

    Raises: RefusedError where one cannot be undone.
    """
    made = _precise(Model(subject.arrays, subject.config, subject.tokenizer))
    for proposal, before in reversed(done):
        try:
            made = moved(proposal.found.op, made, BACK[proposal.found.op](proposal.exact, before), 0)
        except (np.linalg.LinAlgError, IndexError, ValueError) as error:
            raise refusal(message("recipe_refused.back"), where=proposal.found.op) from error
    return _single(made)
