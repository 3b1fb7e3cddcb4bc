"""Which report draws which document, and how lines reach a stream."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from importlib import import_module
from itertools import takewhile
from typing import Any, TextIO

from forebear.core.documents import canonical_json
from forebear.core.errors import UsageError, printable
from forebear.reports.lines import Line

Document = Mapping[str, Any]
TEXT: dict[str, str] = {
    **{f"forebear/comparison/{v}": "forebear.reports.comparison:comparison_lines" for v in (1, 2)},
    **{f"forebear/matrix/{v}": "forebear.reports.comparison:matrix_lines" for v in (1, 2)},
    **{f"forebear/inspection/{v}": "forebear.reports.inspection:inspection_lines" for v in (1, 2)},
    **{f"forebear/tokenizer-cost/{v}": "forebear.reports.tokenizers.text:cost_lines" for v in (1, 2)},
    **{f"forebear/tokenizer-lineage/{v}": "forebear.reports.tokenizers.text:lineage_lines" for v in (1, 2)},
    **{f"forebear/case/{v}": "forebear.reports.cases.text:case_lines" for v in (1, 2)},
    "forebear/verification/1": "forebear.reports.verification.text:verification_lines",
    "forebear/attestation/3": "forebear.reports.attest.text:attestation_lines",
    "forebear/chain/1": "forebear.reports.attest.text:record_lines",
    "forebear/commitment/1": "forebear.reports.attest.text:commitment_lines",
    "forebear/recipe/1": "forebear.reports.recipes.text:recipe_lines",
    "forebear/library/1": "forebear.reports.library.text:library_lines",
    "forebear/search/1": "forebear.reports.library.text:search_lines",
    "forebear/tree/1": "forebear.reports.library.tree:tree_lines",
}
"""Text report of each document, imported only when it is drawn."""
BRIEF: dict[str, str] = {
    **{
        f"forebear/{kind}/{v}": "forebear.reports.comparison:brief_lines"
        for kind in ("comparison", "matrix")
        for v in (1, 2)
    },
    "forebear/attestation/3": "forebear.reports.attest.text:brief_lines",
    "forebear/chain/1": "forebear.reports.attest.text:record_brief",
    "forebear/verification/1": "forebear.reports.verification.text:brief_lines",
}
"""The conclusion of a document alone, imported only when it is drawn."""
IN_FULL: dict[str, str] = {f"forebear/matrix/{v}": "forebear.reports.comparison:matrix_in_full" for v in (1, 2)}
"""Text with everything that a document keeps, where TEXT leaves some of it out; imported only when it is drawn."""
PAGES: dict[str, str] = {
    **{f"forebear/comparison/{v}": "forebear.reports.comparison_page:comparison_page" for v in (1, 2)},
    **{f"forebear/matrix/{v}": "forebear.reports.matrix_page:matrix_page" for v in (1, 2)},
    **{f"forebear/inspection/{v}": "forebear.reports.inspection_page:inspection_page" for v in (1, 2)},
    **{f"forebear/tokenizer-cost/{v}": "forebear.reports.tokenizers.page:cost_page" for v in (1, 2)},
    **{f"forebear/tokenizer-lineage/{v}": "forebear.reports.tokenizers.page:lineage_page" for v in (1, 2)},
    **{f"forebear/case/{v}": "forebear.reports.cases.page:case_page" for v in (1, 2)},
    "forebear/verification/1": "forebear.reports.verification.page:verification_page",
    "forebear/attestation/3": "forebear.reports.attest.page:attestation_page",
    "forebear/chain/1": "forebear.reports.attest.page:record_page",
    "forebear/commitment/1": "forebear.reports.attest.page:commitment_page",
    "forebear/recipe/1": "forebear.reports.recipes.page:recipe_page",
    "forebear/search/1": "forebear.reports.library.page:search_page",
    "forebear/tree/1": "forebear.reports.library.tree_page:tree_page",
}
"""The page of each document as bytes, imported only when it is drawn."""
ROWS: dict[str, str] = {
    **{f"forebear/comparison/{v}": "forebear.reports.comparison_page:comparison_rows" for v in (1, 2)},
    **{f"forebear/matrix/{v}": "forebear.reports.matrix_page:matrix_rows" for v in (1, 2)},
    **{f"forebear/inspection/{v}": "forebear.reports.inspection:inspection_rows" for v in (1, 2)},
    **{f"forebear/tokenizer-cost/{v}": "forebear.reports.tokenizers.text:cost_rows" for v in (1, 2)},
    **{f"forebear/tokenizer-lineage/{v}": "forebear.reports.tokenizers.text:lineage_rows" for v in (1, 2)},
    **{f"forebear/case/{v}": "forebear.reports.cases.text:case_rows" for v in (1, 2)},
    "forebear/verification/1": "forebear.reports.verification.text:verification_rows",
    "forebear/attestation/3": "forebear.reports.attest.text:attestation_rows",
    "forebear/recipe/1": "forebear.reports.recipes.text:recipe_rows",
    "forebear/library/1": "forebear.reports.library.text:library_rows",
    "forebear/search/1": "forebear.reports.library.text:search_rows",
    "forebear/tree/1": "forebear.reports.library.tree:tree_rows",
}
"""Documents that are rows: a table whose first row names the columns."""
FIGURES: dict[str, str] = {
    **{f"forebear/comparison/{v}": "forebear.reports.comparison_page:comparison_figures" for v in (1, 2)},
    **{f"forebear/matrix/{v}": "forebear.reports.matrix_page:matrix_figures" for v in (1, 2)},
    "forebear/attestation/3": "forebear.reports.attest.page:attestation_figures",
    "forebear/recipe/1": "forebear.reports.recipes.page:recipe_figures",
    "forebear/tree/1": "forebear.reports.library.tree_page:tree_figures",
    "forebear/search/1": "forebear.reports.library.page:search_figures",
    **{f"forebear/inspection/{v}": "forebear.reports.inspection_page:inspection_figures" for v in (1, 2)},
}
"""Name and SVG of every figure of a document's page, imported only when they are drawn."""
FOR_PROGRAMS: dict[str, dict[str, str]] = {
    "forebear/verification/1": {
        "sarif": "forebear.reports.verification.pipelines:sarif",
        "junit": "forebear.reports.verification.pipelines:junit",
        "patch": "forebear.reports.verification.card_patch:card_patch",
        "cyclonedx": "forebear.reports.verification.bills:cyclonedx",
        "spdx": "forebear.reports.verification.bills:spdx",
        "in-toto": "forebear.reports.verification.statement:statement",
    },
    "forebear/tree/1": {"graphml": "forebear.reports.library.graphml:graphml"},
}
"""Forms of one kind of document that other programs read, as bytes, imported only when they are written."""
FORMATS = ("text", "json", "html", "csv")


def text_lines(document: Document, language: str = "en", detail: bool = False) -> list[Line]:
    """The text report of a document of a kind in TEXT; detail: with everything the document keeps."""
    schema = document["schema"]
    lines: list[Line] = named(IN_FULL.get(schema, TEXT[schema]) if detail else TEXT[schema])(document, language)
    return lines


def rendered(document: Document, form: str, language: str = "en", detail: bool = False) -> bytes:
    """The document in one format, as bytes to write; language: of text and pages (JSON and CSV stay English); detail: text
    with everything that the document keeps.

    Raises: UsageError for a format this document has no report in, or a language there is no catalogue of.
    """
    schema = document["schema"]
    if form == "json":
        return canonical_json(document)
    if form == "text" and schema in TEXT:
        lines = text_lines(document, language, detail)
        return "".join(f"{line.text}\n" for line in lines).encode("utf-8", "backslashreplace")
    if form == "html" and schema in PAGES:
        page: bytes = named(PAGES[schema])(document, language)
        return page
    if form == "csv" and schema in ROWS:
        return as_csv(named(ROWS[schema])(document))
    if form in FOR_PROGRAMS.get(schema, {}):
        written: bytes = named(FOR_PROGRAMS[schema][form])(document, language)
        return written
    raise UsageError(f"no {form} report of {schema}", where="--format", todo=f"Use {' or '.join(forms_of(schema))}.")


def briefly(document: Document, language: str = "en") -> bytes:
    """The conclusion of a document alone, as text: of a matrix, of each pair; else what stands before the first empty line."""
    schema = document["schema"]
    if schema in BRIEF:
        lines: list[Line] = named(BRIEF[schema])(document, language)
    else:
        lines = list(takewhile(lambda line: line.text, text_lines(document, language)))
    return "".join(f"{line.text}\n" for line in lines).encode("utf-8", "backslashreplace")


def named(place: str) -> Callable[..., Any]:
    """What a table here names, imported now."""
    module, _, name = place.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


def forms_of(schema: str) -> list[str]:
    """The formats that there are of a kind of document."""
    known = {"text": schema in TEXT, "json": True, "html": schema in PAGES, "csv": schema in ROWS}
    return [*(form for form in FORMATS if known[form]), *FOR_PROGRAMS.get(schema, {})]


def as_csv(rows: list[list[Any]]) -> bytes:
    """Rows as CSV (RFC 4180). A cell that a spreadsheet would take for a formula is led by an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    return out.getvalue().encode("utf-8", "backslashreplace")


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        text = printable(value, 2000)
        return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
    return "" if value is None else value


def coloured(document: Document, stream: TextIO, language: str = "en", detail: bool = False) -> bytes:
    """The text report as the terminal behind `stream` shows it, styled; names stay plain text (rich markup is not
    interpreted)."""
    from rich.console import Console
    from rich.text import Text

    console = Console(file=stream, highlight=False, soft_wrap=True)
    with console.capture() as captured:
        for line in text_lines(document, language, detail):
            console.print(Text(line.text, style=line.style))
    return captured.get().encode(stream.encoding or "utf-8", "backslashreplace")
