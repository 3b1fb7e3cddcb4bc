"""Checkpoints as training systems leave them: which of their folders is the model's last, and how its files are joined."""

from __future__ import annotations

import re
from itertools import islice

from forebear.core.errors import RefusedError, refusal
from forebear.core.messages import message
from forebear.files.base import Container
from forebear.files.bytes.folder import MAX_INNER, Folder
from forebear.files.layouts import layout_of
from forebear.files.sets import Kind, WeightSet

TRAINED = (Kind.DCP, Kind.ZERO, Kind.MEGATRON)
_PLACES = re.compile(r"(?:pytorch_model_fsdp|global_step|iter|step)[_-]?(\d{1,12})|checkpoint|model|weights|model_weights|release")
"""Inner folders that a trainer keeps the model's state in, the number of the step in their names."""
_RANK = re.compile(r"mp_rank_\d{2,3}(?:_\d{3}){0,2}")
_ZERO = re.compile(r"(?:zero_pp_rank_\d+_)?mp_rank_\d+_model_states\.pt")
_ZERO_PARTS = re.compile(r"(?:bf16_|fp16_)?zero_pp_rank_\d+_mp_rank_\d+_optim_states\.pt")
_MEGATRON = "model_optim_rng.pt"
_LATEST = ("latest", "latest_checkpointed_iteration.txt")
_LONGEST = 200


def trained_sets(folder: Folder) -> tuple[WeightSet, ...]:
    """The checkpoints of a training system in a folder or its inner folders, the one that is taken first.

    The folder's own before inner ones; of those the one that the trainer's own note calls the latest, else the highest step.
    """
    own = _set_in(folder, "")
    if own is not None:
        return (own,)
    inner = [(found, name) for name in folder.folders() if (found := _PLACES.fullmatch(name)) is not None]
    if not inner:
        return ()
    latest = _latest(folder)
    ordered = sorted(inner, key=lambda one: (one[1] != latest, -int(one[0][1] or 0), one[1]))
    return tuple(one for _, name in ordered if (one := _set_in(folder.inner(name), f"{name}/")) is not None)


def open_trained(folder: Folder, one: WeightSet, max_header: int | None) -> Container:
    """The container of one of them. Raises: RefusedError that names the layout, the reason, and the tool that joins it."""
    *inner, first = one.first.split("/")
    if inner and _RANK.fullmatch(inner[-1]):  # a folder for each rank is part of the layout
        inner = inner[:-1]
    home = folder.inner(inner[0]) if inner else folder
    files = [name.removeprefix(f"{inner[0]}/") for name in one.files] if inner else list(one.files)
    try:
        return _opened(home, one.kind, files, max_header)
    except RefusedError as error:
        layout = layout_of([*files, first])
        if layout is None:
            raise
        kind, todo = message(f"unread.{layout.kind}"), message(f"convert.{layout.kind}")
        raise refusal(message("format.unjoined", kind=kind, why=error.said or error.what), where=error.where, todo=todo) from error


def _opened(home: Folder, kind: Kind, files: list[str], max_header: int | None) -> Container:
    if kind is Kind.DCP:
        from forebear.files.formats.dcp import open_dcp  # each is loaded where a folder needs it

        return open_dcp(home, max_header)
    if kind is Kind.ZERO:
        from forebear.files.formats.zero import open_zero

        return open_zero(home, files, max_header)
    from forebear.files.formats.megatron import open_megatron

    return open_megatron(home, files, max_header)


def _set_in(folder: Folder, prefix: str) -> WeightSet | None:
    """The checkpoint that lies directly in a folder; prefix: what leads to it from the folder that was named."""
    names = list(islice(folder.names(), 4 * MAX_INNER))
    chunks = [name for name in names if name.endswith(".distcp")]
    if chunks and _has_metadata(folder):
        return _set(Kind.DCP, prefix, chunks)
    if zero := [name for name in names if _ZERO.fullmatch(name)]:
        return _set(Kind.ZERO, prefix, zero + [name for name in names if _ZERO_PARTS.fullmatch(name)])
    if _MEGATRON in names:
        return _set(Kind.MEGATRON, prefix, [_MEGATRON])
    ranks = [name for name in folder.folders() if _RANK.fullmatch(name)]
    return _set(Kind.MEGATRON, prefix, [f"{name}/{_MEGATRON}" for name in ranks]) if ranks else None


def _has_metadata(folder: Folder) -> bool:
    return folder.path is None or (folder.path / ".metadata").exists()


def _set(kind: Kind, prefix: str, files: list[str]) -> WeightSet:
    ordered = sorted(files)
    return WeightSet(kind, prefix + ordered[0], tuple(prefix + name for name in ordered))


def _latest(folder: Folder) -> str:
    """The inner folder that the trainer's own note names; "" without one."""
    names = set(folder.names())
    for note in _LATEST:
        if note in names:
            try:
                said = folder.small(note, _LONGEST).decode("utf-8", "replace").strip()
            except RefusedError:
                return ""
            return f"iter_{int(said):07d}" if note != _LATEST[0] and said.isascii() and said.isdigit() else said
    return ""


