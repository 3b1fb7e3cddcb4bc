"""Which report draws which document, and how lines reach a stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TextIO

from forebear.core.documents import canonical_json
from forebear.core.errors import UsageError
from forebear.reports.comparison import comparison_lines, matrix_lines
from forebear.reports.inspection import inspection_lines
from forebear.reports.lines import Line

Document = Mapping[str, Any]
TEXT: dict[str, Callable[[Document], list[Line]]] = {
    "forebear/comparison/1": comparison_lines,
    "forebear/matrix/1": matrix_lines,
    "forebear/inspection/1": inspection_lines,
}
FORMATS = ("text", "json")


def rendered(document: Document, form: str) -> bytes:
    """The document in one format, as bytes to write.

    Raises: UsageError for a format this document has no report in.
    """
    if form == "json":
        return canonical_json(document)
    if form == "text" and document["schema"] in TEXT:
        lines = TEXT[document["schema"]](document)
        return "".join(f"{line.text}\n" for line in lines).encode("utf-8", "backslashreplace")
    raise UsageError(
        f"no {form} report of {document['schema']}", where="--format", todo=f"Use one of: {', '.join(FORMATS)}."
    )


def print_coloured(document: Document, stream: TextIO) -> None:
    """Print the text report on a terminal, styled; names stay plain text (rich markup is not interpreted)."""
    from rich.console import Console
    from rich.text import Text

    console = Console(file=stream, highlight=False, soft_wrap=True)
    for line in TEXT[document["schema"]](document):
        console.print(Text(line.text, style=line.style))
