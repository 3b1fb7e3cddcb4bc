"""A process that holds SentencePiece and one model: it reads texts and answers with their ids. Started by `reference`.

Everything comes as a length (four bytes, little-endian) and that many bytes: first the model, then one text after another. An
answer is the number of ids and the ids, four bytes each.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable

MEMORY_BYTES = 4 * 2**30
"""Address space of the process."""


def serve(package: str) -> None:
    """Answer until the input ends. package: the folder that holds the package."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    except (ImportError, ValueError, OSError):
        pass  # a system without such limits
    sys.path.append(package)
    from sentencepiece import SentencePieceProcessor

    read, write = sys.stdin.buffer.read, sys.stdout.buffer
    encode = SentencePieceProcessor(model_proto=_piece(read)).encode
    while (text := _piece(read)) is not None:
        ids = array("i", encode(text))
        write.write(len(ids).to_bytes(4, "little") + ids.tobytes())
        write.flush()


def _piece(read: Callable[[int], bytes]) -> bytes | None:
    size = read(4)
    return read(int.from_bytes(size, "little")) if len(size) == 4 else None


if __name__ == "__main__":
    serve(sys.argv[1])
