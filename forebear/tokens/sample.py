"""Text to weigh tokenizers on: the shipped parallel text, our own domains, or a file read in bounded pieces."""

from __future__ import annotations

import codecs
import json
import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from forebear.core.bounded import open_stream, read_piece
from forebear.core.limits import MAX_TEXT_BYTES

BLOCK_CHARACTERS = 16_384
"""A file is read in blocks of about this many characters, cut at line ends where there are any."""
_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class Passage:
    """A named text in blocks. parallel: block k says the same as block k of every other parallel passage."""

    name: str
    blocks: tuple[str, ...]
    parallel: bool


@cache
def languages() -> tuple[Passage, ...]:
    """The articles of the Universal Declaration of Human Rights in 24 languages, 30 parallel blocks each."""
    packed = resources.files("forebear.tokens").joinpath("data", "declaration.json.xz").read_bytes()
    found = json.loads(lzma.decompress(packed))
    return tuple(Passage(code, tuple(blocks), True) for code, blocks in found["texts"].items())


@cache
def domains() -> tuple[Passage, ...]:
    """Digits, spaces, symbols, code, mathematics, emoji: short blocks written for this purpose."""
    found = json.loads(resources.files("forebear.tokens").joinpath("data", "domains.json").read_bytes())
    return tuple(Passage(k, tuple(v["blocks"]), False) for k, v in found["domains"].items())


def stream(path: str | Path) -> Iterator[str]:
    """The blocks of a text file, one after the other, in bounded memory; bytes that are no UTF-8 become U+FFFD.

    Raises: RefusedError when it is no regular file, too large, or cannot be read.
    """
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    held = ""
    with open_stream(path, MAX_TEXT_BYTES) as file:
        while data := read_piece(file, _READ_BYTES, path):
            held += decode(data)
            start = 0
            while len(held) - start > BLOCK_CHARACTERS:
                stop = held.rfind("\n", start, start + BLOCK_CHARACTERS) + 1 or start + BLOCK_CHARACTERS
                yield held[start:stop]
                start = stop
            held = held[start:]
    held += decode(b"", final=True)
    if held:
        yield held
