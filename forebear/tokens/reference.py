"""SentencePiece itself, where it is installed, for long texts: in a process of its own, on a model that our reader has accepted.

Its ids are ours (tests/tokens/test_exact.py); it is only quicker. A process that dies or hangs costs nothing but time: the text
goes to our encoder then, and so do all after it.
"""

from __future__ import annotations

import importlib.util
import select
import subprocess
import sys
from array import array
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO

from forebear.core.bounded import read_bounded
from forebear.core.limits import MAX_TOKENIZER_BYTES
from forebear.core.stopping import child
from forebear.tokens.encoders import Encoder

LEAST_BYTES = 2**20
"""Bytes of text from which a process is worth its start."""
MOST_IDS = 8
"""Ids that a character may take (a byte each: 4), or the answer is none."""
SECONDS = 60.0
"""Longest that one block of text (16,384 characters) may take."""


class Reference:
    """Ids of texts by a process that holds the model; None where it cannot answer."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.alive = True

    def encode(self, text: str) -> list[int] | None:
        """Ids of a text, or None: from then on nothing is answered."""
        if not self.alive:
            return None
        try:
            self.send(text.encode())
            size = int.from_bytes(self._read(4), "little")
            if size > MOST_IDS * (len(text) + 16):
                raise EOFError
            ids = array("i")
            ids.frombytes(self._read(4 * size))
            return ids.tolist()
        except (OSError, EOFError, UnicodeEncodeError):
            self.alive = False
            self._process.kill()
            return None

    def send(self, data: bytes) -> None:
        """One piece, after its length."""
        pipe = self._pipe(self._process.stdin)
        pipe.write(len(data).to_bytes(4, "little"))
        pipe.write(data)
        pipe.flush()

    def _read(self, size: int) -> bytes:
        pipe, found = self._pipe(self._process.stdout), bytearray()
        while len(found) < size:
            if not select.select([pipe], [], [], SECONDS)[0]:
                raise EOFError
            more = pipe.read1(size - len(found))  # type: ignore[attr-defined]
            if not more:
                raise EOFError
            found += more
        return bytes(found)

    @staticmethod
    def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
        assert pipe is not None
        return pipe


@contextmanager
def reference(encoder: Encoder, path: Path, text_bytes: int) -> Iterator[Reference | None]:
    """The reference of an encoder for the block; None for a short text, another kind of file, or without the package."""
    rules = encoder.vocabulary.rules
    of_sentencepiece = rules is not None and rules.option("charsmap") is not None and ".model" in path.name
    found = importlib.util.find_spec("sentencepiece") if of_sentencepiece and text_bytes >= LEAST_BYTES else None
    if found is None or found.origin is None:
        yield None
        return
    package = str(Path(found.origin).resolve().parent.parent)
    worker = str(Path(__file__).with_name("reference_worker.py").resolve())
    process = subprocess.Popen(
        [sys.executable, "-I", worker, package],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    made = Reference(process)
    try:
        with child(process):
            with suppress(OSError):  # a process that died before it read: the first text finds that out
                made.send(read_bounded(path, MAX_TOKENIZER_BYTES))
            made.encode("")  # its start is no part of what a text takes
            yield made
    finally:
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()


def package_version() -> str:
    """The installed version, for the document; empty where it is not known."""
    try:
        return version("sentencepiece")
    except PackageNotFoundError:
        return ""
