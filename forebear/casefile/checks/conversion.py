"""A recorded machine conversion, run again: what it explains is said, what it does not is a finding."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path
from typing import Any

from forebear.casefile.checks.findings import Finding
from forebear.casefile.checks.pair import Pair
from forebear.casefile.data import packaged_table
from forebear.core.errors import RefusedError

CONFIGURATIONS = (
    "s2t",
    "s2tw",
    "s2twp",
    "s2hk",
    "s2hkp",
    "t2s",
    "tw2s",
    "tw2sp",
    "hk2s",
    "t2tw",
    "tw2t",
    "jp2t",
    "t2jp",
)


@dataclass(frozen=True)
class _Cut:
    word: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Cuts:
    cut: tuple[_Cut, ...]


@cache
def _opencc() -> Any:
    try:
        return importlib.import_module("opencc")
    except ImportError:
        return None


def can_convert() -> bool:
    """Whether OpenCC is at hand (extra `cases`)."""
    return _opencc() is not None


@cache
def _converter(name: str) -> Any:
    if name not in CONFIGURATIONS:
        raise RefusedError(f"unknown OpenCC configuration {name!r}", todo=f"One of {', '.join(CONFIGURATIONS)}.")
    module = _opencc()
    own = Path(module.__file__).with_name("clib") / "share" / "opencc" / f"{name}.json"
    if not own.is_file() and Path(f"{name}.json").exists():
        raise RefusedError("OpenCC would take its configuration from the current folder", where=f"{name}.json",
                           todo="Start in another folder.")  # fmt: skip
    # by its whole path: a name alone is looked for in the current folder first
    return module.OpenCC(str(own) if own.is_file() else name)


def convert(text: str, configuration: str) -> str:
    """The text converted.

    Raises: RefusedError for an unknown configuration, or when OpenCC is not installed.
    """
    if not can_convert():
        raise RefusedError("OpenCC is not installed", todo="Install forebear[cases].")
    return str(_converter(configuration).convert(text))


def version() -> str:
    """The version of OpenCC at hand, or ""."""
    module = _opencc()
    return str(getattr(module, "__version__", "unknown")) if module else ""


@cache
def _cuts() -> tuple[_Cut, ...]:
    return packaged_table(_Cuts, "conversion.toml").cut


def check_conversion(pair: Pair) -> Iterator[Finding]:
    """Where the text departs from the recorded conversion of its original, and where that conversion cut across words."""
    configuration = pair.right.source.conversion
    if not configuration or not can_convert() or not pair.link.left:
        return
    wanted = convert(pair.a, configuration)
    if pair.link.right and wanted != pair.b:
        for tag, a0, a1, b0, b1 in SequenceMatcher(None, wanted, pair.b, autojunk=False).get_opcodes():
            if tag != "equal":
                if b0 == b1:
                    b0, b1 = max(0, b0 - 1), min(len(pair.b), b1 + 1)
                words = {"left": wanted[max(0, a0 - 1) : a1 + 1], "right": pair.b[max(0, b0 - 1) : b1 + 1]}
                yield pair.finding("conversion/differs", None, (b0, b1), **words)
    for start, end in cut_words(pair.a, configuration):
        made = convert(pair.a[start:end], configuration)
        if not pair.link.right or made in pair.b:
            at = pair.b.find(made)
            span = (at, at + len(made)) if at >= 0 else None
            yield pair.finding("conversion/cut", (start, end), span, left=pair.a[start:end], right=made)


def cut_words(text: str, configuration: str) -> list[tuple[int, int]]:
    """Spans the conversion treats as one word although its first or last character belongs to the neighbour."""
    found = []
    for cut in _cuts():
        word = re.escape(cut.word)
        ways = [f"(?<=[{''.join(cut.before)}]){word}"] * bool(cut.before) + [
            f"{word}(?=[{''.join(cut.after)}])"
        ] * bool(cut.after)
        for match in re.finditer("|".join(ways), text):
            # only a phrase conversion can cut: character by character the result would be the same
            apart = "".join(convert(c, configuration) for c in match.group())
            if convert(match.group(), configuration) != apart:
                found.append(match.span())
    return found
