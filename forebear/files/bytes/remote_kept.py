"""Blocks of remote files kept for a while, all files of a client together, the least recently used let go first."""

from __future__ import annotations

import threading
from collections import OrderedDict

BLOCK_BYTES = 64 * 2**10
"""Smallest piece fetched, and the grain of what is kept."""
KEPT_BYTES = 96 * 2**20
Key = tuple[int, int]
"""(file, block number)."""


class Kept:
    """At most KEPT_BYTES of blocks; safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocks: OrderedDict[Key, bytes] = OrderedDict()
        self._files = 0

    def new_file(self) -> int:
        """A number for one more file."""
        with self._lock:
            self._files += 1
            return self._files

    def missing(self, file: int, blocks: list[int]) -> list[int]:
        """Those of a file's blocks that are not kept; the others count as used now."""
        with self._lock:
            for block in blocks:
                if (file, block) in self._blocks:
                    self._blocks.move_to_end((file, block))
            return [block for block in blocks if (file, block) not in self._blocks]

    def put(self, file: int, first: int, body: bytes) -> None:
        """Keep a run of blocks."""
        with self._lock:
            for at in range(0, len(body), BLOCK_BYTES):
                self._blocks[file, first + at // BLOCK_BYTES] = body[at : at + BLOCK_BYTES]
            while len(self._blocks) > KEPT_BYTES // BLOCK_BYTES:
                self._blocks.popitem(last=False)

    def get(self, file: int, block: int) -> bytes | None:
        """A block, None when it is not kept."""
        return self._blocks.get((file, block))

    def forget(self, file: int) -> None:
        """Let a file's blocks go."""
        with self._lock:
            for key in [key for key in self._blocks if key[0] == file]:
                del self._blocks[key]
