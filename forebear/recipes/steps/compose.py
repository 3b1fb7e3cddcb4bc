"""All output-preserving moves together: the strongest rewriting that no output shows."""

from __future__ import annotations

from collections.abc import Sequence

from forebear.core.errors import RefusedError
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.registry import STEPS, apply, step

PERMUTATIONS = (
    "residual-permutation",
    "neuron-permutation",
    "kv-group-permutation",
    "query-head-permutation",
    "value-permutation",
    "expert-permutation",
)
"""Moves that only reorder (and, for value dimensions, negate)."""


def preserving_moves(model: Model) -> tuple[str, ...]:
    """Names of every output-preserving move the model's family allows, in the order they are applied."""
    return tuple(name for name, found in STEPS.items() if found.kind == "preserving" and found.applies_to(model))


def reparameterise(model: Model, seed: int | str, moves: str | Sequence[str] = "all") -> Model:
    """Rewrite a model without changing its outputs.

    moves: "all" (every move its family allows), "permutations" (those of PERMUTATIONS it allows), or names in order.
    Returns: the rewritten model; a tied head may have been untied, and `history` names what was done.
    Raises: RefusedError for an unknown name, a step that is not output-preserving, or one the family does not allow.
    Source: METHODS §9; all together as in Zhu et al. 2025, appendix G.
    """
    if isinstance(moves, str):
        if moves not in ("all", "permutations"):
            raise RefusedError(
                f"no set of moves is called {moves!r}", todo="Say all, permutations, or a list of names."
            )
        allowed = preserving_moves(model)
        moves = allowed if moves == "all" else [name for name in PERMUTATIONS if name in allowed]
    for name in moves:
        if step(name).kind != "preserving":
            raise RefusedError(f"{name} may change the outputs", todo="Use registry.apply for operations.")
        model = apply(name, model, seed)
    return model
