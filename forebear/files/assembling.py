"""A weight set of a folder, open: one file, or several that are joined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from forebear.core.errors import RefusedError, refusal
from forebear.core.limits import MAX_HEADER_BYTES, MAX_SHARD_HEADERS
from forebear.core.messages import message
from forebear.files.base import Container, quoted
from forebear.files.bytes.folder import Folder
from forebear.files.formats.registry import open_source
from forebear.files.layouts import refuse_pieces
from forebear.files.refusing import AGAIN, SOURCE, more_than
from forebear.files.sets import Kind, WeightSet, called, completed, names_in, numbered_like, weighs
from forebear.files.trained import TRAINED, open_trained

Join = Callable[[Sequence[Container]], Container]


def open_set(folder: Folder, one: WeightSet, max_header: int | None) -> Container:
    """The container of a set that is whole. Raises: RefusedError for whatever its files are refused for."""
    container = _open(folder, one, max_header)
    try:
        refuse_pieces(container, one.first, folder.where)
    except RefusedError:
        container.close()
        raise
    return container


def _open(folder: Folder, one: WeightSet, max_header: int | None) -> Container:
    if one.kind is Kind.FILE:
        return open_source(folder.source(one.first), max_header)
    from forebear.files.formats import gguf_split, joined, ranks  # the quick path of one file needs none of them

    if one.kind in TRAINED:
        return open_trained(folder, one, max_header)
    if one.kind is Kind.SHARES:
        from forebear.files.formats.shares import open_shares

        return open_shares(folder, one.files, max_header)
    if one.kind is Kind.INDEX:
        return _indexed(folder, one, max_header)
    joins: dict[Kind, Callable[..., Container]] = {
        Kind.SPLIT: gguf_split.joined_parts, Kind.RANKS: ranks.joined_ranks, Kind.NUMBERED: joined.JoinedContainer,
    }  # fmt: skip
    return _of_parts(folder, one.files, partial(joins[one.kind], where=folder.where), max_header)


def _indexed(folder: Folder, one: WeightSet, max_header: int | None) -> Container:
    """The shards that an index names; where they are not here and others of its name are whole, those, and that is said."""
    from forebear.files.formats.joined import JoinedContainer, read_index

    index = one.first
    where = f"{folder.where}/{index}" if folder.path is None else str(folder.path / index)
    weight_map = read_index(folder.small(index, MAX_HEADER_BYTES), where)
    files = list(dict.fromkeys(weight_map.values()))
    missing = [file for file in files if not folder.has(file, where)]
    if files and not missing:
        read = completed(index, files, one.files)
        container = _of_parts(folder, read, partial(JoinedContainer, weight_map=weight_map, files=read, where=where), max_header)
        further, spare = read[len(files) :], [file for file in one.files if file not in read]
        for key, left in (("index_further", further), ("index_spare", spare)):
            if left:
                values = {"index": quoted(index), "count": len(left), "names": [quoted(left[0])]}
                container.said.append(message(f"folder.{key}", **values))
        return container
    other = numbered_like(index, names_in(folder, weighs))
    if other is None and not files:
        raise refusal(message("index.no_tensor"), where=where, todo=AGAIN)
    if other is None:
        raise refusal(message("folder.shard_missing", name=quoted(missing[0])), where=where, todo=message("advice.rest"))
    container = open_set(folder, other, max_header)
    told = {"index": quoted(index), "taken": called(other)}
    stale = {"count": len(missing), "names": [quoted(name) for name in missing[:1]]}
    container.said.append(message("folder.index_stale", **told, **stale) if files else message("index_bare.unnamed", **told))
    return container


def _of_parts(folder: Folder, names: Sequence[str], join: Join, max_header: int | None) -> Container:
    """Parts opened one by one, or side by side at an address, and joined; all are closed when one or the whole is refused."""
    from forebear.files.formats.joined import OPEN_AT_ONCE

    parts: list[Container] = []
    headers = 0

    def opened(name: str) -> Container:
        nonlocal headers
        part = open_source(folder.source(name), max_header)
        parts.append(part)
        headers += part.bytes_read
        if headers > MAX_SHARD_HEADERS:
            raise refusal(more_than("headers", MAX_SHARD_HEADERS, "bytes"), where=folder.where, todo=SOURCE)
        if len(names) > OPEN_AT_ONCE:
            part.release()
        return part

    try:
        return join(list(folder.each(opened, names)))
    except BaseException:
        for part in parts:
            part.close()
        raise
