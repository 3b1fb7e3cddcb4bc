"""A file whose names or layout its family does not know, read under the family's names (METHODS §10, decision 0118).

No list of layouts. The tensors that a layer of the family has are laid over those that a layer of the file has, by shape: each
as it is, turned, stacked over experts, or several fused in one. Where several coverings fit, or several cuts of what is fused,
the pair decides: rows in their places, then how long rows are, then the words of names. Every covering and cut that was
possible multiplies every p-value of the pair, so choosing among them by content is fair.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from forebear.comparison.reading.cover import Covering, best_covering
from forebear.comparison.reading.slots import Read, Slot, Source, slots, sources, stated_layout
from forebear.core.errors import printable
from forebear.core.messages import Message, message
from forebear.files.base import Container
from forebear.files.view import Look, View
from forebear.models.architecture.definition import Definition
from forebear.models.architecture.layout import Layout
from forebear.models.architecture.registry import select
from forebear.models.checkpoint import Checkpoint, open_checkpoint_from

SHOWN = 3


def refit(side: Checkpoint, other: Checkpoint, most: int) -> Read | None:
    """A side under the names of its family; None where nothing covers it.

    most: bytes a side that the choice may read.
    """
    if max(side.container.grain_bytes, other.container.grain_bytes) > 1 or not _lacks(side):
        return None
    for layout, config, definition in _references(side, other):
        wanted = slots(layout)
        found = sources(side.container, layout.layers[definition.main_stack])
        covering = best_covering(side.container, found, wanted, other if other.definition is not None else None, most)
        if covering is None:
            continue
        container = _seen(side.container, covering, wanted, found)
        opened = open_checkpoint_from(container, config, definition=definition, limits=_of_the_file(side))
        if opened.layout is None:
            continue
        opened = replace(opened, folder=side.folder, inner_vocabulary=side.inner_vocabulary)
        pairs = [
            f"{printable(found[s].bones, 60)} = {covering.said(wanted, s)}" for s in list(covering.options)[:SHOWN]
        ]
        said = message("refit.read", family=definition.family, names=pairs, looks_log10=covering.looks_log10)
        return Read(opened, covering.looks_log10, [said], covering.settled, attention=True)
    return None


def _of_the_file(side: Checkpoint) -> list[Message]:
    """Limits that hold whatever the tensors are taken for: all but those of the choice of a family and of the reading by it."""
    choice = select(side.config, {name: entry.shape for name, entry in side.container.tensors.items()})[1]
    left = [*choice, *side.undecoded, *(side.layout.limits if side.layout is not None else ())]
    return [limit for limit in side.limits if limit not in left and not limit.key.startswith("opening.")]


def _lacks(side: Checkpoint) -> bool:
    """Whether the family is not known, or matrices of layers were left aside."""
    if side.definition is None:
        return bool(side.container.tensors)
    layered = {piece.part for piece in side.pieces if piece.layer is not None and piece.kind == "matrix"}
    lone = [n for n in side.unclaimed if len(side.container.tensors[n].shape) >= 2]
    return bool(lone) and not (layered >= {"o", "down"} and layered & {"up"})


def _references(side: Checkpoint, other: Checkpoint) -> list[tuple[Layout, Mapping[str, Any], Definition]]:
    """Layouts that the file may have: what its own configuration states, else the other side's, else what that one states."""
    found: list[tuple[Layout, Mapping[str, Any], Definition]] = []
    for config in (side.config, other.config):
        definition = side.definition if config is side.config and side.definition else select(config, ())[0]
        layout = None if definition is None else stated_layout(definition, config)
        if definition is not None and layout is not None:
            found.append((layout, config, definition))
    if other.layout is not None and other.definition is not None:
        found.append((other.layout, other.config, other.definition))
    return found


def _seen(container: Container, covering: Covering, wanted: list[Slot], found: list[Source]) -> Container:
    """The file under the family's names: each tensor turned, cut out of a stack, and of what is fused its rows."""
    whole: dict[str, Look] = {}
    looks: dict[str, Look] = {}
    for at, option in covering.options.items():
        for part, slot_at in enumerate(option.slots):
            for (layer, expert), name in wanted[slot_at].names.items():
                stored = found[at].names.get((layer, None if option.stacked else expert))
                if stored is None:
                    continue
                inner = stored if not (option.stacked or option.turned) else f"{stored} {expert} {option.turned}"
                whole[inner] = Look(stored, expert if option.stacked else None, transposed=option.turned)
                rows = None if option.cut is None else option.cut.rows(option.lengths, part)
                looks[name] = Look(inner, rows=rows)
    taken = {look.source for look in whole.values()}
    for name in container.tensors:
        if name not in taken and name not in whole and name not in looks:
            whole[name] = looks[name] = Look(name)
    return View(View(container, whole), looks)
