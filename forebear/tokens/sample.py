"""Text to weigh tokenizers on: the shipped parallel text, our own domains, or a file read in bounded pieces."""

from __future__ import annotations

import codecs
import json
import lzma
import tomllib
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from forebear.core.bounded import open_stream, read_piece
from forebear.core.errors import UsageError, refusal
from forebear.core.limits import MAX_TEXT_BYTES
from forebear.core.messages import message

BLOCK_CHARACTERS = 16_384
"""A file is read in blocks of about this many characters, cut at line ends where there are any."""
_READ_BYTES = 1 << 20
MAX_CORPUS_BYTES, MOST_FILES = 64 * 2**20, 256
"""Largest file of a parallel text of one's own, which is held whole, and the most files looked at."""


@dataclass(frozen=True)
class Passage:
    """A named text in blocks. parallel: block k says the same as block k of every other parallel passage.

    given: the blocks as they were written, where composing letters and marks made them shorter.
    """

    name: str
    blocks: tuple[str, ...]
    parallel: bool
    given: tuple[str, ...] | None = None


def composed(text: str) -> str:
    """The text with letters and their marks put together (NFC), where that makes it shorter; else the text itself.

    A few scripts are longer in NFC than as written (composition exclusions); nobody writes them so.
    """
    found = text if text.isascii() else unicodedata.normalize("NFC", text)
    return found if len(found) < len(text) else text


def _passage(name: str, blocks: Sequence[str]) -> Passage:
    together = tuple(map(composed, blocks))
    return Passage(name, together, True, tuple(blocks) if together != tuple(blocks) else None)


@cache
def languages() -> tuple[Passage, ...]:
    """The articles of the Universal Declaration of Human Rights in 24 languages, 30 parallel blocks each."""
    packed = resources.files("forebear.tokens").joinpath("data", "declaration.json.xz").read_bytes()
    found = json.loads(lzma.decompress(packed))
    return tuple(_passage(code, blocks) for code, blocks in found["texts"].items())


def corpus(folder: str | Path) -> tuple[Passage, ...]:
    """A parallel text of one's own: a UTF-8 file a language (jpn.txt), line k of each the same as line k of the others.

    Raises: UsageError when there are fewer than two files, or their numbers of lines differ; RefusedError as `stream`.
    """
    files = (
        sorted(path for path in Path(folder).glob("*.txt") if path.is_file())[:MOST_FILES]
        if Path(folder).is_dir()
        else []
    )
    if len(files) < 2:
        raise UsageError(
            "a parallel text is a folder with a file a language",
            where=str(folder),
            todo="Name the files LANGUAGE.txt (at least two); line k of each says the same.",
        )
    texts = {
        path.stem: "".join(stream(path, MAX_CORPUS_BYTES)).replace("\r\n", "\n").rstrip("\n").split("\n")
        for path in files
    }
    counts = {name: len(lines) for name, lines in texts.items()}
    if len(set(counts.values())) != 1:
        shown = ", ".join(f"{name} has {count:,}" for name, count in list(counts.items())[:8])
        raise UsageError(f"the files of a parallel text have different numbers of lines: {shown}", where=str(folder))
    return tuple(_passage(name, lines) for name, lines in texts.items())


def chosen(passages: Sequence[Passage], names: str | None) -> tuple[Passage, ...]:
    """The passages whose names are listed, with commas between, in that order; all without a list. Names as `code_of` reads them.

    Raises: UsageError for a name that is none of them.
    """
    if names is None:
        return tuple(passages)
    known = {passage.name: passage for passage in passages}
    wanted = list(dict.fromkeys(code_of(name.strip(), known) for name in names.split(",") if name.strip()))
    unknown = [name for name in wanted if name not in known]
    if unknown or not wanted:
        raise UsageError(f"no text in {', '.join(unknown) or 'no language'}", todo=f"There are: {_listed(known)}")
    return tuple(known[name] for name in wanted)


def code_of(name: str, known: Collection[str]) -> str:
    """The one of the known names that a name means: itself, or by another of its codes (jpn as ja); the name as it is else."""
    if name in known:
        return name
    plain = name.lower().replace("_", "-")
    meant = {other.lower().replace("_", "-"): code for code, others in aliases().items() for other in (code, *others)}
    code = meant.get(plain, name)
    return code if code in known else next((k for k in known if meant.get(k.lower().replace("_", "-")) == code), name)


@cache
def aliases() -> Mapping[str, tuple[str, ...]]:
    """Code of each language of the shipped text → its other codes."""
    found = tomllib.loads(resources.files("forebear.tokens").joinpath("data", "languages.toml").read_text("utf-8"))
    return {code: tuple(others) for code, others in found.items()}


def _listed(known: Collection[str]) -> str:
    """Known names, each with the first of its other codes."""
    return ", ".join(f"{name} ({aliases()[name][0]})" if name in aliases() else name for name in known)


@cache
def domains() -> tuple[Passage, ...]:
    """Digits, spaces, symbols, code, mathematics, emoji: short blocks written for this purpose."""
    found = json.loads(resources.files("forebear.tokens").joinpath("data", "domains.json").read_bytes())
    return tuple(Passage(k, tuple(v["blocks"]), False) for k, v in found["domains"].items())


def stream(path: str | Path, most: int = MAX_TEXT_BYTES) -> Iterator[str]:
    """The blocks of a text file, one after the other, in bounded memory.

    Raises: RefusedError when it is no regular file, larger than `most` bytes, cannot be read, or is not UTF-8.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    held, read = "", 0
    with open_stream(path, most) as file:
        while True:
            data = read_piece(file, _READ_BYTES, path)
            held += _decoded(decoder, data, read, path)
            read += len(data)
            if not data:
                break
            start = 0
            while len(held) - start > BLOCK_CHARACTERS:
                stop = held.rfind("\n", start, start + BLOCK_CHARACTERS) + 1 or start + BLOCK_CHARACTERS
                yield held[start:stop]
                start = stop
            held = held[start:]
    if held:
        yield held


def _decoded(decoder: codecs.IncrementalDecoder, data: bytes, read: int, path: str | Path) -> str:
    waiting = len(decoder.getstate()[0])
    try:
        return decoder.decode(data, final=not data)
    except UnicodeDecodeError as error:
        begins = read == 0 and data[:2] in (b"\xff\xfe", b"\xfe\xff")
        what = message("refused.utf16") if begins else message("refused.utf8", byte=read - waiting + error.start)
        raise refusal(what, where=str(path), todo=message("advice.to_utf8")) from None
