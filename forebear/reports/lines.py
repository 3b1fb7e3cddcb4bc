"""Documents as lines with a style each: printed plain when piped, coloured on a terminal, markup in names inert."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any, NamedTuple
from unicodedata import east_asian_width

from forebear.core.errors import printable
from forebear.reports.line_breaks import wrapped

if TYPE_CHECKING:
    from forebear.reports.catalogue import Catalogue


class Line(NamedTuple):
    """One line of a report; style is a rich style name or empty."""

    text: str
    style: str = ""


def safe(value: object, limit: int = 120) -> str:
    """Anything from a file as one printable line."""
    return printable(str(value), limit)


_ABSOLUTE = re.compile(r"[/~\\]|[A-Za-z]:[\\/]")


def local_name(path: str) -> str:
    """An absolute path of this machine as its last part, which is all that a page that is passed on may show; others as they are.

    >>> local_name("/home/me/models/a"), local_name("models/a"), local_name("hf://org/a")
    ('a', 'models/a', 'hf://org/a')
    """
    if not _ABSOLUTE.match(path):
        return path
    windows = "\\" in path or path[1:2] == ":"
    return (PureWindowsPath(path) if windows else PurePosixPath(path)).name or path


def local_command(command: str) -> str:
    """A command with every absolute path in it as its last part."""
    try:
        words = shlex.split(command)
    except ValueError:  # not one that a shell would read: nothing in it is known to be a path
        return command
    return shlex.join(local_name(word) for word in words)


def table(header: tuple[str, ...], rows: Iterable[tuple[object, ...]], indent: str = "  ") -> list[Line]:
    """Columns padded to their widest cell; numbers are right-aligned."""
    body = [tuple(safe(cell, 60) for cell in row) for row in rows]
    widths = [max([_width(h), *(_width(r[i]) for r in body)]) for i, h in enumerate(header)]
    numeric = [all(_number(r[i]) for r in body) and bool(body) for i in range(len(header))]

    def show(cells: tuple[str, ...]) -> str:
        parts = [padded(c, w, n) for c, w, n in zip(cells, widths, numeric, strict=True)]
        return (indent + "  ".join(parts)).rstrip()

    return [Line(show(header), "bold"), *(Line(show(r)) for r in body)]


def _width(text: str) -> int:
    """Columns of a terminal: wide characters take two."""
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in text)


def padded(text: str, width: int, right: bool = False) -> str:
    """Text filled with spaces up to a width in columns of a terminal."""
    space = " " * (width - _width(text))
    return space + text if right else text + space


def _number(text: str) -> bool:
    return (
        text.replace(",", "").replace(".", "").replace("-", "").replace("^", "").replace(" of ", "").isdigit()
        or text == "-"
    )


def wrap(text: str, width: int = 100, indent: str = "  ", style: str = "") -> list[Line]:
    """Words broken over lines."""
    text = safe(text, 4000)
    if _width(text) > len(text) * 1.3:  # few spaces to break at: every wide letter may end a line
        return [Line(indent + line, style) for line in wrapped(text, width / 2 * 1.1, 1)]
    found = textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
    return [Line(line, style) for line in found]


def bullet(sentences: Iterable[object]) -> list[Line]:
    """A list of sentences, each behind a dash."""
    out: list[Line] = []
    for sentence in sentences:
        lines = wrap(str(sentence), indent="    ")
        if lines:
            out += [Line("  - " + lines[0].text.strip(), lines[0].style), *lines[1:]]
    return out


def footer(document: Mapping[str, Any], words: Catalogue) -> list[Line]:
    """What was read, and the command that makes the document again."""
    read = words("many.joint").join(
        f"{words.name('read', key)} {f'{value:,}' if isinstance(value, int) else value}"
        for key, value in document["read"].items()
    )
    again = words("again_in.folder-of-subject") if "again_in" in document else words("text.again")
    return [
        Line(""),
        Line(f"{words('text.read')}: {safe(read, 300)}", "dim"),
        Line(f"{again}: {safe(document['reproduce'], 500)}", "dim"),
    ]
