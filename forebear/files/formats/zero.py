"""A DeepSpeed checkpoint (ZeRO 1 to 3): full-precision values put together from the flat partitions of all ranks.

Source: the layout that DeepSpeed documents by its converter zero_to_fp32 (0.19.8), facts only: `param_shapes` lists names and
shapes by parameter group; stages 1 and 2 cut the concatenation of a group's parameters, padding between them as
`param_alignment_paddings` says, into one run a rank; stage 3 cuts every parameter into ceil(values / ranks) a rank, all groups
behind each other. Buffers are those of `module`, frozen parameters lie in `frozen_param_fragments`. Pickles are read as data.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from math import prod
from typing import Any, NoReturn

from forebear.core.errors import refusal
from forebear.core.limits import MAX_HEADER_BYTES, MAX_SHARDS, MAX_TENSORS
from forebear.core.messages import Message, message
from forebear.files.base import Container, quoted
from forebear.files.bytes.archive import ZipArchive
from forebear.files.bytes.bytesource import ByteSource
from forebear.files.bytes.folder import Folder
from forebear.files.dtypes import DTYPES
from forebear.files.formats.pickles import Opaque, Table
from forebear.files.formats.pieced import Piece, PiecedContainer, Whole, container_of
from forebear.files.formats.records import DISAGREE, is_tensor, placed, sizes, table
from forebear.files.formats.torch_container import Records, read_records
from forebear.files.formats.torch_tensors import TorchEntry
from forebear.files.refusing import of_tensor

_MODEL = re.compile(r"(?:zero_pp_rank_(\d{1,6})_)?mp_rank_(\d{1,6})_model_states\.pt")
_OPTIM = re.compile(r"(?:bf16_|fp16_)?zero_pp_rank_(\d{1,6})_mp_rank_(\d{1,6})_optim_states\.pt")
MAX_CUTS = 2**22
"""Most parameters times ranks: each parameter is looked for in each rank's run (1,137 on 2,048 ranks are 2.3 million)."""
_UNIVERSAL = message("joining.deepspeed")


@dataclass(frozen=True, slots=True)
class _File:
    """One file of a rank. number: of its source; root: the dictionary that it is."""

    rank: int
    number: int
    source: ByteSource
    records: Records
    root: Table

    def entries(self, wanted: dict[str, Opaque]) -> dict[str, TorchEntry]:
        """Tensors of this file."""
        return placed(wanted, self.records.pickled, self.records.places, str(self.source.path))


@dataclass(frozen=True, slots=True)
class _Run:
    """Values of a flat partition. file: number of the source; begin: byte of the first."""

    number: int
    begin: int
    values: int


class _MismatchError(Exception):
    """Why the partitions make no whole parameters."""

    def __init__(self, said: Message) -> None:
        self.said = said
        super().__init__(said.key)


def open_zero(folder: Folder, files: Sequence[str], max_header: int | None = None) -> Container:
    """The model of a checkpoint folder: full precision where all partitions are here, else the copies that were trained with.

    Raises: RefusedError when neither is whole, or the model is cut over ranks of tensor or pipeline parallelism too.
    """
    if len(files) > MAX_SHARDS:
        raise refusal(message("zero.files", count=len(files), most=MAX_SHARDS), where=folder.where, todo=_UNIVERSAL)
    with ExitStack() as opened:
        models = _read(folder, files, _MODEL, opened, max_header, 0)
        optims = _read(folder, files, _OPTIM, opened, max_header, len(models))
        sources = [file.source for file in (*models, *optims)]
        said: list[Message] = []
        try:
            tensors = _full(models, optims, folder.where)
            said.append(message("folder.cut", count=len(sources)))
        except _MismatchError as error:
            tensors = _copies(models, error.said, folder.where)
            said.append(message("folder.zero_copies", name=quoted(models[0].source.path.name), reason=error.said))
        digest = hashlib.sha256("".join(file.records.digest for file in (*models, *optims)).encode()).hexdigest()
        container = PiecedContainer("DeepSpeed ZeRO", sources, tensors, where=folder.where, digest=digest, said=said)
        opened.pop_all()
    return container_of(sources, container)


def _read(
    folder: Folder, names: Sequence[str], kind: re.Pattern[str], opened: ExitStack, max_header: int | None, start: int
) -> list[_File]:
    """Files of a kind in order of rank, their sources numbered from `start` on."""
    found = []
    matches = [(name, match) for name in names if (match := kind.fullmatch(name)) is not None]
    for number, (name, match) in enumerate(sorted(matches, key=lambda one: int(one[1][1] or 0)), start):
        if int(match[2]):
            raise refusal(message("zero.parallel"), where=folder.where, todo=_UNIVERSAL)
        source = folder.source(name)
        opened.callback(source.close)
        records = read_records(ZipArchive(source), max_header or MAX_HEADER_BYTES)
        if not isinstance(records.pickled.value, Table):
            _refuse(message("zero.no_dictionary"), str(source.path))
        found.append(_File(int(match[1] or 0), number, source, records, records.pickled.value))
        source.release()
    return found


def _full(models: Sequence[_File], optims: Sequence[_File], where: str) -> dict[str, Whole]:
    """Full-precision tensors, and with them buffers, frozen parameters and second names."""
    first = models[0]
    groups = _shapes(first.root.get("param_shapes"), where)
    if (cuts := sum(map(len, groups)) * len(optims)) > MAX_CUTS:
        raise refusal(message("zero.cuts", ranks=len(optims), places=cuts, most=MAX_CUTS), where=where, todo=_UNIVERSAL)
    state = _optimizer(optims)
    stage = state.get("zero_stage")
    stage = stage.args[0] if isinstance(stage, Opaque) and isinstance(stage.args, tuple) and stage.args else stage
    ranks = [file.rank for file in optims]
    count = state.get("partition_count")
    counts = [n for n in (count if isinstance(count, list) else [count]) if isinstance(n, int) and 0 <= n < 10**6]
    count = max(counts, default=0)
    if ranks != list(range(len(ranks))) or count != len(ranks):
        raise _MismatchError(message("zero.partitions", count=count, found=len(ranks)))
    if stage == 3:
        if [file.rank for file in models] != ranks:
            raise _MismatchError(message("zero.models", count=len(ranks), found=len(models)))
        tensors = _cut_each(groups, [_partitions(file, "fp32_flat_groups") for file in optims])
    else:
        runs = [_partitions(file, "single_partition_of_fp32_groups") for file in optims]
        tensors = _cut_groups(groups, runs, state.get("param_alignment_paddings"))
    return _others(tensors, models, stage == 3, where)


def _optimizer(optims: Sequence[_File]) -> Table:
    state = optims[0].root.get("optimizer_state_dict") if optims else None
    if not isinstance(state, Table):
        raise _MismatchError(message("zero.no_partition"))
    return state


def _shapes(listed: Any, where: str) -> list[dict[str, tuple[int, ...]]]:
    """Names and shapes of the parameters by group."""
    found: list[dict[str, tuple[int, ...]]] = []
    for group in listed if isinstance(listed, list) else [listed]:
        shapes: dict[str, tuple[int, ...]] = {}
        for name, value in table(group):
            shape = sizes(value)
            if shape is None or name in shapes or any(name in other for other in found):
                _refuse(message("zero.shape", name=quoted(name)), where)
            shapes[name] = shape
        found.append(shapes)
    if not any(found) or sum(map(len, found)) > MAX_TENSORS:
        raise _MismatchError(message("zero.no_shapes"))
    return found


def _partitions(file: _File, key: str) -> list[_Run]:
    """A rank's flat partitions, one for each group."""
    state = file.root.get("optimizer_state_dict")
    listed = state.get(key) if isinstance(state, Table) else None
    listed = listed if isinstance(listed, list) else [listed]
    if not all(is_tensor(one) for one in listed):
        raise _MismatchError(message("zero.lacks", name=file.source.path.name, key=key))
    entries = file.entries({str(number): one for number, one in enumerate(listed)})
    for entry in entries.values():
        if len(entry.shape) != 1 or entry.dtype != "F32":
            _refuse(message("zero.partition", type=entry.dtype, shape=str(entry.shape)), str(file.source.path))
    return [_Run(file.number, entry.begin, entry.shape[0]) for entry in entries.values()]


def _cut_groups(groups: Sequence[dict[str, tuple[int, ...]]], ranks: Sequence[Sequence[_Run]], paddings: Any) -> dict[str, Whole]:
    """Stages 1 and 2: a group's parameters one behind the other, cut into one run a rank."""
    if any(len(runs) != len(groups) for runs in ranks):
        raise _MismatchError(message("zero.groups", count=len(groups), found=len(ranks[0])))
    found: dict[str, Whole] = {}
    for number, shapes in enumerate(groups):
        vector = [runs[number] for runs in ranks]
        spare = paddings[number] if isinstance(paddings, list) and len(paddings) == len(groups) else []
        at = 0
        for place, (name, shape) in enumerate(shapes.items()):
            found[name] = Whole("F32", shape, tuple(_pieces(vector, at, prod(shape), 0)))
            at += prod(shape)
            if isinstance(spare, list) and spare:
                gap = spare[place] if place < len(spare) else -1
                if isinstance(gap, bool) or not isinstance(gap, int) or gap < 0:
                    raise _MismatchError(message("zero.paddings"))
                at += gap
        have, step = sum(run.values for run in vector), 2 * len(ranks)
        if -(-at // step) != -(-have // step):
            raise _MismatchError(message("zero.group_values", needed=at, found=have))
    return found


def _cut_each(groups: Sequence[dict[str, tuple[int, ...]]], ranks: Sequence[Sequence[_Run]]) -> dict[str, Whole]:
    """Stage 3: every parameter cut into equal runs, one a rank, behind each other in what the rank has."""
    found: dict[str, Whole] = {}
    at = 0
    for shapes in groups:
        for name, shape in shapes.items():
            values = prod(shape)
            each = -(-values // len(ranks))
            pieces: list[Piece] = []
            for rank, runs in enumerate(ranks):
                mine = max(0, min(each, values - rank * each))
                pieces += _pieces(runs, at, mine, rank * each)
            found[name] = Whole("F32", shape, tuple(pieces))
            at += each
    have = {sum(run.values for run in runs) for runs in ranks}
    if any(not at <= values <= at + 2 * len(ranks) * len(groups) for values in have):
        raise _MismatchError(message("zero.rank_values", needed=at, found=max(have)))
    return found


def _pieces(runs: Sequence[_Run], begin: int, values: int, offset: int) -> Iterator[Piece]:
    """Pieces that are values begin..begin + values of runs one behind the other; `offset`: where they lie in their tensor."""
    start, end = 0, begin + values
    for run in runs:
        low, high = max(begin, start), min(end, start + run.values)
        if low < high:
            yield Piece(run.number, run.begin + 4 * (low - start), (offset + low - begin,), (high - low,), flat=True)
        start += run.values
    if start < end:
        raise _MismatchError(message("zero.values", needed=end, found=start))


def _others(tensors: dict[str, Whole], models: Sequence[_File], cut: bool, where: str) -> dict[str, Whole]:
    """What has no full precision: buffers, frozen parameters, and second names of shared ones."""
    first = models[0]
    module = dict(table(first.root.get("module")))
    listed = first.root.get("buffer_names")
    buffers = {name: module[name] for name in listed if name in module and is_tensor(module[name])} if _names(listed) else {}
    for name, entry in first.entries(buffers).items():
        tensors.setdefault(name, _alone(first, entry))
    frozen = _shapes(first.root.get("frozen_param_shapes"), where)[0] if table(first.root.get("frozen_param_shapes")) else {}
    for name, shape in frozen.items():
        tensors[name] = _frozen(name, shape, models if cut else models[:1], where)
    shared = first.root.get("shared_params")
    for name, other in table(shared):
        if isinstance(other, str) and other in tensors:
            tensors.setdefault(name, tensors[other])
    return tensors


def _names(listed: Any) -> bool:
    return isinstance(listed, list | tuple) and all(isinstance(name, str) for name in listed)


def _frozen(name: str, shape: tuple[int, ...], models: Sequence[_File], where: str) -> Whole:
    runs, kinds = [], set()
    for file in models:
        record = dict(table(file.root.get("frozen_param_fragments"))).get(name)
        if not isinstance(record, Opaque) or not is_tensor(record):
            _refuse(message("zero.frozen_missing", name=quoted(name), file=file.source.path.name), where)
        entry = file.entries({name: record})[name]
        if entry.strides or entry.dtype not in DTYPES:
            _refuse(message("zero.frozen_type", name=quoted(name), type=entry.dtype), where)
        runs.append((file.number, entry))
        kinds.add(entry.dtype)
    pieces, at = [], 0
    for number, entry in runs:
        mine = min(prod(entry.shape), prod(shape) - at)
        pieces += [Piece(number, entry.begin, (at,), (mine,), flat=True)] if mine > 0 else []
        at += max(0, mine)
    if at != prod(shape) or len(kinds) != 1:
        _refuse(message("zero.frozen_values", name=quoted(name), needed=prod(shape), found=at), where)
    return Whole(kinds.pop(), shape, tuple(pieces))


def _copies(models: Sequence[_File], reason: Message, where: str) -> dict[str, Whole]:
    """The model as it was trained with, which stages 1 and 2 keep whole in `module`. Refuses for the reason where it is not."""
    first = models[0]
    found = first.entries({name: value for name, value in table(first.root.get("module")) if is_tensor(value)})
    listed = first.root.get("param_shapes")
    stated = [(n, sizes(v)) for group in (listed if isinstance(listed, list) else [listed]) for n, v in table(group)]
    short = [name for name, shape in stated if name not in found or (shape is not None and found[name].shape != shape)]
    if len(models) > 1 or not found or short:
        raise refusal(reason, where=where, todo=_UNIVERSAL)
    return {name: _alone(first, entry) for name, entry in found.items()}


def _alone(file: _File, entry: TorchEntry) -> Whole:
    dtype = entry.dtype.removesuffix(" (strided)")
    if dtype not in DTYPES:
        _refuse(of_tensor(entry.name, message("joining.number_type", type=dtype)), str(file.source.path))
    return Whole(dtype, entry.shape, (Piece(file.number, entry.begin, (0,) * len(entry.shape), entry.shape, entry.strides),))


def _refuse(what: Message, where: str) -> NoReturn:
    raise refusal(what, where=where, todo=DISAGREE)
