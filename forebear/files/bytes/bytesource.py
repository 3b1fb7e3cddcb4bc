"""Where a container's bytes come from: a file, a part of a file, an inflated member, a remote address; one interface."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from forebear.core.errors import refusal
from forebear.core.messages import message


class ByteSource(Protocol):
    """Bytes at given offsets. `PositionedFile` is one; every method raises RefusedError when bytes cannot be had."""

    @property
    def path(self) -> Path:
        """Names the source in messages."""

    @property
    def size(self) -> int:
        """Bytes in all."""

    @property
    def bytes_read(self) -> int:
        """Bytes read so far."""

    def read(self, offset: int, count: int) -> bytearray:
        """`count` bytes from `offset` on."""

    def read_into(self, offset: int, target: memoryview) -> None:
        """Fill `target` from `offset` on."""

    def read_parts(self, parts: Iterable[tuple[int, memoryview]]) -> None:
        """Fill each (offset, target) in turn; a remote source fetches them side by side."""

    def release(self) -> None:
        """Give scarce things (file descriptors, connections) back until the next read."""

    def close(self) -> None:
        """Release for good."""


class WholeReads:
    """A source that fills what it is given; see `ByteSource`."""

    def read_into(self, offset: int, target: memoryview) -> None:
        """See `ByteSource.read_into`."""
        raise NotImplementedError

    def read(self, offset: int, count: int) -> bytearray:
        """See `ByteSource.read`."""
        out = bytearray(count)
        self.read_into(offset, memoryview(out))
        return out


class Part(WholeReads):
    """A run of bytes of another source, seen as a source of its own: a stored member of an archive.

    path names the member ("outer.zip/inner.gguf") and need not exist on disk. Closing it closes the outer source.
    """

    def __init__(self, outer: ByteSource, begin: int, size: int, path: Path) -> None:
        if begin < 0 or size < 0 or begin + size > outer.size:
            said = message("unfit.outside", begin=begin, end=begin + size, size=outer.size)
            raise refusal(said, where=str(path), todo=message("advice.again"))
        self._outer, self._begin = outer, begin
        self.path, self.size = path, size

    @property
    def bytes_read(self) -> int:
        """Bytes read from the outer source, by anybody."""
        return self._outer.bytes_read

    def read_into(self, offset: int, target: memoryview) -> None:
        """See `ByteSource.read_into`; never leaves the part."""
        self.read_parts([(offset, target)])

    def read_parts(self, parts: Iterable[tuple[int, memoryview]]) -> None:
        """See `ByteSource.read_parts`; never leaves the part."""
        self._outer.read_parts([(self._inside(offset, len(target)), target) for offset, target in parts])

    @property
    def grain_bytes(self) -> int:
        """Smallest piece a read of the outer source costs (`Container.grain_bytes`)."""
        return getattr(self._outer, "grain_bytes", 1)

    def prefetch(self, spans: Iterable[tuple[int, int]]) -> None:
        """Fetch (offset, count) spans side by side where the outer source can."""
        fetch = getattr(self._outer, "prefetch", None)
        if fetch is not None:
            fetch([(self._inside(offset, count), count) for offset, count in spans])

    def fetch_cost(self, spans: Iterable[tuple[int, int]]) -> int:
        """Bytes that reading (offset, count) spans would fetch now."""
        whole = [(self._inside(offset, count), count) for offset, count in spans]
        told: int = self._outer.fetch_cost(whole) if hasattr(self._outer, "fetch_cost") else sum(c for _, c in whole)
        return told

    def _inside(self, offset: int, count: int) -> int:
        if offset < 0 or offset + count > self.size:
            said = message("unfit.before", size=self.size, wanted=offset + count)
            raise refusal(said, where=str(self.path), todo=message("advice.again"))
        return self._begin + offset

    def release(self) -> None:
        """Release the outer source."""
        self._outer.release()

    def close(self) -> None:
        """Close the outer source."""
        self._outer.close()
