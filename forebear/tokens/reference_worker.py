"""A process that holds a reference package and one model: it reads texts and answers with their ids. Started by `reference`.

Everything comes as a length (four bytes, little-endian) and that many bytes: first the model, then requests of a number of
texts and the texts. An answer is, for each text, the number of its ids and the ids, four bytes each; it is written when all of
a request is done, so that neither side waits for the other in between.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Sequence

Encode = Callable[[bytes], Sequence[int]]
MEMORY_BYTES = 4 * 2**30
"""Address space of the process."""


def sentencepiece(model: bytes) -> Encode:
    """Of a SentencePiece model."""
    from sentencepiece import SentencePieceProcessor

    encode: Encode = SentencePieceProcessor(model_proto=model).encode
    return encode


def tokenizers(model: bytes) -> Encode:
    """Of a tokenizer.json; special tokens in a text are text."""
    from tokenizers import Tokenizer

    made = Tokenizer.from_str(model.decode())
    made.no_truncation()
    made.no_padding()
    made.encode_special_tokens = True
    return lambda text: made.encode(text.decode(), add_special_tokens=False).ids


def tiktoken(model: bytes) -> Encode:
    """Of an expression and ranks: the expression after its length, then each token after its rank and length."""
    from tiktoken import Encoding

    at = 4 + int.from_bytes(model[:4], "little")
    pattern, ranks = model[4:at].decode(), dict[bytes, int]()
    while at < len(model):
        rank, size = int.from_bytes(model[at : at + 4], "little"), int.from_bytes(model[at + 4 : at + 8], "little")
        ranks[model[at + 8 : at + 8 + size]] = rank
        at += 8 + size
    made = Encoding("ranks", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    return lambda text: made.encode_ordinary(text.decode())


PACKAGES: dict[str, Callable[[bytes], Encode]] = {"sentencepiece": sentencepiece, "tokenizers": tokenizers, "tiktoken": tiktoken}


def serve(package: str, folder: str) -> None:
    """Answer until the input ends. folder: where the package lies."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    except (ImportError, ValueError, OSError):
        pass  # a system without such limits
    sys.path.append(folder)
    read, write = sys.stdin.buffer.read, sys.stdout.buffer
    encode = PACKAGES[package](_piece(read))
    while len(count := read(4)) == 4:
        texts = [_piece(read) for _ in range(int.from_bytes(count, "little"))]
        for text in texts:
            ids = array("i", encode(text))
            write.write(len(ids).to_bytes(4, "little") + ids.tobytes())
        write.flush()


def _piece(read: Callable[[int], bytes]) -> bytes:
    return read(int.from_bytes(read(4), "little"))


if __name__ == "__main__":
    serve(*sys.argv[1:3])
