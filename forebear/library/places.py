"""Where things lie in the folder of a local library."""

from __future__ import annotations

from pathlib import Path

CATALOGUE = "catalogue.sqlite"
PRINTS = "prints"
SUFFIX = ".fbp"
REMOVED = ".removed"
"""Of a print whose removal is not yet committed."""


def print_path(folder: Path, ident: str) -> Path:
    """The file of a print: prints/ab/<id>.fbp, ab the first digits of its digest."""
    return folder / PRINTS / ident[-64:][:2] / f"{ident}{SUFFIX}"
