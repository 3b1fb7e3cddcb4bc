"""Published names read back from tensor rules: what a family calls the tensor that plays a part (steps, GGUF files)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from forebear.models.architecture.definition import Definition
from forebear.models.architecture.rules import TensorRule
from forebear.models.architecture.settings import Settings


def rules_for(definition: Definition, config: dict[str, Any]) -> Iterator[TensorRule]:
    """Rules of the main stack and of the whole model that this configuration does not rule out."""
    settings = Settings(config, definition.roots)
    for rule in definition.tensors:
        if rule.stack == definition.main_stack and (rule.when is None or rule.when.holds(settings)):
            yield rule


def parts_of(rule: TensorRule) -> frozenset[str]:
    """The part a rule plays, or the parts fused in it."""
    fused = {segment.part or rule.part for d in rule.dims or () if d.fused for segment in d.segments}
    return frozenset(fused or {rule.part})


def layer_stem(name: str) -> tuple[str, str]:
    """("layers.", "self_attn.q_proj.weight") of "{prefix}layers.{layer}.self_attn.q_proj.weight"; ("", name) outside layers."""
    before, slot, after = name.removeprefix("{prefix}").partition("{layer}.")
    return (before, after) if slot else ("", before)
