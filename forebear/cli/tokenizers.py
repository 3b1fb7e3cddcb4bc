"""`forebear tokenizers`: what a vocabulary costs, and where it comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import forebear
from forebear.cli.forms import Form, show
from forebear.cli.options import FormatOption, OutputOption, QuietOption

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What a vocabulary costs, and where it comes from.")


@app.command()
def cost(
    paths: Annotated[
        list[str], typer.Argument(help="Tokenizer files or folders, or `one-each` for the built-in scheme.")
    ],
    text: Annotated[Path | None, typer.Option(help="A UTF-8 text instead of the default one.")] = None,
    reference: Annotated[str, typer.Option(help="Language that premiums compare with.")] = "eng",
    width: Annotated[int, typer.Option(help="Residual width, for the parameters of the table.")] = 4096,
    price: Annotated[float | None, typer.Option(help="Money per million tokens.")] = None,
    cut: Annotated[
        str | None, typer.Option(help="How a rank file that does not say cuts its text (gpt2, cl100k, ...).")
    ] = None,
    form: FormatOption = Form.text,
    output: OutputOption = None,
    quiet: QuietOption = False,
) -> None:
    """Tokens per character, premiums over a reference, losslessness first."""
    document = forebear.tokenizers_cost(paths, text=text, reference=reference, width=width, price=price, cut=cut)
    show(document, form, output)


@app.command()
def lineage(
    subject: Annotated[str, typer.Argument(help="The vocabulary asked about.")],
    candidates: Annotated[list[str], typer.Argument(help="Vocabularies it may come from.")],
    form: FormatOption = Form.text,
    output: OutputOption = None,
    quiet: QuietOption = False,
) -> None:
    """Identical, renumbered, extended, trimmed, partly re-learnt, stitched or unrelated."""
    show(forebear.tokenizers_lineage(subject, candidates), form, output)
