"""What every container offers: entries known from the header, rows of one tensor read on demand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forebear.core.messages import Message

Float32 = NDArray[np.float32]


def quoted(name: str, limit: int = 80) -> str:
    """An untrusted name for a message: quoted, escaped, cut so that the message's own words survive."""
    return repr(name if len(name) <= limit else f"{name[:limit]}…")


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """One tensor as the header declares it (checked against the file before the entry exists).

    name:   as in the file, untrusted; shape: row-major sizes; dtype: the safetensors tag ("F32", "BF16", ...) or the
    container's own name for a block type; stored_bytes: size in the file; shard: which file of `Container.paths`.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    stored_bytes: int
    shard: int = 0

    @property
    def parameters(self) -> int:
        """Number of elements; 1 for a scalar."""
        count = 1
        for size in self.shape:
            count *= size
        return count


@dataclass
class Container(ABC):
    """A checkpoint's tensors, lazily. Subclasses: one per file format, one registry line each (files/formats/registry.py)."""

    kind: str
    paths: tuple[Path, ...]
    tensors: Mapping[str, TensorEntry]
    metadata: Mapping[str, str] = field(default_factory=dict)
    odd: list[Message] = field(default_factory=list)
    """Odd but harmless things noticed while opening."""
    said: list[Message] = field(default_factory=list)
    """What a reader of any result must know: files left aside, an index that is wrong."""
    bytes_read: int = 0
    """Tensor bytes read so far, headers included."""
    header_digest: str = ""
    """SHA-256 of the header(s): says which file this was without reading all of it."""
    grain_bytes: int = 1
    """Smallest piece a read costs, bytes: 1 on disk, a block at an address. See `spread_rows`."""
    not_finite: dict[str, set[int]] = field(default_factory=dict)
    """Rows met while reading that hold NaN or infinity, by tensor (see `notice`)."""
    blank: set[str] = field(default_factory=set)
    """Matrices of which nothing but zeros was met while figures were taken."""
    beside: Mapping[str, Callable[[], bytes]] = field(default_factory=dict)
    """Small files that come with weights whose path is no folder (a member of an archive, a remote address), by name."""

    @abstractmethod
    def rows(self, name: str, start: int = 0, stop: int | None = None) -> Float32:
        """Rows start..stop of the first axis as float32.

        Exact for every float of at most 32 bits and integers up to 2**24; the rest is rounded.
        Shapes: (stop - start, *shape[1:]); a scalar or 1-D tensor is rows of width 1, flattened: returns (n,).
        Raises: RefusedError when the file changed or cannot be read.
        """

    @abstractmethod
    def take(self, name: str, indices: Sequence[int] | NDArray[np.intp]) -> Float32:
        """The named rows of the first axis in the given order, reading no more than those rows (to page size)."""

    @abstractmethod
    def stored(self, name: str) -> Iterator[memoryview]:
        """The tensor's stored bytes in order, in pieces of at most READ_BLOCK_BYTES, for digests.

        A piece holds whole values and is valid until the next is asked for.
        """

    def prefetch(self, wanted: Iterable[tuple[str, NDArray[np.intp]]]) -> None:
        """Say which rows of which tensors are read next: an address fetches them side by side; a file does nothing."""
        del wanted

    def cost(self, name: str, rows: NDArray[np.intp]) -> int:
        """Bytes that taking these rows (sorted, distinct) would read now; an address reads whole pieces, and none twice."""
        entry = self.tensors[name]
        return -(-entry.stored_bytes * rows.size // max(1, entry.shape[0] if entry.shape else 1))

    def raw(self, name: str, begin: int, end: int) -> bytes:
        """Stored bytes begin..end of a tensor, for types that float32 cannot hold; reads all before them unless the
        container can do better."""
        out = bytearray()
        at = 0
        for part in self.stored(name):
            out += part[max(0, begin - at) : max(0, end - at)]
            at += len(part)
            if at >= end:
                break
        return bytes(out)

    def read(self, name: str) -> Float32:
        """The whole tensor as float32, in its declared shape."""
        return self.rows(name).reshape(self.tensors[name].shape)

    def release(self) -> None:  # noqa: B027 most hold nothing scarce
        """Give scarce things (file descriptors) back until the next read."""

    @abstractmethod
    def close(self) -> None:
        """Release the files; reading afterwards is an error."""


def notice(container: Container, name: str, rows: NDArray[np.intp], block: Float32) -> None:
    """Remember which of the rows just read hold values that are not finite. Shapes: rows (n,), block (n, ...)."""
    with np.errstate(all="ignore"):
        flat = block.reshape(-1)
        if np.isfinite(flat @ flat):  # what is not finite stays so when squared, and squares cancel nothing
            return
    odd = ~np.isfinite(block.reshape(len(rows), -1)).all(axis=1)
    if odd.any():
        container.not_finite.setdefault(name, set()).update(rows[odd].tolist())


PIECE_BYTES = 2**20
"""Rows that lie together in pieces of this size cost one request at an address."""


def spread_rows(container: Container, name: str, total: int, count: int) -> NDArray[np.intp]:
    """About `count` of rows 0..total-1, spread evenly, in the form that costs the container least.

    On disk single rows; at an address as few runs of neighbours as hold them. Chosen before anything is looked at, so
    every test that takes rows at positions fixed in advance may use either.
    Shapes: returns (n,) sorted, distinct, n <= count.
    """
    count = min(count, total)
    entry = container.tensors[name]
    row_bytes = max(1, entry.stored_bytes // max(1, entry.shape[0] if entry.shape else 1))
    if count <= 0 or container.grain_bytes <= 1:
        return np.linspace(0, total - 1, max(0, count)).astype(np.intp)  # distinct, as count <= total
    run = max(1, min(count, PIECE_BYTES // row_bytes))
    begins = np.linspace(0, total - run, max(1, count // run)).astype(np.intp)
    return np.unique((begins[:, None] + np.arange(run, dtype=np.intp)).reshape(-1))


class CountedBelow(Container):
    """A container made of others, which are released and closed with it: bytes are counted where they are read; what is
    added goes to the first."""

    _sources: tuple[Container, ...]

    @property
    def bytes_read(self) -> int:
        """Bytes read from all of them."""
        return sum(source.bytes_read for source in self._sources)

    @bytes_read.setter
    def bytes_read(self, value: int) -> None:
        if value:  # a container sets zero when it is made
            self._sources[0].bytes_read += value - self.bytes_read

    def release(self) -> None:
        """See `Container.release`."""
        for source in self._sources:
            source.release()

    def close(self) -> None:
        """Close all of them."""
        for source in self._sources:
            source.close()
