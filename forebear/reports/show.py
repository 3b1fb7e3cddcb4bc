"""Which report draws which document, and how lines reach a stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, TextIO

from forebear.core.documents import canonical_json
from forebear.core.errors import UsageError
from forebear.reports.lines import Line

Document = Mapping[str, Any]
TEXT: dict[str, str] = {
    "forebear/comparison/1": "forebear.reports.comparison:comparison_lines",
    "forebear/matrix/1": "forebear.reports.comparison:matrix_lines",
    "forebear/inspection/1": "forebear.reports.inspection:inspection_lines",
    "forebear/tokenizer-cost/1": "forebear.reports.tokenizers.text:cost_lines",
    "forebear/tokenizer-lineage/1": "forebear.reports.tokenizers.text:lineage_lines",
    "forebear/case/1": "forebear.reports.cases.text:case_lines",
}
"""Text report of each document, imported only when it is drawn."""
FORMATS = ("text", "json")


def text_lines(document: Document) -> list[Line]:
    """The text report of a document of a kind in TEXT."""
    module, _, name = TEXT[document["schema"]].partition(":")
    report: Callable[[Document], list[Line]] = getattr(import_module(module), name)
    return report(document)


def rendered(document: Document, form: str) -> bytes:
    """The document in one format, as bytes to write.

    Raises: UsageError for a format this document has no report in.
    """
    if form == "json":
        return canonical_json(document)
    if form == "text" and document["schema"] in TEXT:
        lines = text_lines(document)
        return "".join(f"{line.text}\n" for line in lines).encode("utf-8", "backslashreplace")
    raise UsageError(
        f"no {form} report of {document['schema']}", where="--format", todo=f"Use one of: {', '.join(FORMATS)}."
    )


def print_coloured(document: Document, stream: TextIO) -> None:
    """Print the text report on a terminal, styled; names stay plain text (rich markup is not interpreted)."""
    from rich.console import Console
    from rich.text import Text

    console = Console(file=stream, highlight=False, soft_wrap=True)
    for line in text_lines(document):
        console.print(Text(line.text, style=line.style))
