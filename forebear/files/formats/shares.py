"""PyTorch files that hold each process's part of the tensors: DTensor (FSDP2, tensor parallelism) and ShardedTensor (FSDP).

Source: torch/distributed/tensor (DTensorSpec: mesh, placements, tensor_meta; Shard cuts an axis as torch.chunk does, the first
axis of the mesh first; _StridedShard puts the later axis of the mesh first) and torch/distributed/_shard/sharded_tensor
(ShardMetadata: offsets and sizes of every shard). Both since 2.0, as 2.13 writes them. A pickle is read as data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from math import prod
from typing import Any, NoReturn

import numpy as np

from forebear.core.errors import refusal
from forebear.core.limits import MAX_HEADER_BYTES, MAX_TENSORS
from forebear.core.messages import Message, message
from forebear.files.base import Container, quoted
from forebear.files.bytes.archive import ZipArchive
from forebear.files.bytes.bytesource import ByteSource
from forebear.files.bytes.folder import Folder
from forebear.files.dtypes import DTYPES
from forebear.files.formats.pickles import Name, Opaque
from forebear.files.formats.pieced import Piece, PiecedContainer, Whole, container_of
from forebear.files.formats.records import DISAGREE, fields, is_tensor, named, placed, sizes
from forebear.files.formats.torch_container import Records, read_records
from forebear.files.formats.torch_tensors import TorchEntry, find_tensors, model_records
from forebear.files.refusing import SOURCE, more_than, of_tensor

SAVE_WHOLE = message("joining.whole")
MAX_AXIS, MAX_RANKS = 2**26, 2**16
_SHARED = ("DTensor", "ShardedTensor")


@dataclass(frozen=True, slots=True)
class _Share:
    """What one file holds of a tensor. local: record of a plain tensor; None for a shard that another process has.

    box: offsets and sizes; None when every process has all of it. ranks: how many processes the tensor was cut over.
    """

    shape: tuple[int, ...]
    local: Opaque
    box: tuple[tuple[int, ...], tuple[int, ...]] | None
    ranks: int = 1


@dataclass(slots=True)
class _File:
    """One rank's file, read: shares by name (several shards of one tensor in a list), entries of their local tensors."""

    source: ByteSource
    shares: dict[str, list[_Share]]
    entries: dict[str, TorchEntry]
    digest: str
    odd: list[Message] = field(default_factory=list)


def is_share(records: Records) -> bool:
    """Whether a PyTorch file names a class of tensors that are cut over processes."""
    return any(one.name in _SHARED and one.module.startswith("torch.distributed") for one in records.pickled.names)


def open_share(source: ByteSource, records: Records) -> Container:
    """One file alone: read when it holds every tensor whole, as that of a single process does.

    Raises: RefusedError, saying how many processes the tensors are cut over, for any other.
    """
    return _joined([_read(source, records)], str(source.path))


def open_shares(folder: Folder, names: Sequence[str], max_header: int | None = None) -> Container:
    """The files of all ranks, joined. Raises: RefusedError when they do not agree, or are not all there."""
    with ExitStack() as opened:
        files = []
        for name in names:
            source = folder.source(name)
            opened.callback(source.close)
            records = read_records(ZipArchive(source), max_header or MAX_HEADER_BYTES)
            if not is_share(records):
                raise refusal(message("share.plain", name=quoted(name)), where=folder.where, todo=message("joining.meant"))
            files.append(_read(source, records))
            source.release()
        container = _joined(files, folder.where)
        opened.pop_all()
    return container_of([file.source for file in files], container)


def _read(source: ByteSource, records: Records) -> _File:
    where = str(source.path)
    found, prefix, left_out = model_records(records.pickled, where)
    if len(found) > MAX_TENSORS:
        raise refusal(more_than("file", MAX_TENSORS, "tensors"), where=where, todo=SOURCE)
    shares: dict[str, list[_Share]] = {}
    for name, record in found:
        if name in shares:
            _refuse(name, message("share.twice"), where)
        shares[name] = _shares(record, name, where)
    if not shares:
        find_tensors(records.pickled, where)  # says by name what lies there instead
    local = {_key(name, number): one.local for name, some in shares.items() for number, one in enumerate(some)}
    entries = placed(local, records.pickled, records.places, where)
    odd = [message("odd.prefix", prefix=quoted(prefix), count=left_out)] if prefix else []
    return _File(source, shares, entries, records.digest, odd)


def _key(name: str, shard: int) -> str:
    return f"{name} (shard {shard})" if shard else name


def _shares(record: Opaque, name: str, where: str) -> list[_Share]:
    """What a record says this file has of a tensor."""
    if is_tensor(record) and not _wraps(record):
        return [_Share((), record, None)]
    inner = record.args[0] if _wraps(record) else record
    made = inner.args if isinstance(inner, Opaque) and isinstance(inner.args, tuple) else ()
    kind = made[1].name if len(made) >= 4 and isinstance(made[1], Name) else ""
    if inner is not None and isinstance(inner, Opaque) and is_tensor(inner):
        return [_Share((), inner, None)]
    if kind not in _SHARED or not isinstance(made[2], tuple) or len(made[2]) < 3:
        _refuse(name, message("share.record"), where, SAVE_WHOLE)
    shape = sizes(made[2][2])
    if shape is None:
        _refuse(name, message("share.sizes"), where)
    return _of_dtensor(made[3], shape, name, where) if kind == "DTensor" else _of_sharded(made[3], shape, name, where)


def _wraps(record: Opaque) -> bool:
    """Whether a record is a parameter around another record."""
    return record.callee.startswith("torch._utils._rebuild_parameter") and isinstance(record.args, tuple) and len(record.args) > 0


def _of_dtensor(state: Any, shape: tuple[int, ...], name: str, where: str) -> list[_Share]:
    about = state[1] if isinstance(state, tuple) and len(state) == 2 else state
    get = about.get if hasattr(about, "get") else lambda key: None
    local, spec = get("_local_tensor"), fields(get("_spec"))
    placements, mesh = spec.get("placements"), fields(spec.get("mesh"))
    if not isinstance(local, Opaque) or not is_tensor(local) or not isinstance(placements, list | tuple):
        _refuse(name, message("share.no_local"), where)
    across = _mesh_shape(mesh)
    if across is None or len(across) != len(placements):
        _refuse(name, message("share.mesh"), where, SAVE_WHOLE)
    at = sizes(mesh.get("_coordinate_on_dim"))
    if at is None or len(at) != len(across) or any(a >= n for a, n in zip(at, across, strict=True)):
        if prod(across) != 1:
            _refuse(name, message("share.rank"), where, SAVE_WHOLE)
        at = (0,) * len(across)
    for one in placements:
        if not (named(one, "Shard") or named(one, "_StridedShard") or named(one, "Replicate")):
            _refuse(name, message("share.partial"), where, SAVE_WHOLE)
    whole = all(named(one, "Replicate") for one in placements)
    box = ((0,) * len(shape), shape) if whole else _box(shape, across, at, placements, name, where)
    return [_Share(shape, local, box, prod(across))]


def _axis_of(placement: Any, shape: Sequence[int]) -> int | None:
    """The axis that a placement cuts; None for none."""
    axis = fields(placement).get("dim")
    if isinstance(axis, bool) or not isinstance(axis, int) or not -len(shape) <= axis < len(shape):
        return None
    return axis % len(shape)


def _mesh_shape(mesh: Any) -> tuple[int, ...] | None:
    """Sizes of a device mesh: of its layout (2.9 and later), else of its tensor of ranks."""
    layout = fields(mesh.get("_layout"))
    axes = layout.get("axes")
    if isinstance(axes, tuple | list):
        parts = [sizes(fields(axis).get("shape")) for axis in axes]
        found = tuple(prod(part) for part in parts if part is not None) if None not in parts else None
    else:
        shape = layout.get("shape")
        listed = shape if isinstance(shape, tuple | list) else (shape,)
        found = sizes(listed) if shape is not None else None
    if found is None:
        ranks = mesh.get("mesh") if mesh.get("mesh") is not None else mesh.get("_mesh")
        if isinstance(ranks, Opaque) and is_tensor(ranks) and isinstance(ranks.args, tuple) and len(ranks.args) > 2:
            found = sizes(ranks.args[2])
    return found if found is not None and 0 < prod(found) <= MAX_RANKS else None


def _box(
    shape: tuple[int, ...], across: Sequence[int], at: Sequence[int], placements: Sequence[Any], name: str, where: str
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Offsets and sizes of the part that one place of the mesh has."""
    if any(size > MAX_AXIS for size in shape):
        _refuse(name, message("share.long_axis", most=MAX_AXIS), where, SAVE_WHOLE)
    rows: dict[int, Any] = {}
    for place, count, placement in zip(at, across, placements, strict=True):
        if named(placement, "Replicate"):
            continue
        axis = _axis_of(placement, shape)
        if axis is None:
            _refuse(name, message("share.no_axis"), where)
        split = fields(placement).get("split_factor") if named(placement, "_StridedShard") else 1
        if isinstance(split, bool) or not isinstance(split, int) or not 1 <= split <= MAX_RANKS:
            _refuse(name, message("share.steps"), where)
        mine = rows[axis] if axis in rows else np.arange(shape[axis])
        parts = [_chunk(_chunk(mine, split, number), count, place) for number in range(min(split, len(mine)))]
        rows[axis] = np.concatenate([mine[:0], *parts])
    offsets, extent = [0] * len(shape), list(shape)
    for axis, mine in rows.items():
        if mine.size and int(mine[-1]) - int(mine[0]) + 1 != mine.size:
            _refuse(name, message("share.apart"), where, SAVE_WHOLE)
        offsets[axis], extent[axis] = (int(mine[0]) if mine.size else 0), int(mine.size)
    return tuple(offsets), tuple(extent)


def _chunk(rows: Any, count: int, number: int) -> Any:
    """A part of the rows as torch.chunk cuts them, empty ones at the end: every part as long as the first but the last."""
    each = max(1, -(-len(rows) // count))
    return rows[number * each : (number + 1) * each]


def _of_sharded(state: Any, shape: tuple[int, ...], name: str, where: str) -> list[_Share]:
    if not isinstance(state, tuple) or len(state) < 2 or not isinstance(state[0], list):
        _refuse(name, message("share.no_shards"), where)
    stated = fields(state[1]).get("shards_metadata")
    ranks = len(stated) if isinstance(stated, list) else 1
    found = []
    for shard in state[0]:
        local, about = fields(shard).get("tensor"), fields(fields(shard).get("metadata"))
        offsets, extent = sizes(about.get("shard_offsets")), sizes(about.get("shard_sizes"))
        if not isinstance(local, Opaque) or not is_tensor(local) or offsets is None or extent is None:
            _refuse(name, message("share.no_shard"), where)
        found.append(_Share(shape, local, (offsets, extent), ranks))
    return found


def _joined(files: Sequence[_File], where: str) -> Container:
    names = dict.fromkeys(name for file in files for name in file.shares)
    tensors = {name: _whole(name, files, where) for name in names}
    digest = hashlib.sha256("".join(file.digest for file in files).encode()).hexdigest()
    odd = files[0].odd if len(files) == 1 else [
        message("odd.in_file", file=file.source.path.name, what=said) for file in files for said in file.odd
    ]  # fmt: skip
    said = [message("folder.cut", count=len(files))] if len(files) > 1 else []
    return PiecedContainer("torch zip", [file.source for file in files], tensors, where=where, digest=digest, odd=odd, said=said)


def _whole(name: str, files: Sequence[_File], where: str) -> Whole:
    """A tensor's pieces over all files: the first of those that are the same box, and all must be there."""
    shapes: dict[tuple[int, ...], None] = {}
    kinds: dict[str, None] = {}
    boxes: dict[tuple[tuple[int, ...], tuple[int, ...]], Piece] = {}
    ranks = 1
    for number, file in enumerate(files):
        for at, share in enumerate(file.shares.get(name, ())):
            entry = file.entries[_key(name, at)]
            plain = share.box is None and not share.shape
            shape = entry.shape if plain else share.shape
            offsets, extent = share.box or ((0,) * len(shape), shape)
            if entry.shape != extent:
                _refuse(name, message("share.part", shape=str(entry.shape), wanted=str(extent)), str(file.source.path))
            shapes[shape] = kinds[entry.dtype.removesuffix(" (strided)")] = None
            ranks = max(ranks, share.ranks)
            if prod(extent) or not boxes:
                boxes.setdefault((offsets, extent), Piece(number, entry.begin, offsets, extent, entry.strides))
    if len(shapes) != 1 or len(kinds) != 1 or next(iter(kinds)) not in DTYPES:
        _refuse(name, message("share.differs"), where)
    shape = next(iter(shapes))
    have = sum(prod(extent) for _, extent in boxes)
    if have < prod(shape):
        short = message("share.ranks", ranks=ranks, files=len(files), found=have, values=prod(shape))
        _refuse(name, short, where, SAVE_WHOLE)
    return Whole(next(iter(kinds)), shape, tuple(boxes.values()))


def _refuse(name: str, what: Message, where: str, todo: Message = DISAGREE) -> NoReturn:
    raise refusal(of_tensor(name, what), where=where, todo=todo)

