"""The command line: parse, call the library, show. The one place that prints and exits (STYLE 6, 7)."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

import forebear
from forebear.cli.case import app as case_app
from forebear.cli.options import (
    ArchitectureOption,
    BaseOption,
    Form,
    FormatOption,
    HeaderOption,
    Language,
    LanguageOption,
    OutputOption,
    QuietOption,
    quietly,
    show,
    show_progress,
)
from forebear.cli.tokenizers import app as tokenizers_app
from forebear.core.errors import ForebearError, printable
from forebear.core.memory import keep_freed_memory
from forebear.core.progress import listening
from forebear.core.threads import start_with_one

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
    form: FormatOption = Form.text,
    output: OutputOption = None,
    quiet: QuietOption = False,
    language: LanguageOption = Language.en,
) -> None:
    """Do SUBJECT and each CANDIDATE share weights? Prints the verdict with its evidence.

    A SUBJECT that is a folder of models is compared pair by pair, each verdict corrected for all pairs.
    """
    keep_freed_memory()
    try:
        with listening(quietly if quiet else show_progress):
            document = forebear.compare(
                subject,
                candidates or (),
                budget=budget,
                full=full,
                expect=expect,
                architecture=architecture,
                base=base,
                max_header=max_header,
            )
    except ForebearError as error:
        if error.document is not None:  # the result is whole; only what was asked of it failed
            show(error.document, form, output, language)
        raise
    show(document, form, output, language)


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


def main() -> NoReturn:
    """Run the command line; every way out has the exit code DESIGN gives it, and none shows a traceback."""
    gc.set_threshold(50_000)  # imports make many objects and no rubbish; looking for it every 700 costs a tenth
    start_with_one()
    sys.exit(guarded(lambda: asked_for(sys.argv[1:])(standalone_mode=False)))


def asked_for(arguments: list[str]) -> typer.Typer:
    """The application, or of it the one plain command that is asked for: describing all the others takes a while."""
    chosen = [c for c in app.registered_commands if arguments[:1] == [getattr(c.callback, "__name__", "")]]
    if not chosen:
        return app
    alone = typer.Typer(name=app.info.name, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    alone.registered_commands, alone.registered_callback = chosen, app.registered_callback
    return alone


def guarded(run: Callable[[], Any]) -> int:
    """The exit code of a call: 0 done, 1 expectation not met, 2 usage, 3 input refused, 4 a fault of ours."""
    try:
        code = run()
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except ForebearError as error:
        print(f"forebear: {error}", file=sys.stderr)
        return error.exit_code
    except typer.Exit as leave:
        return leave.exit_code
    except (KeyboardInterrupt, typer.Abort):
        print("forebear: interrupted; nothing was written", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        wrong_words = getattr(error, "format_message", None)  # the parser's own errors, whichever click typer brings
        if wrong_words is not None:
            print(f"forebear: {one_line(str(wrong_words()))} See forebear --help.", file=sys.stderr)
            return 2
        if os.environ.get("FOREBEAR_DEBUG"):
            raise
        print(
            f"forebear: a fault of ours ({type(error).__name__}: {one_line(str(error))}). Set FOREBEAR_DEBUG=1 for the "
            "traceback and report it, please.",
            file=sys.stderr,
        )
        return 4


def one_line(text: str) -> str:
    """An exception's text as one printable line."""
    return printable(" ".join(text.split()), 300)


if __name__ == "__main__":
    main()
