"""NeMo archives: a tar file of a configuration and weights, read in place; nothing is unpacked.

Source: NeMo's SaveRestoreConnector: model_config.yaml and model_weights.ckpt, a folder mp_rank_XX for each rank of tensor
parallelism, or model_weights/ of torch.distributed.checkpoint. Members are listed by the standard library's tarfile.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from forebear.core.errors import printable, refusal
from forebear.core.limits import MAX_TOKENIZER_BYTES
from forebear.core.messages import Message, message
from forebear.files.base import Container, quoted
from forebear.files.bytes.bytesource import ByteSource, Part
from forebear.files.formats.dcp import METADATA, open_dcp
from forebear.files.formats.format import Packed
from forebear.files.formats.megatron import open_megatron

MAX_MEMBERS = 20_000
MAX_PIECE = 2**20
"""Largest read of a header: names of a tar file are short."""
_WEIGHTS = (".ckpt", ".pt", ".pth", ".bin", ".safetensors", ".distcp")
T = TypeVar("T")


class _Stream:
    """What tarfile reads headers from: few and small reads."""

    def __init__(self, file: ByteSource) -> None:
        self._file, self._at, self._reads = file, 0, 0

    def read(self, count: int) -> bytes:
        self._reads += 1
        if count > MAX_PIECE or count < 0 or self._reads > 8 * MAX_MEMBERS:
            _refuse(message("nemo.headers"), str(self._file.path))
        count = max(0, min(count, self._file.size - self._at))
        found = bytes(self._file.read(self._at, count)) if count else b""
        self._at += count
        return found

    def seek(self, place: int) -> int:
        self._at = max(0, place)
        return self._at

    def tell(self) -> int:
        return self._at


class TarFolder:
    """The members of a folder in a tar file as a `Folder`. members: name -> (first byte, size)."""

    def __init__(self, file: ByteSource, members: Mapping[str, tuple[int, int]], where: str) -> None:
        self._file, self._members, self.where, self.path = file, members, where, None

    def names(self) -> Iterator[str]:
        """See `Folder.names`; hidden ones too."""
        return (name for name in self._members if "/" not in name)

    def folders(self) -> tuple[str, ...]:
        """See `Folder.folders`."""
        return tuple(sorted({name.partition("/")[0] for name in self._members if "/" in name}))

    def inner(self, name: str) -> TarFolder:
        """See `Folder.inner`."""
        start = f"{name}/"
        inside = {n.removeprefix(start): place for n, place in self._members.items() if n.startswith(start)}
        return TarFolder(self._file, inside, f"{self.where}/{name}")

    def source(self, name: str) -> ByteSource:
        """See `Folder.source`."""
        begin, size = self._members[name]
        return Part(self._file, begin, size, Path(self.where) / name)

    def small(self, name: str, limit: int) -> bytes:
        """See `Folder.small`."""
        begin, size = self._members.get(name, (0, -1))
        if not 0 <= size <= limit:
            _refuse(message("nemo.no_file", name=quoted(name), most=limit), self.where)
        return bytes(self._file.read(begin, size))

    def has(self, name: str, where: str) -> bool:
        """See `Folder.has`."""
        return name in self._members

    def each(self, work: Callable[[str], T], names: Iterable[str]) -> Iterator[T]:
        """See `Folder.each`."""
        return map(work, names)

    def beside(self, weights: Any) -> Mapping[str, Callable[[], bytes]]:
        """See `Folder.beside`: the small files at the top of the archive."""
        return {
            name: partial(self.small, name, MAX_TOKENIZER_BYTES) for name in self.names() if not name.lower().endswith(_WEIGHTS)
        }


def open_nemo(file: ByteSource, max_header: int | None) -> Container | Packed:
    """The weights in a NeMo archive. Raises: RefusedError when it is damaged, or holds several, or none that is read."""
    top = TarFolder(file, _members(file), str(file.path))
    weights = [name for name in top._members if name.lower().endswith(_WEIGHTS) and not name.endswith(".distcp")]
    homes = [name for name in ("", *top.folders()) if METADATA in (set(top.inner(name).names()) if name else set(top.names()))]
    odd = message("odd.archive", name=quoted(weights[0] if weights else homes[0] if homes else ""))
    if len(weights) == 1 and not homes:
        return Packed(top.source(weights[0]), top.beside(None), (odd,))
    if len(homes) == 1 and not weights:
        container = open_dcp(top.inner(homes[0]) if homes[0] else top, max_header)
    elif weights and not homes and len({name.rpartition("/")[2] for name in weights}) == 1:
        container = open_megatron(top, weights, max_header)
    else:
        sets = [*weights, *homes]
        several = message("nemo.several", count=len(sets), names=", ".join(quoted(name) for name in sets[:4]))
        _refuse(several if sets else message("nemo.none"), str(file.path))
    container.beside = top.beside(None)
    container.odd.append(odd)
    return container


def _members(file: ByteSource) -> dict[str, tuple[int, int]]:
    """Where each file of a tar archive lies. Raises: RefusedError for what is no plain tar file, or names files outside itself."""
    where = str(file.path)
    found: dict[str, tuple[int, int]] = {}
    end = -1
    try:
        with tarfile.TarFile(fileobj=_Stream(file), mode="r") as tar:  # type: ignore[arg-type]
            while (member := tar.next()) is not None:
                tar.members = []  # type: ignore[attr-defined]  # not kept: the bound is ours
                end = _checked(member, end, file)
                name = member.name.removeprefix("./")
                if member.isreg():
                    if name in found or len(found) >= MAX_MEMBERS:
                        twice = message("nemo.twice", name=quoted(name))
                        _refuse(twice if name in found else message("nemo.most", most=MAX_MEMBERS), where)
                    found[name] = (member.offset_data, member.size)
    except (tarfile.TarError, ValueError, OverflowError, EOFError) as error:
        _refuse(message("nemo.no_tar", why=printable(str(error), 80)), where)
    return found


def _checked(member: tarfile.TarInfo, end: int, file: ByteSource) -> int:
    """The last byte of a member that lies behind the one before it, in the file."""
    where, parts = str(file.path), member.name.split("/")
    if member.name.startswith("/") or ".." in parts or not member.name.isprintable():
        _refuse(message("nemo.outside", name=quoted(member.name)), where)
    if member.issparse() or (member.isreg() and not end < member.offset_data <= member.offset_data + member.size <= file.size):
        _refuse(message("nemo.place", name=quoted(member.name)), where)
    return max(end, member.offset_data + (member.size if member.isreg() else 0) - 1)


def _refuse(what: Message, where: str) -> NoReturn:
    raise refusal(what, where=where, todo=message("joining.unpack"))
