"""The norms of a checkpoint as its family's [norms] says: what must be folded into what (METHODS §9, step 1)."""

from __future__ import annotations

import numpy as np

from forebear.models.architecture.definition import NormRule
from forebear.models.architecture.settings import Settings
from forebear.models.checkpoint import Checkpoint
from forebear.stats.arrays import F32


def norm_rule(checkpoint: Checkpoint) -> NormRule | None:
    """The rule of a checkpoint's family, None when none is known."""
    definition = checkpoint.definition
    if definition is None or definition.norms is None:
        return None
    return definition.norms.rule(Settings(checkpoint.config, definition.roots))


def gain(checkpoint: Checkpoint, rule: NormRule, role: str, layer: int | None) -> F32 | None:
    """The gain of the norm before a branch ("attention", "mlp", "final") of a layer; None when nothing is to be folded.

    Shapes: (width,).
    """
    return stored_gain(checkpoint, rule, role, layer) if rule.pre_norm else None


def stored_gain(checkpoint: Checkpoint, rule: NormRule, role: str, layer: int | None) -> F32 | None:
    """The same whether or not it folds; None where no such norm has a gain over channels."""
    wanted = rule.roles.get(role, role)
    for piece in checkpoint.pieces:
        if piece.part == "norm" and piece.kind == "gain" and piece.layer == layer and piece.role == wanted:
            values = checkpoint.container.read(piece.tensor)
            return np.asarray(values, dtype=np.float32).reshape(-1) + np.float32(rule.offset)
    return None
