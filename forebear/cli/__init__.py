"""The command line: parse, call the library, show. The one place that prints and exits (STYLE 6, 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forebear.cli.main import guarded, main

if TYPE_CHECKING:
    from forebear.cli.application import app

__all__ = ["app", "guarded", "main"]


def __getattr__(name: str) -> Any:
    """`app`, described when it is asked for: a plain comparison does without the parser."""
    if name == "app":
        from forebear.cli.application import app

        return app
    raise AttributeError(name)
