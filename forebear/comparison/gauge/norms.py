"""The norms of a checkpoint as its family's [norms] says: what must be folded into what (METHODS §9, step 1)."""

from __future__ import annotations

import numpy as np

from forebear.models.architecture.definition import NormRule
from forebear.models.checkpoint import Checkpoint
from forebear.stats.arrays import F32


def norm_rule(checkpoint: Checkpoint) -> NormRule | None:
    """The rule of a checkpoint's family, None when none is known."""
    return checkpoint.definition.norms if checkpoint.definition is not None else None


def gain(checkpoint: Checkpoint, rule: NormRule, role: str, layer: int | None) -> F32 | None:
    """The gain of the norm that plays a role ("attention", "mlp", "final") in a layer; None when nothing is to be folded.

    Shapes: (width,).
    """
    return stored_gain(checkpoint, rule, role, layer) if rule.pre_norm else None


def stored_gain(checkpoint: Checkpoint, rule: NormRule, role: str, layer: int | None) -> F32 | None:
    """The same whether or not it folds; None where no such norm has a gain over channels."""
    for piece in checkpoint.pieces:
        if piece.part == "norm" and piece.kind == "gain" and piece.layer == layer and piece.role == role:
            values = checkpoint.container.read(piece.tensor)
            return np.asarray(values, dtype=np.float32).reshape(-1) + np.float32(rule.offset)
    return None
