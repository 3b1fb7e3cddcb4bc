"""What the verbs take and return, in one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Document = Mapping[str, Any]


def listed(paths: str | Path | Sequence[str | Path]) -> list[str | Path]:
    """One path or several as a list; a path is no list of letters."""
    return [paths] if isinstance(paths, (str, Path)) else list(paths)
