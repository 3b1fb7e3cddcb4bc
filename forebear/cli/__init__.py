"""The command line: parse, call the library, show. The one place that prints and exits (STYLE 6, 7)."""

from forebear.cli.main import app, guarded, main

__all__ = ["app", "guarded", "main"]
