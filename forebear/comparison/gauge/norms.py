"""How each family's norms stand before its matrices: what must be folded into what (METHODS §9, step 1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from forebear.models.checkpoint import Checkpoint
from forebear.stats.arrays import F32


@dataclass(frozen=True)
class NormRule:
    """Norms of one family.

    pre_norm:  a norm stands before each branch and the residual is never normalised itself, so it can be turned; else only the
               order of its channels is free, and nothing is folded.
    mean_subtracted: LayerNorm: the all-ones direction never acts. offset: what the stored gain is added to (Gemma: 1).
    proved:    whether a test rewrites this family with every move and finds it again.
    """

    pre_norm: bool = True
    mean_subtracted: bool = False
    offset: float = 0.0
    proved: bool = False


RULES: Mapping[str, NormRule] = {
    "llama": NormRule(proved=True),
    "mixtral": NormRule(proved=True),
    "qwen_moe": NormRule(proved=True),
    "gpt2": NormRule(mean_subtracted=True, proved=True),
    "starcoder2": NormRule(mean_subtracted=True),
    "bert": NormRule(pre_norm=False),
    "baichuan": NormRule(),
    "internlm2": NormRule(),
    "phi3": NormRule(),
    "gpt_bigcode": NormRule(mean_subtracted=True),
    "opt": NormRule(mean_subtracted=True),
}
"""Family -> rule, for families whose norms before attention, MLP and head bear those roles in their definition."""


def norm_rule(checkpoint: Checkpoint) -> NormRule | None:
    """The rule of a checkpoint's family, None when none is known."""
    return RULES.get(checkpoint.family)


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
