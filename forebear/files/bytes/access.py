"""Positioned reads of a regular file that must not change meanwhile.

Reads are `pread`, not a memory map: a map turns a file truncated by somebody else, or a failing disk, into SIGBUS,
which no handler survives, and pages touched through a map count as this process's memory. A positioned read gives an
error we can name.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from forebear.core.bounded import open_regular, refuse_os_error
from forebear.core.errors import refusal
from forebear.core.messages import message
from forebear.files.bytes.bytesource import WholeReads


class PositionedFile(WholeReads):
    """A regular file read at given offsets; the file must keep its size and time of change.

    size: bytes when first opened; bytes_read: bytes read so far.
    Raises (all methods): RefusedError when it is missing, not regular, unreadable, or changed since it was opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bytes_read = 0
        self._closed = False
        self._fd: int | None = None
        self._identity: tuple[int, int, int, int] | None = None
        self.size = self._open()[2]

    def _open(self) -> tuple[int, int, int, int]:
        fd, _ = open_regular(self.path)
        try:
            identity = self._identify(fd)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd
        self._identity = identity
        return identity

    def _identify(self, fd: int) -> tuple[int, int, int, int]:
        """(device, inode, size, time of change in ns), refusing what is not the file first opened."""
        now = os.fstat(fd)
        identity = (now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns)
        if identity == self._identity:
            return identity
        if self._identity is not None:
            raise refusal(message("unfit.changed"), where=str(self.path), todo=message("advice.wait"))
        return identity

    def read_into(self, offset: int, target: memoryview) -> None:
        """Fill `target` (bytes, writable) from `offset` on, then check that the file has not changed."""
        self.read_parts([(offset, target)])

    def read_parts(self, parts: Iterable[tuple[int, memoryview]]) -> None:
        """Fill each (offset, target) in turn, then check once that the file has not changed."""
        if self._closed:
            raise refusal(message("unfit.closed"), where=str(self.path), todo=message("advice.open_again"))
        if self._fd is None:
            self._open()
        fd = self._fd
        assert fd is not None
        short: tuple[int, int] | None = None
        try:
            for offset, target in parts:
                wanted, done = len(target), 0
                while done < wanted and (got := _read_at(fd, offset + done, target[done:] if done else target)):
                    done += got
                self.bytes_read += done
                if done < wanted:
                    short = (offset + done, wanted - done)
                    break
        except OSError as error:
            raise refuse_os_error(error, self.path) from error
        self._identify(fd)
        if short is not None:
            said = message("unfit.early", end=short[0], count=short[1])
            raise refusal(said, where=str(self.path), todo=message("advice.again"))

    def release(self) -> None:
        """Give the file descriptor back; the next read opens the file again and checks that it is the same."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def close(self) -> None:
        """Release for good; reading afterwards is an error."""
        self.release()
        self._closed = True

    def __del__(self) -> None:
        if getattr(self, "_fd", None) is not None:
            self.release()


if hasattr(os, "preadv"):

    def _read_at(fd: int, offset: int, target: memoryview) -> int:
        return os.preadv(fd, [target], offset)

else:  # pragma: no cover - platforms without preadv

    def _read_at(fd: int, offset: int, target: memoryview) -> int:
        os.lseek(fd, offset, os.SEEK_SET)
        piece = os.read(fd, min(len(target), 2**20))
        target[: len(piece)] = piece
        return len(piece)
