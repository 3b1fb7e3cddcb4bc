"""Names of other models left behind in a folder: read as text, never run, never followed out of the folder (METHODS §16)."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from forebear.core.bounded import parse_json, read_bounded
from forebear.core.errors import RefusedError, printable
from forebear.core.messages import Message, message
from forebear.core.strict import Table
from forebear.models.architecture.registry import index

MAX_FILES = 200
"""Small files looked at, and folder entries walked a level."""
MAX_TEXT_BYTES = 2**20
MAX_FOUND = 200
MAX_JSON = 100_000
MAX_MATCHES = 500
"""Matches of one pattern looked at in one file."""
DEPTH = 2

OTHERS = Path(__file__).parent / "other_models.toml"
_CLASS = re.compile(r"^[ \t]*class[ \t]+([A-Za-z_]\w{0,120})", re.MULTILINE)
_IMPORT = re.compile(r"^[ \t]*(?:from|import)[ \t]+([\w.]{1,160})", re.MULTILINE)
_PATH = re.compile(r"(?:[A-Za-z]:)?(?:[\\/][\w.@+-]{1,80}){3,12}")
_LICENCE = re.compile(r"(?:copyright\s{0,4}(?:\(c\)|©|\d{4})|©\s{0,4}\d{4})[^\n]{0,160}", re.IGNORECASE)
_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_MERGE = re.compile(r"^[ \t]*(?:-[ \t]*)?(model|base_model|merge_method|path)[ \t]*:[ \t]*['\"]?([^\s'\"#]{1,200})", re.MULTILINE)
_CODE = (".py",)
_MERGE_FILES = ("mergekit_config.yml", "mergekit_config.yaml", "merge_config.yml", "mergekit.yml")
_JSON_FILES = (
    "config.json",
    "adapter_config.json",
    "tokenizer_config.json",
    "generation_config.json",
    "trainer_state.json",
)
_JSON_KEYS = {
    "_name_or_path": "path", "name_or_path": "path", "base_model_name_or_path": "base_model", "base_model": "base_model",
    "architectures": "class name", "auto_map": "class name", "tokenizer_class": "class name", "processor_class": "class name",
    "best_model_checkpoint": "path", "output_dir": "path", "_commit_hash": "commit",
}  # fmt: skip


@cache
def _words() -> re.Pattern[str]:
    """Words for models, as whole parts of an identifier: those of the families and of other models."""
    others = Table(tomllib.loads(OTHERS.read_text("utf-8")), str(OTHERS))
    words = [*others.texts("called"), *(word for entry in index() for word in entry.called)]
    others.text("source")
    others.finish()
    return re.compile(r"(?<![a-z])(" + "|".join(sorted(words, key=len, reverse=True)) + r")(?![a-z])")


@dataclass(frozen=True)
class Trace:
    """One thing left behind. kind: "class name", "import", "path", "licence", "base_model", "merge", "commit"."""

    file: str
    line: int
    kind: str
    text: str

    @property
    def names(self) -> list[str]:
        """Families of models that the text names."""
        words = _words()
        return sorted({*words.findall(self.text.lower()), *words.findall(_HUMPS.sub("_", self.text).lower())})

    def document(self) -> dict[str, Any]:
        """The trace as it stands in an inspection document."""
        return {"file": self.file, "line": self.line, "kind": self.kind, "text": self.text, "names": self.names}


def find_residue(folder: Path) -> tuple[list[dict[str, Any]], list[Message]]:
    """Traces in the small files of a folder, and what could not be looked at.

    Read: *.py as text, README front matter, licence headers, mergekit, adapter, tokenizer and model configurations, each at most
    MAX_TEXT_BYTES; no link that leads out of the folder is followed (but into the blobs of a hub cache).
    """
    found: list[Trace] = []
    limits: list[Message] = []
    for path in _files(folder, limits):
        try:
            data = read_bounded(path, MAX_TEXT_BYTES)
        except RefusedError as error:
            limits.append(message("limit.names_unread", why=error.message()))
            continue
        found += _traces(str(path.relative_to(folder)), data, limits)
    distinct = list(dict.fromkeys(found))
    if len(distinct) > MAX_FOUND:
        limits.append(message("limit.names_more", count=len(distinct) - MAX_FOUND))
    return [trace.document() for trace in distinct[:MAX_FOUND]], limits


def _files(folder: Path, limits: list[Message]) -> list[Path]:
    """Files worth reading, nearest first; bounded in number and depth."""
    chosen: list[Path] = []
    for path in _walk(folder, DEPTH):
        name = path.name.lower()
        wanted = name.endswith(_CODE) or name in _MERGE_FILES or name in _JSON_FILES
        if wanted or name == "readme.md" or name.startswith(("license", "licence", "notice")):
            if len(chosen) >= MAX_FILES:
                limits.append(message("limit.names_files", count=MAX_FILES))
                break
            if _inside(path, folder):
                chosen.append(path)
            else:
                limits.append(message("limit.names_outside", name=printable(path.name, 80)))
    return chosen


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    try:
        with os.scandir(folder) as entries:
            listed = sorted((e for _, e in zip(range(100 * MAX_FILES), entries, strict=False)), key=lambda e: e.name)
    except OSError:
        return
    inner = []
    for entry in listed:
        try:
            if entry.is_dir(follow_symlinks=False):
                inner.append(Path(entry.path))
            elif entry.is_file():
                yield Path(entry.path)
        except OSError:
            continue
    if depth > 1:
        for path in inner[:MAX_FILES]:
            yield from _walk(path, depth - 1)


def _inside(path: Path, folder: Path) -> bool:
    try:
        target, root = path.resolve(), folder.resolve()
    except (OSError, RuntimeError):
        return False
    blobs = root.parent.parent / "blobs" if root.parent.name == "snapshots" else None
    return target.is_relative_to(root) or (blobs is not None and target.is_relative_to(blobs))


def _traces(name: str, data: bytes, limits: list[Message]) -> Iterator[Trace]:
    shown, base = printable(name, 120), Path(name).name.lower()
    if base in _JSON_FILES:
        try:
            yield from _from_json(shown, parse_json(data, where=name, max_values=MAX_JSON))
        except RefusedError as error:
            limits.append(message("limit.names_unread", why=error.message()))
        return
    text = data.decode("utf-8", "replace")
    if base.endswith(_CODE):
        yield from _from_code(shown, text)
    elif base in _MERGE_FILES:
        for match in islice(_MERGE.finditer(text), MAX_MATCHES):
            yield _trace(shown, text, match.start(), "merge", f"{match.group(1)}: {match.group(2)}")
    elif base == "readme.md":
        yield from _front_matter(shown, text)
    else:
        yield from _licences(shown, text)


def _trace(file: str, text: str, at: int, kind: str, said: str) -> Trace:
    return Trace(file, text.count("\n", 0, at) + 1, kind, printable(said.strip(), 200))


def _from_code(name: str, text: str) -> Iterator[Trace]:
    """Class names and imports that name a model, absolute paths, copyright lines."""
    for pattern, kind in ((_CLASS, "class name"), (_IMPORT, "import")):
        for match in islice(pattern.finditer(text), MAX_MATCHES):
            trace = _trace(name, text, match.start(1), kind, match.group(1))
            if any(len(n) > 3 or kind == "class name" for n in trace.names):
                yield trace
    for match in islice(_PATH.finditer(text), MAX_MATCHES):
        trace = _trace(name, text, match.start(), "path", match.group(0))
        if trace.names or match.group(0).startswith(("/home/", "/root/", "/Users/", "/mnt/", "/data/", "/cache/")):
            yield trace
    yield from _licences(name, text)


def _licences(name: str, text: str) -> Iterator[Trace]:
    for count, match in enumerate(_LICENCE.finditer(text[:20_000])):
        if count == 8:
            return
        yield _trace(name, text, match.start(), "licence", match.group(0))


def _from_json(name: str, value: Any) -> Iterator[Trace]:
    if not isinstance(value, Mapping):
        return
    for key, kind in _JSON_KEYS.items():
        found = value.get(key)
        texts = found.values() if isinstance(found, Mapping) else (found if isinstance(found, list) else [found])
        for text in list(texts)[:20]:
            if isinstance(text, str) and text:
                yield Trace(name, 0, kind, printable(f"{key}: {text}", 200))


def _front_matter(name: str, text: str) -> Iterator[Trace]:
    """`base_model` of a model card: a scalar or a list under the first two lines of three dashes."""
    if not text.startswith("---"):
        return
    head = text[3:].split("\n---", 1)[0][:20_000]
    inside = False
    for number, line in enumerate(head.splitlines(), 1):
        key, mark, value = line.partition(":")
        if mark and not line.startswith((" ", "-")):
            inside = key.strip() in ("base_model", "base_models", "merged_models")
            if inside and value.strip(" '\"|>-[]"):
                yield Trace(name, number, "base_model", printable(value.strip(" '\"[]"), 200))
        elif inside and line.strip().startswith("-"):
            yield Trace(name, number, "base_model", printable(line.strip().lstrip("-").strip(" '\""), 200))
