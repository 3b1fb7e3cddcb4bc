"""Fields that a card writes by other marks than a colon or a table: badges, definition lists, terms with their value below."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from urllib.parse import unquote

_BADGE = re.compile(
    r"img\.shields\.io/(?:badge/(?P<path>[^\s)\"'>?]{3,160})|static/v1\?(?P<query>[^\s)\"'>]{3,300}))", re.IGNORECASE
)
_QUERY = re.compile(r"(?:^|[&;])(label|message)=([^&]{1,100})", re.IGNORECASE)
_TERM = re.compile(r"<dt\b[^<>]{0,200}>(.{1,100}?)</dt>\s*<dd\b[^<>]{0,200}>(.{1,200}?)(?:</dd>|$)", re.IGNORECASE)
_BELOW = re.compile(r"^\s*:\s+(\S.{0,200})$")
_BAR = re.compile(r"^[^|]{2,60}\|[^|]{1,120}$")
_TAG = re.compile(r"<[^<>]{0,200}>")
_DASHES = {"--": "\x00", "__": "\x01"}


def fields_of_marks(line: str, after: str, *, barred: bool = True) -> Iterator[tuple[str, str]]:
    """Label and value of each field of a line that is written so; after: the next line; barred: whether a bar parts one.

    >>> list(fields_of_marks("![](https://img.shields.io/badge/model%20size-0.13M-blue.svg)", ""))
    [('model size', '0.13M')]
    >>> list(fields_of_marks("<dt>Layers</dt><dd>4</dd>", "")), list(fields_of_marks("Layers", ": 4"))
    ([('Layers', '4')], [('Layers', '4')])
    """
    for found in _BADGE.finditer(line):
        label, value = _badge(found["path"]) if found["path"] else _asked(found["query"])
        if label and value:
            yield label, value
    terms = f"{line.strip()}{after.strip()}" if line.rstrip().lower().endswith("</dt>") else line
    for term, value in _TERM.findall(terms):
        yield _plain(term), _plain(value)
    below = _BELOW.match(after)
    if below and 0 < len(line.strip()) <= 60 and not line.startswith(("#", "-", "*", "|", ":", " ")):
        yield line.strip(" *_`"), below[1].strip()
    if barred and _BAR.match(line) and "|" not in after:
        label, _, value = line.partition("|")
        yield label.strip(" -+*#_`"), value.strip(" *_`")


def _badge(path: str) -> tuple[str, str]:
    """Label and message of a badge's path, where a dash parts them and two stand for one."""
    for mark, kept in _DASHES.items():
        path = path.replace(mark, kept)
    parts = [unquote(part).replace("_", " ").replace("\x00", "-").replace("\x01", "_") for part in path.split("-")]
    return (parts[0].strip(), parts[1].strip()) if len(parts) > 2 else ("", "")


def _asked(query: str) -> tuple[str, str]:
    """The same of a badge that is asked for by parameters."""
    asked = {key.lower(): unquote(value.replace("+", " ")) for key, value in _QUERY.findall(html.unescape(query))}
    return asked.get("label", ""), asked.get("message", "")


def _plain(text: str) -> str:
    return " ".join(html.unescape(_TAG.sub(" ", text)).split())
