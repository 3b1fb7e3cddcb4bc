"""A side whose model type nobody defined, read as the family that its tensor names fit without a remainder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from forebear.core.messages import Message, message
from forebear.models.architecture.definition import Definition
from forebear.models.architecture.registry import select
from forebear.models.checkpoint import Checkpoint, open_checkpoint_from


def read_by_names(left: Checkpoint, right: Checkpoint) -> tuple[Checkpoint, Checkpoint, list[Message]]:
    """Both sides, each without a definition read under one that its names fit; unchanged where none does.

    One side unknown: the other side's definition. Its tests stay exact: under the null hypothesis it is enough that the units
    of one side are exchangeable (METHODS §2). Both unknown: the family that the names mark; the sentence says that the tests
    then rest on the names.
    """
    if left.definition is None and right.definition is None:
        read = [(_under(side, _marked(side)), side) for side in (left, right)]
        if any(found is None for found, _ in read):
            return left, right, []
        one, other = (found for found, _ in read if found is not None)
        return one, other, [message("names.by_names", family=one.family, other=other.family)]
    nameless, named = (left, right) if left.definition is None else (right, left)
    found = _under(nameless, named.definition)
    if found is None:
        return left, right, []
    said = [message("names.other_family", family=found.family)]
    return (found, right, said) if nameless is left else (left, found, said)


def _marked(side: Checkpoint) -> Definition | None:
    return select(_typeless(side.config), {name: entry.shape for name, entry in side.container.tensors.items()})[0]


def _typeless(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration without the model types that nobody defined."""
    plain = {key: value for key, value in config.items() if key != "model_type"}
    return {key: _typeless(value) if isinstance(value, Mapping) else value for key, value in plain.items()}


def _under(side: Checkpoint, definition: Definition | None) -> Checkpoint | None:
    """A side under a definition that claims every tensor of its layers; else None: it is another architecture."""
    if definition is None:
        return None
    read = open_checkpoint_from(side.container, side.config, definition=definition)
    if read.layout is None:
        return None
    stems = {stem for piece in read.pieces if (stem := _stem(piece.tensor, piece.layer))}
    if any(name.startswith(tuple(stems)) for name in read.unclaimed):
        return None
    return replace(read, folder=side.folder, inner_vocabulary=side.inner_vocabulary)


def _stem(name: str, layer: int | None) -> str:
    """What every tensor of a layer begins with: "model.layers.3."; "" for a tensor of no layer."""
    before, found, _ = name.partition(f".{layer}.")
    return f"{before}{found}" if found else ""
