"""The command line: parse, call the library, show. The one place that prints and exits (STYLE 6, 7)."""

from __future__ import annotations

from forebear.cli.main import guarded, main

__all__ = ["guarded", "main"]
