"""What a path given to `library add` stands for: itself, or the models in it."""

from __future__ import annotations

from pathlib import Path

from forebear.core.bounded import refuse_os_error
from forebear.files.sources import resolve


def models_in(path: str) -> list[str]:
    """The models directly inside a folder that is none itself, by name; the path itself otherwise.

    Raises: RefusedError when it cannot be looked into.
    """
    try:
        inside = [str(model) for model in resolve(path).models()] if Path(path).is_dir() else []
    except OSError as error:
        raise refuse_os_error(error, path) from error
    return inside or [path]
