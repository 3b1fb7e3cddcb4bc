"""A folder of torch.distributed.checkpoint: `.metadata` says which chunk of which tensor lies where in which file.

Source: torch/distributed/checkpoint/metadata.py and filesystem.py (2.13): Metadata, TensorStorageMetadata, MetadataIndex,
_StorageInfo; every chunk is a tensor by torch.save at its offset. The pickle is read as data.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NoReturn

from forebear.core.errors import refusal
from forebear.core.limits import MAX_HEADER_BYTES, MAX_SHARD_HEADERS, MAX_SHARDS, MAX_TENSORS
from forebear.core.messages import Message, message
from forebear.files.base import Container, quoted
from forebear.files.bytes.archive import ZipArchive
from forebear.files.bytes.bytesource import ByteSource, Part
from forebear.files.bytes.folder import Folder
from forebear.files.dtypes import DTYPES
from forebear.files.formats.pickles import Table, read_pickle
from forebear.files.formats.pieced import MAX_PIECES, Piece, PiecedContainer, Whole, container_of
from forebear.files.formats.records import DISAGREE, fields, named, refuse_missing, sizes, table
from forebear.files.formats.torch_container import read_records
from forebear.files.formats.torch_tensors import MAIN_KEYS, find_tensors, place_tensors

METADATA = ".metadata"
_STATE = re.compile(r"optim\w*|lr_scheduler\w*|scheduler\w*|train_state|dataloader\w*|rng\w*|grad_scaler|callbacks|loops")
"""First keys under which a trainer saves what is not the model."""
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class _Item:
    """A chunk as the metadata places it."""

    file: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class _Stated:
    """A tensor as the metadata describes it. chunks: (offsets, sizes)."""

    shape: tuple[int, ...]
    chunks: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]


def open_dcp(folder: Folder, max_header: int | None = None) -> Container:
    """The model's tensors of a checkpoint folder, chunks joined.

    Raises: RefusedError when the metadata is missing or contradicts itself or the files, or a file is missing.
    """
    where = str(folder.path / METADATA) if folder.path is not None else f"{folder.where}/{METADATA}"
    raw = folder.small(METADATA, max_header or MAX_HEADER_BYTES)
    root = read_pickle(raw, where=where).value
    if not named(root, "Metadata"):
        _refuse(message("dcp.no_metadata"), where)
    stated, left_out = _model(_stated(fields(root), where), _paths(fields(root)))
    if not stated:
        _refuse(message("dcp.no_tensor"), where)
    items = _items(fields(root), {name for name, _ in stated.values()}, where)
    wanted = {
        name: [(_item(items, (key, offsets), name, where), offsets, box) for offsets, box in tensor.chunks]
        for name, (key, tensor) in stated.items()
    }
    files = sorted({item.file for chunks in wanted.values() for item, _, _ in chunks})
    if len(files) > MAX_SHARDS:
        _refuse(message("dcp.files", count=len(files), most=MAX_SHARDS), where)
    refuse_missing((file for file in files if not folder.has(file, where)), folder.where)
    _check_ranges([item for chunks in wanted.values() for item, _, _ in chunks], where)
    with ExitStack() as opened:
        sources: list[ByteSource] = []
        for file in files:
            sources.append(folder.source(file))
            opened.callback(sources[-1].close)
        numbers = {file: number for number, file in enumerate(files)}
        tensors = _tensors(wanted, stated, sources, numbers, max_header, where)
        said = [message("folder.cut", count=len(files))]
        if left_out:
            said.append(message("folder.left_out", count=len(left_out), names=[quoted(name) for name in left_out[:_SHOWN]]))
        container = PiecedContainer("DCP", sources, tensors, where=where, digest=hashlib.sha256(raw).hexdigest(), said=said)
        opened.pop_all()
    return container_of(sources, container)


def _tensors(
    wanted: dict[str, list[tuple[_Item, tuple[int, ...], tuple[int, ...]]]], stated: dict[str, tuple[str, _Stated]],
    sources: Sequence[ByteSource], numbers: dict[str, int], max_header: int | None, where: str,
) -> dict[str, Whole]:  # fmt: skip
    """Every chunk's header read; what it says is compared with the metadata."""
    tensors: dict[str, Whole] = {}
    headers = 0
    for name, chunks in wanted.items():
        pieces: list[Piece] = []
        kinds: set[str] = set()
        for item, offsets, box in chunks:
            number = numbers[item.file]
            piece, dtype, read = _chunk(sources[number], number, item, offsets, box, name, max_header)
            headers += read
            if headers > MAX_SHARD_HEADERS:
                _refuse(message("dcp.headers", most=MAX_SHARD_HEADERS), where)
            pieces.append(piece)
            kinds.add(dtype)
        if len(kinds) != 1:
            _refuse(message("dcp.number_types", name=quoted(name)), where)
        tensors[name] = Whole(kinds.pop(), stated[name][1].shape, tuple(pieces))
    return tensors


def _chunk(
    source: ByteSource, number: int, item: _Item, offsets: tuple[int, ...], box: tuple[int, ...], name: str, max_header: int | None
) -> tuple[Piece, str, int]:
    """A chunk as a piece, its number type, and the bytes of its header."""
    where = str(source.path)
    if item.offset + item.length > source.size:
        ends = message("dcp.ends", name=quoted(name), byte=item.offset + item.length, size=source.size)
        raise refusal(ends, where=where, todo=message("joining.file_again"))
    archive = ZipArchive(Part(source, item.offset, item.length, source.path))
    records = read_records(archive, max_header or MAX_HEADER_BYTES)
    entries = place_tensors(find_tensors(records.pickled, where).tensors, records.places, where)
    if list(entries) != [""]:
        _refuse(message("dcp.no_chunk", name=quoted(name)), where)
    entry = entries[""]
    dtype = entry.dtype.removesuffix(" (strided)")
    if entry.shape != box or dtype not in DTYPES:
        _refuse(message("dcp.differs", name=quoted(name), type=dtype, shape=str(entry.shape), stated=str(box)), where)
    header = item.length - entry.stored_bytes if item.length > entry.stored_bytes else 0
    return Piece(number, item.offset + entry.begin, offsets, box, entry.strides), dtype, header


def _stated(metadata: Table, where: str) -> dict[str, _Stated]:
    found: dict[str, _Stated] = {}
    pieces = 0
    for name, node in table(metadata.get("state_dict_metadata")):
        if not named(node, "TensorStorageMetadata"):
            continue  # an object that is no tensor
        if name in found:
            _refuse(message("dcp.twice", name=quoted(name)), where)
        about = fields(node)
        shape, listed = sizes(about.get("size")), about.get("chunks")
        if shape is None or not isinstance(listed, list):
            _refuse(message("dcp.no_size", name=quoted(name)), where)
        chunks = [(sizes(fields(one).get("offsets")), sizes(fields(one).get("sizes"))) for one in listed[: MAX_PIECES + 1]]
        whole = tuple((offsets, box) for offsets, box in chunks if offsets is not None and box is not None)
        pieces += len(chunks)
        if len(whole) != len(chunks) or pieces > MAX_PIECES or len(found) > MAX_TENSORS:
            _refuse(message("dcp.chunks", name=quoted(name)), where)
        found[name] = _Stated(shape, whole)
    return found


def _paths(metadata: Table) -> dict[str, tuple[str, ...]]:
    """By name, the keys of the nested dictionary that was saved, as the planner notes them."""
    noted = [(name, path) for name, path in table(metadata.get("planner_data")) if isinstance(path, tuple)]
    return {name: tuple(map(str, path)) for name, path in noted if all(isinstance(key, str | int) for key in path)}


def _model(
    stated: dict[str, _Stated], paths: dict[str, tuple[str, ...]]
) -> tuple[dict[str, tuple[str, _Stated]], list[str]]:
    """The model's tensors by their own names, each with the name it was saved under; names of what was left out."""
    keys = {name: paths.get(name) or (name,) for name in stated}
    while len({path[0] for path in keys.values()}) == 1 and all(len(path) > 1 for path in keys.values()):
        keys = {name: path[1:] for name, path in keys.items()}
    heads = {path[0] for path in keys.values() if len(path) > 1}
    main = next((key for key in MAIN_KEYS if key in heads), None)
    if main is not None:
        chosen = {name: path[1:] for name, path in keys.items() if path[0] == main and len(path) > 1}
    else:
        chosen = {name: path for name, path in keys.items() if _STATE.fullmatch(path[0].partition(".")[0]) is None}
    found: dict[str, tuple[str, _Stated]] = {}
    for name, path in chosen.items():
        own = ".".join(path)
        found[name if own in found else own] = (name, stated[name])
    return found, [name for name in stated if name not in chosen]


def _items(metadata: Table, wanted: set[str], where: str) -> dict[tuple[str, tuple[int, ...]], _Item]:
    """Where each chunk lies, by the tensor's name and the chunk's offsets."""
    listed = metadata.get("storage_data")
    found: dict[tuple[str, tuple[int, ...]], _Item] = {}
    for key, value in listed.pairs if isinstance(listed, Table) else []:
        index, about = fields(key), fields(value)
        name, offsets = index.get("fqn"), sizes(index.get("offset"))
        if not isinstance(name, str) or name not in wanted or offsets is None:
            continue
        file, offset, length = about.get("relative_path"), about.get("offset"), about.get("length")
        if about.get("transform_descriptors"):
            raise refusal(message("dcp.extension", name=quoted(name)), where=where, todo=message("joining.dcp"))
        if not isinstance(file, str) or not _is_count(offset) or not _is_count(length):
            _refuse(message("dcp.nowhere", name=quoted(name)), where)
        if found.setdefault((name, offsets), _Item(file, offset, length)) != _Item(file, offset, length):
            _refuse(message("dcp.two_places", name=quoted(name)), where)
    return found


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62


def _item(items: dict[tuple[str, tuple[int, ...]], _Item], key: tuple[str, tuple[int, ...]], name: str, where: str) -> _Item:
    item = items.get(key)
    if item is None:
        _refuse(message("dcp.no_place", at=str(key[1]), name=quoted(name)), where)
    return item


def _check_ranges(items: Sequence[_Item], where: str) -> None:
    """No two chunks share bytes: the writer puts one behind the other."""
    for one, other in pairwise(sorted(items, key=lambda item: (item.file, item.offset))):
        if one.file == other.file and one.offset + one.length > other.offset:
            _refuse(message("dcp.same_bytes", name=quoted(one.file), byte=other.offset), where)


def _refuse(what: Message, where: str) -> NoReturn:
    raise refusal(what, where=where, todo=DISAGREE)

