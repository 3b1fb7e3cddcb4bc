"""What the program beside a rank file states about cutting text: read as text, never run."""

from __future__ import annotations

import re
from pathlib import Path

from forebear.core.bounded import read_bounded
from forebear.core.errors import RefusedError

MOST_FILES, MOST_BYTES = 24, 128 * 1024
"""Python files looked at in the folder of a rank file and the one above, and the size of one."""
_JOIN = re.compile(r"""["']\|["']\.join\(""")
_BETWEEN = re.compile(r"[\s,\[(]*(?:#[^\n]*\n[\s,]*)*")
_RAW = re.compile(
    r"""\b[rR](?:"{3}(?P<a>[^\n]{1,2048}?)"{3}|'{3}(?P<b>[^\n]{1,2048}?)'{3}|"(?P<c>[^"\n]{1,2048})"|'(?P<d>[^'\n]{1,2048})')"""
)


def stated_expressions(path: str | Path) -> list[str]:
    """Splitting expressions that Python files near a rank file hold, each once; files that read no ranks are left out.

    An expression is a raw string that names letters by category; several joined by "|" are one.
    """
    file = Path(path)
    found: dict[str, None] = {}
    sources = [source for folder in (file.parent, file.parent.parent) for source in sorted(folder.glob("*.py"))]
    for source in sources[:MOST_FILES]:
        try:
            text = read_bounded(source, MOST_BYTES).decode("utf-8", "replace")
        except RefusedError:
            continue  # too large or unreadable: it states nothing to us
        if file.name not in text and "tiktoken" not in text and "mergeable_ranks" not in text:
            continue
        for expression in _expressions(text):
            found.setdefault(expression)
    return list(found)


def _expressions(text: str) -> list[str]:
    found, at = [], 0
    while (match := _RAW.search(text, at)) is not None:
        join = _JOIN.search(text, at, match.start())
        parts, at = [_content(match)], match.end()
        if join is not None and _BETWEEN.fullmatch(text, join.end(), match.start()):
            while (after := _RAW.match(text, _BETWEEN.match(text, at).end())) is not None:  # type: ignore[union-attr]
                parts.append(_content(after))
                at = after.end()
        whole = "|".join(parts)
        if "\\p{L" in whole and "\\s" in whole:
            found.append(whole)
    return found


def _content(match: re.Match[str]) -> str:
    return next(group for group in match.groups() if group is not None)
