"""What readers of several processes' files share: fields of pickled objects, sizes, tensors placed by their records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from forebear.core.errors import refusal
from forebear.core.limits import MAX_DIMENSIONS
from forebear.core.messages import message
from forebear.files.base import quoted
from forebear.files.formats.pickles import Name, Opaque, Pickled, Table
from forebear.files.formats.torch_tensors import Places, TorchEntry, find_tensors, place_tensors

MAX_SIZE = 2**48
DISAGREE = message("joining.again")
"""For files of one checkpoint that contradict each other."""


def fields(node: Any) -> Table:
    """The attributes of a pickled object, by name; empty for anything else."""
    state = node.state if isinstance(node, Opaque) else None
    if isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], Table):
        state = state[1]
    return state if isinstance(state, Table) else Table()


def named(node: Any, name: str) -> bool:
    """Whether a node is an object of a class of this name, wherever the class lives."""
    return isinstance(node, Opaque) and isinstance(node.made_by, Name) and node.made_by.name == name


def table(node: Any) -> list[tuple[str, Any]]:
    """A dictionary's entries under text keys, an ordered one's too."""
    pairs = node.pairs if isinstance(node, Table | Opaque) else []
    return [(key, value) for key, value in pairs if isinstance(key, str)]


def sizes(value: Any) -> tuple[int, ...] | None:
    """A torch.Size, tuple or list of whole numbers from 0 up; None for anything else, or one too large."""
    if named(value, "Size") and isinstance(value.args, tuple) and len(value.args) == 1:
        value = value.args[0]
    if not isinstance(value, list | tuple) or len(value) > MAX_DIMENSIONS:
        return None
    found: list[int] = []
    product = 1
    for size in value:
        if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < MAX_SIZE:
            return None
        product *= size or 1
        found.append(size)
    return tuple(found) if product < MAX_SIZE else None


def is_tensor(node: Any) -> bool:
    """Whether a node is the record of a plain tensor or parameter, or of one with attributes."""
    if not isinstance(node, Opaque):
        return False
    if node.callee.startswith("torch._tensor._rebuild_from_type") and isinstance(node.args, tuple) and node.args:
        return isinstance(node.args[0], Name) and str(node.args[0]).startswith("torch._utils._rebuild_tensor")
    return node.callee.startswith(("torch._utils._rebuild_tensor", "torch._utils._rebuild_parameter"))


def placed(records: Mapping[str, Opaque], pickled: Pickled, places: Places, where: str) -> dict[str, TorchEntry]:
    """Entries of records of plain tensors. Raises RefusedError for a record that contradicts itself or its file."""
    if not records:
        return {}
    listed = Table(list(records.items()))
    found = find_tensors(Pickled(listed, [], [], pickled.opcodes + len(records)), where)
    entries = place_tensors(found.tensors, places, where).values()  # in order; a name may have lost what all begin with
    return dict(zip(records, entries, strict=True))


def refuse_missing(missing: Iterable[str], where: str) -> None:
    """Refuse when a file of a checkpoint is not there. Raises: RefusedError naming the first."""
    names = list(missing)
    if names:
        key = "missing_several" if len(names) > 1 else "missing"
        said = message(f"joining.{key}", name=quoted(names[0]), more=len(names) - 1)
        raise refusal(said, where=where, todo=message("joining.rest"))
