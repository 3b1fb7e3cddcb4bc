"""Options that several commands share, as the command line describes them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from forebear.cli.forms import Form, Language, check_target

FormatOption = Annotated[Form, typer.Option("--format", help="How to show the result.")]
OutputOption = Annotated[
    Path | None,
    typer.Option("-o", "--output", callback=check_target, help="Write the result to this file instead of stdout."),
]
LanguageOption = Annotated[Language, typer.Option("--language", help="Language of text and pages; JSON stays English.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="No progress and no notes on stderr.")]
ArchitectureOption = Annotated[
    Path | None, typer.Option(help="Architecture definition of your own (TOML); see docs/architectures.md.")
]
BaseOption = Annotated[
    Path | None,
    typer.Option(help="The model that an adapter (LoRA) changes: the adapter is then read as that model changed."),
]
HeaderOption = Annotated[
    str | None, typer.Option("--max-header", help="Largest header read, for example 100MiB (default 25MiB).")
]
TimeoutOption = Annotated[
    str | None, typer.Option(help="Seconds that one request to an address may take, attempts included (default 120).")
]
DeadlineOption = Annotated[
    str | None, typer.Option(help="Seconds from its beginning that a run may ask addresses (default 3600).")
]
