"""The commands as the command line describes them; each calls the library and shows what it gives (STYLE 7)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

import forebear
from forebear.cli.case import app as case_app
from forebear.cli.comparing import compare_and_show
from forebear.cli.forms import Form, Language, show
from forebear.cli.options import (
    ArchitectureOption,
    BaseOption,
    DeadlineOption,
    FormatOption,
    HeaderOption,
    LanguageOption,
    OutputOption,
    QuietOption,
    TimeoutOption,
)
from forebear.cli.tokenizers import app as tokenizers_app

app = typer.Typer(
    name="forebear",
    help="Find what a language model descends from, with figures whose false-positive rate is known.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.command()
def compare(
    subject: Annotated[
        Path, typer.Argument(help="The model asked about: a checkpoint, or a folder of models for all pairs.")
    ],
    candidates: Annotated[list[Path] | None, typer.Argument(help="Possible relatives, one or more.")] = None,
    budget: Annotated[str | None, typer.Option(help="Tensor bytes read per side (default 64MiB).")] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Read everything; needed to show equality of large files.")
    ] = False,
    expect: Annotated[str | None, typer.Option(help="Exit with 1 unless every verdict is this relation.")] = None,
    architecture: ArchitectureOption = None,
    base: BaseOption = None,
    max_header: HeaderOption = None,
    timeout: TimeoutOption = None,
    deadline: DeadlineOption = None,
    form: FormatOption = Form.text,
    output: OutputOption = None,
    quiet: QuietOption = False,
    language: LanguageOption = Language.en,
) -> None:
    """Do SUBJECT and each CANDIDATE share weights? Prints the verdict with its evidence.

    A SUBJECT that is a folder of models is compared pair by pair, each verdict corrected for all pairs.
    """
    compare_and_show(
        subject,
        candidates or (),
        budget=budget,
        full=full,
        expect=expect,
        architecture=architecture,
        base=base,
        max_header=max_header,
        timeout=timeout,
        deadline=deadline,
        form=form,
        output=output,
        quiet=quiet,
        language=language,
    )


@app.command()
def inspect(
    checkpoint: Annotated[
        Path, typer.Argument(help="A checkpoint file or folder, a configuration alone (.json), or a tokenizer.")
    ],
    full: Annotated[bool, typer.Option("--full", help="Also read every value, and audit the tokenizer.")] = False,
    against: Annotated[
        Path | None, typer.Option(help="A configuration, or the claimed part of one: how one count leads to the other.")
    ] = None,
    architecture: ArchitectureOption = None,
    base: BaseOption = None,
    max_header: HeaderOption = None,
    tokenizer: Annotated[
        bool, typer.Option("--tokenizer", help="Audit the tokenizer and the rows of the embedding.")
    ] = False,
    timeout: TimeoutOption = None,
    deadline: DeadlineOption = None,
    form: FormatOption = Form.text,
    output: OutputOption = None,
    quiet: QuietOption = False,
    language: LanguageOption = Language.en,
) -> None:
    """What is in CHECKPOINT: container, architecture, sizes, tensors, claims, residue, odd things."""
    document = forebear.inspect(
        checkpoint,
        full=full,
        against=against,
        architecture=architecture,
        base=base,
        max_header=max_header,
        tokenizer=tokenizer,
        timeout=timeout,
        deadline=deadline,
    )
    show(document, form, output, language)


@app.command()
def demo(
    form: FormatOption = Form.text,
    output: OutputOption = None,
    quiet: QuietOption = False,
    language: LanguageOption = Language.en,
) -> None:
    """Compare three tiny trained checkpoints that ship with forebear: a base, its descendant, a stranger."""
    if not quiet:
        print(
            "Demo: a subject made from `base` by further training and two inserted layers, against `base` and against an\n"
            "`independent` model of the same shape, data and data order. No network is used.\n",
            file=sys.stderr,
        )
    show(forebear.demo(), form, output, language)


app.add_typer(tokenizers_app, name="tokenizers")
app.add_typer(case_app, name="case")


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Find what a language model descends from, with figures whose false-positive rate is known."""
    if version:
        print(f"forebear {forebear.__version__}")
        raise typer.Exit


def asked_for(arguments: list[str]) -> typer.Typer:
    """The application, or of it the one plain command that is asked for: describing all the others takes a while."""
    chosen = [c for c in app.registered_commands if arguments[:1] == [getattr(c.callback, "__name__", "")]]
    if not chosen:
        return app
    alone = typer.Typer(name=app.info.name, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    alone.registered_commands, alone.registered_callback = chosen, app.registered_callback
    return alone
