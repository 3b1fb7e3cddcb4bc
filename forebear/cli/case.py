"""`forebear case`: testimony in several languages, its discrepancies, and claims bound to tests."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

import forebear
from forebear.cli.forms import Form, show
from forebear.cli.options import FormatOption, OutputOption, QuietOption

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Case files: testimony, translations, claims and tests."
)

Folder = Annotated[Path, typer.Argument(help="The case: a folder of plain files.")]
Key = Annotated[
    Path | None,
    typer.Option(help="A local key file (32 bytes or more) for the Ed25519 signature; to verify, or a public key."),
]


@app.command()
def add(
    folder: Folder,
    file: Annotated[Path, typer.Argument(help="Text, Markdown or HTML; other files as bytes beside a transcript.")],
    language: Annotated[str, typer.Option(help="Language of the source: zh, ja, en, ...")],
    script: Annotated[str, typer.Option(help="Script: Hans, Hant, ...")] = "",
    id: Annotated[str, typer.Option(help="Name of the source inside the case.")] = "",
    role: Annotated[
        str, typer.Option(help="original, translation, machine-conversion, statement or reply.")
    ] = "original",
    of: Annotated[str, typer.Option(help="The source it was made from.")] = "",
    version: Annotated[str, typer.Option(help="Version of the source.")] = "",
    date: Annotated[str, typer.Option(help="Date of the source.")] = "",
    encoding: Annotated[str, typer.Option(help="Encoding, where it is not UTF-8.")] = "",
    conversion: Annotated[
        str, typer.Option(help="OpenCC configuration of a machine conversion (s2t, s2twp, ...).")
    ] = "",
    transcript: Annotated[Path | None, typer.Option(help="Text of a PDF or picture.")] = None,
    as_bytes: Annotated[
        bool, typer.Option("--as-bytes", help="Keep the file as bytes without reading text from it.")
    ] = False,
    trust_language: Annotated[bool, typer.Option("--trust-language", help="Take the language as stated.")] = False,
    by: Annotated[str, typer.Option(help="Who obtained it.")] = "",
    when: Annotated[str, typer.Option(help="When it was obtained.")] = "",
    where: Annotated[str, typer.Option(help="Where it was obtained.")] = "",
    title: Annotated[str, typer.Option(help="Title of a new case.")] = "",
    form: FormatOption = Form.text,
    output: OutputOption = None,
    quiet: QuietOption = False,
) -> None:
    """Add a source to a case; the case is made when FOLDER holds none."""
    document = forebear.case_add(
        folder, file, language=language, script=script, id=id, role=role, of=of, version=version, date=date,
        encoding=encoding, conversion=conversion, transcript=transcript, as_bytes=as_bytes, trust_language=trust_language,
        by=by, when=when, where=where, title=title,
    )  # fmt: skip
    show(document, form, output)


@app.command()
def align(
    folder: Folder,
    only: Annotated[list[str] | None, typer.Option(help="Align these sources again; all by default.")] = None,
    form: FormatOption = Form.text,
    output: OutputOption = None,
    quiet: QuietOption = False,
) -> None:
    """Align every translation with its source, sentence by sentence; hand corrections are kept."""
    show(forebear.case_align(folder, only=tuple(only or ())), form, output)


@app.command()
def check(
    folder: Folder, form: FormatOption = Form.text, output: OutputOption = None, quiet: QuietOption = False
) -> None:
    """Find where the sources disagree, and which names need a ruling."""
    show(forebear.case_check(folder), form, output)


@app.command()
def run(
    folder: Folder,
    claims: Annotated[list[str] | None, typer.Option(help="Run these claims; all by default.")] = None,
    models: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID=PATH", help="Where a model lies; asked for when case.toml names a place outside the case."
        ),
    ] = None,
    form: FormatOption = Form.text,
    output: OutputOption = None,
    quiet: QuietOption = False,
) -> None:
    """Run what the claims can be tested for on the files given, and nothing else."""
    show(forebear.case_run(folder, claims=tuple(claims or ()), models=tuple(models or ())), form, output)


@app.command()
def report(
    folder: Folder,
    language: Annotated[str, typer.Option(help="Language of the reader: en, zh-Hans, zh-Hant, ja.")] = "en",
    form: FormatOption = Form.text,
    output: OutputOption = None,
    quiet: QuietOption = False,
) -> None:
    """The case with private names replaced; refused until every name candidate is ruled."""
    from forebear.casefile.verbs import refuse_names
    from forebear.reports.show import rendered

    document = forebear.case_report(folder, language=language)
    refuse_names(folder, {output.name if output else "the report": rendered(document, form.value)})
    show(document, form, output)


@app.command()
def seal(
    folder: Folder,
    target: Annotated[Path, typer.Argument(help="Where the sealed copy (a BagIt bag) is made.")],
    key: Key = None,
    report_only: Annotated[
        bool, typer.Option("--report-only", help="Seal report/ alone, without private names.")
    ] = False,
    form: FormatOption = Form.text,
    output: OutputOption = None,
    quiet: QuietOption = False,
) -> None:
    """Copy the case into a BagIt bag, signed with a local key when one is given."""
    document = forebear.case_seal(folder, target, key=key, report_only=report_only)
    if document["private"]:
        print("forebear: PRIVATE: this seal holds the sources and every name in them; keep it", file=sys.stderr)
    show(document, form, output)


@app.command()
def verify(
    folder: Folder,
    key: Key = None,
    original: Annotated[Path | None, typer.Option(help="An unaltered copy: ranges are then exact to the byte.")] = None,
    form: FormatOption = Form.text,
    output: OutputOption = None,
    quiet: QuietOption = False,
) -> None:
    """What of a sealed case was altered, file by file and byte by byte; exit code 1 when anything was."""
    show(forebear.case_verify(folder, key=key, original=original), form, output)
