"""Blocks of remote files kept for a while, all files of a client together, the least recently used let go first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from hashlib import blake2b, sha256

BLOCK_BYTES = 64 * 2**10
"""Smallest piece fetched, and the grain of what is kept."""
KEPT_BYTES = 96 * 2**20
MAX_REMEMBERED = 2**18
"""Blocks of a file whose digest is remembered: the first 16 GiB read of it."""
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


class Witness:
    """What was read of a file so far: notices when a block reads differently, and digests a file that is read whole.

    The digest goes on as long as the block that follows is among those kept, so a file read roughly in order has one.
    """

    def __init__(self, kept: Kept, file: int) -> None:
        self._kept, self._file = kept, file
        self._lock = threading.Lock()
        self._seen: dict[int, bytes] = {}
        self._whole, self._next = sha256(), 0

    def saw(self, first: int, body: bytes, *, whole: bool) -> bool:
        """Remember a run of blocks; False when one of them read differently before. whole: digest the file as well."""
        same = True
        with self._lock:
            for at in range(0, len(body), BLOCK_BYTES):
                number = first + at // BLOCK_BYTES
                block = memoryview(body)[at : at + BLOCK_BYTES]
                digest = blake2b(block, digest_size=16).digest()
                same = same and self._seen.get(number, digest) == digest
                if len(self._seen) < MAX_REMEMBERED:
                    self._seen[number] = digest
                if whole and number == self._next:
                    self._whole.update(block)
                    self._next += 1
            while whole and (kept := self._kept.get(self._file, self._next)) is not None:
                self._whole.update(kept)
                self._next += 1
        return same

    def digest(self, size: int) -> str:
        """The SHA-256 of the file when all of its `size` bytes went into it, else nothing."""
        return self._whole.hexdigest() if self._next == -(-size // BLOCK_BYTES) else ""

    def read_blocks(self) -> list[int]:
        """The numbers of the blocks remembered, ascending."""
        with self._lock:
            return sorted(self._seen)
