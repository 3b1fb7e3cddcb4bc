"""The reference package of a tokenizer, where it is installed, for long texts: in a process of its own, on what our reader
accepted.

SentencePiece for its models, tokenizers for a tokenizer.json, tiktoken for ranks whose cut is known. Their ids are ours
(tests/tokens/test_exact.py); they are only quicker. A process that dies or hangs costs nothing but time: the text goes to our
encoder then, and so do all after it.
"""

from __future__ import annotations

import importlib.util
import select
import subprocess
import sys
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO

from forebear.core.bounded import read_bounded
from forebear.core.limits import MAX_TOKENIZER_BYTES
from forebear.core.stopping import child
from forebear.tokens.encoders import Encoder
from forebear.tokens.rules import Rules
from forebear.tokens.splitting import KNOWN_PATTERNS

LEAST_BYTES = 2**20
"""Bytes of text from which a process is worth its start."""
MOST_IDS = 8
"""Ids that a character may take (a byte each: 4), or the answer is none."""
SECONDS = 60.0
"""Longest that the blocks of one request may take."""
PIPE_BYTES = 2**20
"""What a pipe to the process holds (the most that Linux grants)."""
TOGETHER = 32
"""Blocks of text (16,384 characters each) of one request: fewer would wait for the process more often than it works."""


class Reference:
    """Ids of texts by a process that holds the model; None where it cannot answer."""

    def __init__(self, process: subprocess.Popen[bytes], package: str) -> None:
        self._process, self.package = process, package
        self.alive = True
        self._asked: Sequence[str] = ()
        self._starting = True

    def ready(self) -> None:
        """Wait until the process has started, which is no part of what a text takes."""
        if self._starting:
            self._starting = False
            self.ask([""])
            self.answers()

    def ask(self, texts: Sequence[str]) -> None:
        """Send texts, whose ids `answers` then gives; the process works on them meanwhile. One request is open at a time."""
        self.ready()
        self._asked = texts
        if self.alive:
            try:
                pieces = [text.encode() for text in texts]
                self.send(len(pieces).to_bytes(4, "little") + b"".join(map(_framed, pieces)))
            except (OSError, UnicodeEncodeError):
                self._end()

    def answers(self) -> list[list[int]] | None:
        """Ids of every text that was asked for; None: from then on nothing is answered."""
        if not self.alive:
            return None
        try:
            return [self._answer(text) for text in self._asked]
        except (OSError, EOFError):
            self._end()
            return None

    def _end(self) -> None:
        self.alive = False
        self._process.kill()

    def _answer(self, text: str) -> list[int]:
        size = int.from_bytes(self._read(4), "little")
        if size > MOST_IDS * (len(text) + 16):
            raise EOFError
        ids = array("i")
        ids.frombytes(self._read(4 * size))
        return ids.tolist()

    def send(self, data: bytes) -> None:
        """Bytes as they are."""
        pipe = self._pipe(self._process.stdin)
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


def _framed(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + data


def _started(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """A process with wide pipes, so that a request and its answer pass in one go; as they come where a system grants none."""
    pipe, quiet = subprocess.PIPE, subprocess.DEVNULL
    try:
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=quiet, pipesize=PIPE_BYTES)
    except OSError:  # a user's share of memory for pipes is used up
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=quiet)


@contextmanager
def reference(encoder: Encoder, path: Path, text_bytes: int) -> Iterator[Reference | None]:
    """The reference of an encoder for the block; None for a short text, another kind of file, or without the package."""
    package, pattern = _package_of(encoder, path) if text_bytes >= LEAST_BYTES else ("", "")
    found = importlib.util.find_spec(package) if package else None
    if found is None or found.origin is None:
        yield None
        return
    folder = str(Path(found.origin).resolve().parent.parent)
    worker = str(Path(__file__).with_name("reference_worker.py").resolve())
    process = _started([sys.executable, "-I", worker, package, folder])
    made = Reference(process, package)
    try:
        with child(process):
            with suppress(OSError):  # a process that died before it read: the first text finds that out
                made.send(_framed(_ranks(encoder, pattern) if pattern else read_bounded(path, MAX_TOKENIZER_BYTES)))
            yield made
    finally:
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()


def _package_of(encoder: Encoder, path: Path) -> tuple[str, str]:
    """The package that reads a file as its maker's programs do, "" for none, and the expression that it is given beside ranks."""
    vocabulary, cut = encoder.vocabulary, encoder.cut
    rules = vocabulary.rules or Rules()
    if rules.option("charsmap") is not None and ".model" in path.name:
        return "sentencepiece", ""
    if vocabulary.kind == "tiktoken":
        how, name = (cut.how, cut.name) if cut is not None else ("", None)
        known = {way: pattern for pattern, way in reversed(KNOWN_PATTERNS.items())}
        pattern = rules.pattern if how == "file" else known.get(name or "") if how in ("digest", "name") else None
        return ("tiktoken", pattern) if pattern else ("", "")
    described = path.suffix == ".json" and rules.option("added") is not None and (cut is None or cut.how == "file")
    return ("tokenizers" if described else "", "")


def _ranks(encoder: Encoder, pattern: str) -> bytes:
    """An expression and ranks as the process reads them."""
    special, tokens = encoder.vocabulary.special, enumerate(encoder.vocabulary.tokens)
    pairs = (id_.to_bytes(4, "little") + _framed(token) for id_, token in tokens if token is not None and id_ not in special)
    return _framed(pattern.encode()) + b"".join(pairs)


def package_version(package: str) -> str:
    """The installed version, for the document; empty where it is not known."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
