"""The PyTorch format from before 1.6: five pickles in a row, then the storages.

Source: torch/serialization.py, _legacy_save and _legacy_load.
"""

from __future__ import annotations

import hashlib
from typing import Any

from forebear.core.errors import refusal
from forebear.core.messages import message
from forebear.files.base import quoted
from forebear.files.bytes.bytesource import ByteSource
from forebear.files.dtypes import DTYPES
from forebear.files.formats.pickles import Pickled, Table, read_pickle
from forebear.files.formats.torch_tensors import Found, find_tensors, storage_key
from forebear.files.refusing import AGAIN

MAGIC = 0x1950A86A20F9469CFC6C
_MAGIC_BYTES = b"\x8a\x0a" + MAGIC.to_bytes(10, "little") + b"."


def is_legacy(head: bytes) -> bool:
    """Whether a file's first bytes are the legacy magic number, pickled by protocol 2 or later."""
    return head[:1] == b"\x80" and head[2:].startswith(_MAGIC_BYTES)


class _Bounded:
    """A byte source as the stream `genops` reads, buffered, no further than a cap."""

    def __init__(self, file: ByteSource, cap: int) -> None:
        self._file, self._end = file, min(file.size, cap)
        self.at = 0
        self._begin, self._buffer = 0, b""

    def tell(self) -> int:
        return self.at

    def read(self, count: int, /) -> bytes:
        count = max(0, min(count, self._end - self.at))
        if not self._begin <= self.at <= self.at + count <= self._begin + len(self._buffer):
            size = min(self._end - self.at, max(count, 2**18))
            self._begin, self._buffer = self.at, bytes(self._file.read(self.at, size))
        begin = self.at - self._begin
        self.at += count
        return self._buffer[begin : begin + count]

    def readline(self) -> bytes:
        out = bytearray()
        while len(out) < 2**20:
            piece = self.read(1)
            out += piece
            if not piece or piece == b"\n":
                break
        return bytes(out)


def read_legacy(file: ByteSource, cap: int) -> tuple[Found, dict[str, tuple[int, int]], str]:
    """Tensors, places of their storages, and the digest of the pickles.

    Raises: RefusedError when a pickle is not what stands there in a legacy file, or a storage overruns the file.
    """
    where = str(file.path)
    stream = _Bounded(file, cap)
    magic, version, system = (read_pickle(stream, where=where, max_opcodes=100).value for _ in range(3))
    if magic != MAGIC or version != 1001:
        raise refusal(message("torch.no_legacy"), where=where, todo=AGAIN)
    if not isinstance(system, Table) or system.get("little_endian") is not True:
        raise refusal(message("torch.endian"), where=where, todo=message("advice.little"))
    pickled = read_pickle(stream, where=where)
    found = find_tensors(pickled, where)
    keys = read_pickle(stream, where=where).value
    digest = hashlib.sha256(bytes(file.read(0, stream.at))).hexdigest()
    return found, _places(file, stream.at, keys, _bits(pickled, where), where), digest


def _bits(pickled: Pickled, where: str) -> dict[str, int]:
    """Bits of one element by storage key, of every storage the pickle refers to."""
    found = [storage_key(reference.id, "of the pickle", where) for reference in pickled.persistent]
    return {storage.key: DTYPES[storage.dtype].bits if storage.dtype else 8 for storage in found}


def _places(file: ByteSource, at: int, keys: Any, bits: dict[str, int], where: str) -> dict[str, tuple[int, int]]:
    """Where each storage's bytes are: in the order of the keys, a 64-bit count of elements before each."""
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise refusal(message("torch.no_keys"), where=where, todo=AGAIN)
    if len(set(keys)) != len(keys):
        raise refusal(message("torch.key_twice"), where=where, todo=AGAIN)
    places: dict[str, tuple[int, int]] = {}
    for key in keys:
        if at + 8 > file.size:
            raise refusal(message("torch.before", key=quoted(key)), where=where, todo=AGAIN)
        elements = int.from_bytes(file.read(at, 8), "little")
        if key not in bits:
            raise refusal(message("torch.unused", key=quoted(key)), where=where, todo=AGAIN)
        size = elements * bits[key] // 8
        if at + 8 + size > file.size:
            what = message("thing.storage", name=quoted(key))
            raise refusal(message("unfit.truncated", what=what, end=at + 8 + size, size=file.size), where=where, todo=AGAIN)
        places[key] = (at + 8, size)
        at += 8 + size
    if at != file.size:
        raise refusal(message("torch.follow", count=file.size - at), where=where, todo=AGAIN)
    return places
