"""PyTorch files, zip and legacy, without unpickling: tensors as rows of storages found by their records."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import refusal
from forebear.core.limits import MAX_HEADER_BYTES, READ_BLOCK_BYTES
from forebear.core.messages import message
from forebear.files.base import Container, Float32, TensorEntry, quoted
from forebear.files.bytes.archive import STORED, Member, ZipArchive
from forebear.files.bytes.bytesource import ByteSource
from forebear.files.dtypes import DTYPES, Dtype, decode
from forebear.files.formats.pickles import CONVERT, Pickled, read_pickle
from forebear.files.formats.torch_legacy import is_legacy, read_legacy
from forebear.files.formats.torch_tensors import Found, Places, TorchEntry, find_tensors, place_tensors
from forebear.files.refusing import complex_numbers, refuse_tensor
from forebear.files.rowwise import PlacedContainer, row_count, stored_pieces

MAX_SPAN_BYTES = 256 * 2**20
"""Largest stretch of a storage read at once for a tensor that is not row-major."""


class TorchContainer(PlacedContainer):
    """Tensors of a PyTorch file. Memory: the pickle's records and a block of rows."""

    tensors: dict[str, TorchEntry]

    def __init__(self, file: ByteSource, kind: str, found: Found, places: Places, digest: str) -> None:
        entries = place_tensors(found.tensors, places, str(file.path))
        self._file = file
        super().__init__(kind, (file.path,), entries, {}, found.odd)
        self.header_digest = digest
        self._checks: dict[int, tuple[ZipArchive, Member]] = {}
        self._count()

    def check_storages(self, archive: ZipArchive, members: list[Member]) -> None:
        """Verify a storage's checksum whenever one of its tensors is the whole of it and is read from end to end."""
        self._checks = {member.begin: (archive, member) for member in members}

    def _place(self, entry: TensorEntry) -> tuple[int, int]:
        assert isinstance(entry, TorchEntry)
        return entry.begin, entry.stored_bytes // max(1, row_count(entry)[0])

    def _decode(self, entry: TensorEntry, raw: NDArray[np.uint8]) -> Float32:
        return decode(raw.reshape(-1), self._type(entry))

    def _type(self, entry: TensorEntry) -> Dtype:
        tag = entry.dtype.removesuffix(" (strided)")
        if tag == "C64":
            raise complex_numbers(self, entry.name)
        return DTYPES[tag]

    def _run(self, entry: TensorEntry, first: int, last: int) -> Float32:
        assert isinstance(entry, TorchEntry)
        if not entry.strides:
            return super()._run(entry, first, last)
        return self._strided(entry, np.arange(first, last, dtype=np.intp))

    def _some(self, entry: TensorEntry, rows: NDArray[np.intp], out: Float32) -> None:
        assert isinstance(entry, TorchEntry)
        if not entry.strides:
            super()._some(entry, rows, out)
            return
        step = max(1, READ_BLOCK_BYTES // (4 * out.shape[1]))
        for begin in range(0, rows.size, step):
            some = rows[begin : begin + step]
            out[begin : begin + some.size] = self._strided(entry, some).reshape(some.size, -1)

    def _strided(self, entry: TorchEntry, rows: NDArray[np.intp]) -> Float32:
        """Rows of a tensor that is not row-major: the stretch that holds them, then picked. Shape (len(rows), width)."""
        inside = np.zeros(1, dtype=np.intp)
        for size, stride in zip(entry.shape[1:], entry.strides[1:], strict=True):
            inside = (inside[:, None] + np.arange(size, dtype=np.intp) * stride).reshape(-1)
        places = rows[:, None] * entry.strides[0] + inside  # (rows, width) elements from the first
        low, high = int(places.min()), int(places.max()) + 1
        dtype = self._type(entry)
        if (high - low) * dtype.bits // 8 > MAX_SPAN_BYTES:
            self._too_far(entry)
        raw = self._file.read(entry.begin + low * dtype.bits // 8, (high - low) * dtype.bits // 8)
        values = decode(np.frombuffer(raw, dtype=np.uint8), dtype)
        return np.ascontiguousarray(values[places - low])

    def _too_far(self, entry: TensorEntry) -> NoReturn:
        raise refuse_tensor(self, entry.name, message("torch.spread", most=MAX_SPAN_BYTES), message("advice.contiguous"))

    def stored(self, name: str) -> Iterator[memoryview]:
        """See `Container.stored`; of a tensor that is not row-major, the bytes its storage has from its first value on."""
        entry = self.tensors.get(name)
        if entry is not None and entry.strides:
            size = min(entry.stored_bytes, self._file.size - entry.begin)
            yield from stored_pieces(self._file, entry.begin, size, READ_BLOCK_BYTES)
            self._count()
            return
        yield from super().stored(name)
        if entry is not None:
            self._verify(entry)

    def _verify(self, entry: TorchEntry) -> None:
        archive, member = self._checks.pop(entry.begin, (None, None))
        if archive is None or member is None or member.size != entry.stored_bytes:
            return
        if archive.crc_of(member) != member.crc:
            self.odd.append(message("odd.checksum", name=quoted(entry.name)))


def open_torch(file: ByteSource, max_header: int | None) -> Container:
    """A PyTorch file of either kind. Raises RefusedError when it is damaged, or no PyTorch file."""
    cap = max_header or MAX_HEADER_BYTES
    head = bytes(file.read(0, min(file.size, 16)))
    if is_legacy(head):
        found, places, digest = read_legacy(file, cap)
        return TorchContainer(file, "torch legacy", found, places, digest)
    if head[:4] != b"PK\3\4":
        what = message("torch.other_pickle") if head[:1] == b"\x80" else message("torch.no_torch")
        raise refusal(what, where=str(file.path), todo=CONVERT)
    archive = ZipArchive(file)
    return open_torch_zip(file, archive, read_records(archive, cap))


def pickle_member(archive: ZipArchive) -> Member | None:
    """The member that makes a zip archive a PyTorch file: <folder>/data.pkl."""
    found = [member for name, member in archive.members.items() if name.split("/")[1:] == ["data.pkl"]]
    return found[0] if len(found) == 1 else None


@dataclass(frozen=True, slots=True)
class Records:
    """What a PyTorch file says: its pickle, where its storages lie, and which members of the archive they are."""

    pickled: Pickled
    places: Places
    digest: str
    storages: dict[str, Member]


def read_records(archive: ZipArchive, cap: int) -> Records:
    """The records of a zip archive with <folder>/data.pkl and its storages. Raises RefusedError for any other."""
    member = pickle_member(archive)
    if member is None:
        archive.refuse(message("torch.no_data"), message("advice.torch_save"))
    folder = member.name.removesuffix("data.pkl")
    order = archive.members.get(f"{folder}byteorder")
    if order is not None and archive.read(order, 64) != b"little":
        archive.refuse(message("torch.endian"), message("advice.little"))
    raw = archive.read(member, cap)
    pickled = read_pickle(raw, where=archive.where)
    storages = {
        name.removeprefix(f"{folder}data/"): m for name, m in archive.members.items()
        if name.startswith(f"{folder}data/")
    }  # fmt: skip
    packed = [quoted(m.name) for m in storages.values() if m.method != STORED]
    if packed:
        archive.refuse(message("torch.compressed", name=packed[0]), message("advice.uncompressed"))
    places = {key: (m.begin, m.size) for key, m in storages.items()}
    return Records(pickled, places, hashlib.sha256(raw).hexdigest(), storages)


def open_torch_zip(file: ByteSource, archive: ZipArchive, records: Records) -> Container:
    """The tensors of a PyTorch file whose records were read."""
    found = find_tensors(records.pickled, archive.where)
    container = TorchContainer(file, "torch zip", found, records.places, records.digest)
    container.check_storages(archive, list(records.storages.values()))
    return container
