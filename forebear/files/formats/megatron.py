"""A Megatron-LM checkpoint: one file a rank of tensor and pipeline parallelism, joined by the axis each matrix is cut along.

Source: Megatron-LM, megatron/training/checkpointing.py (mp_rank_TT[_PPP]/model_optim_rng.pt, `args`, `model`) and
megatron/core/tensor_parallel: ColumnParallelLinear and VocabParallelEmbedding keep rows, RowParallelLinear keeps columns, what
neither is lies whole on every rank; a gated linear_fc1 keeps its rows of both halves. A stage counts its layers from 0.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, NoReturn

from forebear.core.errors import refusal
from forebear.core.limits import MAX_HEADER_BYTES, MAX_TENSORS
from forebear.core.messages import Message, message
from forebear.files.base import Container, quoted
from forebear.files.bytes.archive import ZipArchive
from forebear.files.bytes.bytesource import ByteSource
from forebear.files.bytes.folder import Folder
from forebear.files.dtypes import DTYPES
from forebear.files.formats.pieced import Piece, PiecedContainer, Whole, container_of
from forebear.files.formats.records import fields, is_tensor, placed
from forebear.files.formats.torch_container import read_records
from forebear.files.formats.torch_tensors import TorchEntry, model_records
from forebear.files.refusing import of_tensor

MAX_RANKS = 4096
_RANK = re.compile(r"(?:tp_rank_(\d{2,3})_pp_rank_(\d{3})|mp_rank_(\d{2,3})(?:_(\d{3}))?)/[^/]+")
_LAYER = re.compile(r"(.*?\blayers\.)(\d{1,5})(\..*)", re.DOTALL)
_GATED = re.compile(r".*\.(?:linear_fc1|dense_h_to_4h)\.(?:weight|bias)")
_COLUMN = re.compile(
    r".*\b(?:word_embeddings|output_layer|lm_head|linear_qkv|query_key_value|linear_q|linear_kv|query|key_value|linear_fc1|dense_h_to_4h"
    r"|linear_q_up_proj|linear_kv_up_proj)\.(?:weight|bias)"
)
_ROW = re.compile(r".*\b(?:linear_proj|linear_fc2|dense|dense_4h_to_h)\.weight")
_WHOLE = re.compile(
    r".*(?:norm\w*|layer_norm_(?:weight|bias)|position_embeddings|tokentype_embeddings|router|linear_q_down_proj|linear_kv_down_proj)"
    r"(?:\.weight|\.bias)?|.*\b(?:linear_proj|linear_fc2|dense|dense_4h_to_h)\.bias"
)


@dataclass(frozen=True, slots=True)
class _File:
    """A rank's file. number: of its source; tensor, stage: its place; gated: whether its MLP has a gate; layers: of the whole."""

    number: int
    tensor: int
    stage: int
    source: ByteSource
    digest: str
    entries: dict[str, TorchEntry]
    gated: bool
    layers: int
    stated: tuple[int, int]


def open_megatron(folder: Folder, files: Sequence[str], max_header: int | None = None) -> Container:
    """The files of all ranks, joined. Raises: RefusedError for ranks that are missing or contradict each other, parallel experts,
    interleaved stages, or a tensor that is cut in a way that is not known."""
    with ExitStack() as opened:
        found: list[_File] = []
        for number, name in enumerate(_ordered(files, folder.where)):
            source = folder.source(name) if "/" not in name else folder.inner(name.split("/")[0]).source(name.split("/", 1)[1])
            opened.callback(source.close)
            found.append(_read(source, number, name, max_header))
            source.release()
        stages = sorted({file.stage for file in found})
        ranks = sorted({file.tensor for file in found})
        _check_ranks(found, ranks, stages, folder.where)
        tensors: dict[str, Whole] = {}
        at = 0
        for stage in stages:
            mine = sorted((file for file in found if file.stage == stage), key=lambda file: file.tensor)
            at += _add_stage(tensors, mine, at, folder.where)
        if found[0].layers and at and at != found[0].layers:
            _refuse(message("megatron.layers", found=at, stated=found[0].layers), folder.where)
        digest = hashlib.sha256("".join(file.digest for file in found).encode()).hexdigest()
        said = [message("folder.cut", count=len(found))] if len(found) > 1 else []
        sources = [file.source for file in found]
        container = PiecedContainer("Megatron-LM", sources, tensors, where=folder.where, digest=digest, said=said)
        opened.pop_all()
    return container_of(sources, container)


def _ordered(files: Sequence[str], where: str) -> list[str]:
    if len(files) > MAX_RANKS:
        _refuse(message("megatron.ranks", count=len(files), most=MAX_RANKS), where)
    return sorted(files)


def _read(source: ByteSource, number: int, name: str, max_header: int | None) -> _File:
    where = str(source.path)
    tensor = stage = 0
    if "/" in name:
        if (place := _RANK.fullmatch(name)) is None:
            _refuse(message("megatron.experts", name=quoted(name)), where)
        tensor, stage = int(place[1] or place[3]), int(place[2] or place[4] or 0)
    records = read_records(ZipArchive(source), max_header or MAX_HEADER_BYTES)
    root = records.pickled.value
    keys = [key for key, _ in root.pairs] if hasattr(root, "pairs") else []
    if "model0" in keys:
        _refuse(message("megatron.interleaved"), where)
    tensors: dict[str, Any] = {}
    for path, record in model_records(records.pickled, where)[0]:
        if path in tensors or len(tensors) > MAX_TENSORS:
            _refuse(of_tensor(path, message("share.twice")), where)
        if is_tensor(record):
            tensors[path] = record
    entries = placed(tensors, records.pickled, records.places, where)
    if not entries:
        _refuse(message("megatron.no_tensor"), where)
    args = fields(root.get("args")) if hasattr(root, "get") else fields(None)
    stated = tuple(_count(args.get(f"{kind}_model_parallel_size")) for kind in ("tensor", "pipeline"))
    return _File(number, tensor, stage, source, records.digest, entries, bool(args.get("swiglu") or args.get("gated_linear_unit")),
                 _count(args.get("num_layers")), (stated[0], stated[1]))  # fmt: skip


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**6 else 0


def _check_ranks(found: Sequence[_File], ranks: Sequence[int], stages: Sequence[int], where: str) -> None:
    if ranks != list(range(len(ranks))) or stages != list(range(len(stages))) or len(found) != len(ranks) * len(stages):
        _refuse(message("megatron.grid", count=len(found)), where)
    for file in found:
        tensor, pipeline = file.stated
        if (tensor and tensor != len(ranks)) or (pipeline and pipeline != len(stages)):
            stated, found_here = f"{tensor or len(ranks)} x {pipeline or len(stages)}", f"{len(ranks)} x {len(stages)}"
            _refuse(message("megatron.cut", stated=stated, found=found_here), where)
        if (file.gated, file.layers) != (found[0].gated, found[0].layers):
            _refuse(message("megatron.settings", name=file.source.path.parent.name), where)


def _add_stage(tensors: dict[str, Whole], files: Sequence[_File], first_layer: int, where: str) -> int:
    """The tensors of a stage added to those of the ones before; the number of its layers."""
    names = files[0].entries
    layers = -1
    for name in names:
        entries = [file.entries.get(name) for file in files]
        if any(entry is None for entry in entries) or any(file.entries.keys() != names.keys() for file in files):
            _refuse(of_tensor(name, message("megatron.not_everywhere")), where)
        own = name
        if (layer := _LAYER.fullmatch(name)) is not None:
            layers = max(layers, int(layer[2]))
            own = f"{layer[1]}{int(layer[2]) + first_layer}{layer[3]}"
        elif own in tensors:
            continue  # embeddings that the first and the last stage share
        tensors[own] = _whole(name, files, [entry for entry in entries if entry is not None], where)
    return layers + 1


def _whole(name: str, files: Sequence[_File], entries: Sequence[TorchEntry], where: str) -> Whole:
    """A tensor put together from what every rank of a stage has of it."""
    first = entries[0]
    if any(entry.shape != first.shape or entry.dtype != first.dtype for entry in entries):
        _refuse(of_tensor(name, message("megatron.differs")), where)
    dtype = first.dtype.removesuffix(" (strided)")
    if dtype not in DTYPES:
        _refuse(of_tensor(name, message("joining.number_type", type=dtype)), where)
    axis = _axis(name, len(files), first.shape, where)
    none = (0,) * len(first.shape)
    if axis is None:
        return Whole(dtype, first.shape, (Piece(files[0].number, first.begin, none, first.shape, first.strides),))
    shape = tuple(size * len(files) if at == axis else size for at, size in enumerate(first.shape))
    halves = 2 if files[0].gated and axis == 0 and _GATED.fullmatch(name) and len(files) > 1 else 1
    if first.shape[axis] % halves or (halves == 2 and first.strides):
        _refuse(of_tensor(name, message("megatron.gated")), where)
    each = first.shape[axis] // halves
    box = tuple(each if at == axis else size for at, size in enumerate(first.shape))
    bytes_each = first.stored_bytes // halves
    pieces = []
    for rank, (file, entry) in enumerate(zip(files, entries, strict=True)):
        for half in range(halves):
            at = half * shape[axis] // halves + rank * each
            offsets = tuple(at if place == axis else 0 for place in range(len(shape)))
            pieces.append(Piece(file.number, entry.begin + half * bytes_each, offsets, box, entry.strides))
    return Whole(dtype, shape, tuple(pieces))


def _axis(name: str, ranks: int, shape: Sequence[int], where: str) -> int | None:
    """The axis a tensor is cut along; None for one that every rank has whole."""
    if ranks == 1 or not shape or _WHOLE.fullmatch(name):
        return None
    if _COLUMN.fullmatch(name):
        return 0
    if _ROW.fullmatch(name) and len(shape) == 2:
        return 1
    _refuse(of_tensor(name, message("megatron.axis", count=ranks)), where)


def _refuse(what: Message, where: str) -> NoReturn:
    raise refusal(what, where=where, todo=message("joining.megatron"))
