"""A deflated member read at any offset, in memory: inflation resumes from snapshots taken on the way."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from forebear.core.errors import refusal
from forebear.core.messages import Message, message
from forebear.files.bytes.bytesource import ByteSource, WholeReads
from forebear.files.refusing import AGAIN, DAMAGED

_PIECE = 2**18
_FED = 2**16
_SNAPSHOTS = 256
"""Snapshots kept at most; each holds a 32 KiB window and at most _FED packed bytes."""


class InflatedFile(WholeReads):
    """The unpacked bytes of a raw deflate stream. Memory: the snapshots and one piece.

    size: unpacked bytes as declared, held against what the stream gives; crc: checked when one pass reaches the end.
    """

    def __init__(self, packed: ByteSource, size: int, crc: int) -> None:
        self._packed, self.size, self._crc = packed, size, crc
        self.path: Path = packed.path
        self._step = max(4 * 2**20, size // _SNAPSHOTS)
        # (unpacked offset, packed offset, state); the first is the beginning
        self._snapshots: list[tuple[int, int, Any]] = [(0, 0, zlib.decompressobj(-15))]
        self._state: Any = zlib.decompressobj(-15)
        self._packed_at = self._at = 0
        self._ahead = b""
        self._checked: int | None = 0
        self._summed = 0
        self.bytes_read = 0
        """Unpacked bytes handed out: what a budget should count, however often a stretch was inflated on the way."""

    def read_parts(self, parts: Iterable[tuple[int, memoryview]]) -> None:
        """See `ByteSource.read_parts`."""
        for offset, target in parts:
            self.read_into(offset, target)

    def read_into(self, offset: int, target: memoryview) -> None:
        """Inflate forward to `offset` and on; going back starts at the nearest snapshot."""
        if offset < 0 or offset + len(target) > self.size:
            self._refuse(message("unfit.before", size=self.size, wanted=offset + len(target)))
        self._seek(offset)
        done = 0
        while done < len(target):
            piece = self._next(len(target) - done)
            target[done : done + len(piece)] = piece
            done += len(piece)
        self.bytes_read += done

    def _seek(self, offset: int) -> None:
        begin = self._at - len(self._ahead)
        nearest = max((s for s in self._snapshots if s[0] <= offset), key=lambda s: s[0])
        if offset < begin or nearest[0] > self._at:
            self._at, self._packed_at, state = nearest
            self._state, self._ahead, begin = state.copy(), b"", self._at
        while begin < offset:
            begin += len(self._next(offset - begin))

    def _next(self, most: int) -> bytes:
        """The next 1..most unpacked bytes."""
        if not self._ahead:
            self._ahead = self._inflate()
        piece, self._ahead = self._ahead[:most], self._ahead[most:]
        return piece

    def _inflate(self) -> bytes:
        """At most _PIECE bytes more; a stream that stops early or runs over its size is refused."""
        while True:
            left = self._packed.size - self._packed_at
            fed = self._state.unconsumed_tail
            if not fed:
                fed = bytes(self._packed.read(self._packed_at, min(_FED, left)))
                self._packed_at += len(fed)
            try:
                piece: bytes = self._state.decompress(fed, _PIECE)
            except zlib.error:
                self._refuse(message("zip.broken", byte=self._at))
            if piece:
                break
            if self._state.eof or (not left and not self._state.unconsumed_tail):
                self._refuse(message("zip.unpacks_less", found=self._at, size=self.size))
        self._at += len(piece)
        if self._at > self.size:
            self._refuse(message("zip.unpacks_more", size=self.size))
        self._note(piece)
        return piece

    def _note(self, piece: bytes) -> None:
        """Keep the running checksum while the first pass lasts, and a snapshot now and then."""
        if self._checked is not None and self._checked == self._at - len(piece):
            self._summed = zlib.crc32(piece, self._summed)
            self._checked = self._at
            if self._at == self.size:
                self._checked = None
                if self._summed != self._crc:
                    self._refuse(message("zip.unpacked_checksum"), DAMAGED)
        if self._at - self._snapshots[-1][0] >= self._step and not self._state.eof:
            self._snapshots.append((self._at, self._packed_at, self._state.copy()))

    def _refuse(self, what: Message, todo: Message = AGAIN) -> NoReturn:
        raise refusal(what, where=str(self.path), todo=todo)

    def release(self) -> None:
        """Release the packed source."""
        self._packed.release()

    def close(self) -> None:
        """Close the packed source."""
        self._packed.close()
