"""What the verbs take, in one place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def listed(paths: str | Path | Sequence[str | Path]) -> list[str | Path]:
    """One path or several as a list; a path is no list of letters."""
    return [paths] if isinstance(paths, (str, Path)) else list(paths)
