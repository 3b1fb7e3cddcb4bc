"""The verb `demo`: the main job on the checkpoints that ship with forebear."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from forebear.comparison.compare import Asked, compare_many
from forebear.core.bounded import read_bounded
from forebear.core.errors import RefusedError
from forebear.core.output import write_whole

MODELS = ("base", "descendant", "independent")
MAX_FILE = 8 << 20
ELSEWHERE = "Name another folder, one that you may write to."


def demo_folder() -> Path:
    """Where the demo checkpoints are installed. Raises RefusedError when the installation lacks them."""
    folder = Path(str(resources.files("forebear"))) / "demo_data"
    if not (folder / "base" / "model.safetensors").is_file():
        raise RefusedError("the demo checkpoints are missing", where=str(folder), todo="Install forebear again.")
    return folder


def run_demo(into: str | Path | None = None) -> Mapping[str, Any]:
    """The descendant against its base and against an independent: a forebear/matrix/2 document.

    into: a folder to put the three checkpoints in first. Raises RefusedError when it holds something else, or cannot be written.
    """
    folder = demo_folder()
    if into is not None:
        folder = _copied(folder, Path(into))
    return compare_many(folder / "descendant", [folder / "base", folder / "independent"], Asked())


def _copied(source: Path, target: Path) -> Path:
    """The checkpoints of `source` in a folder `target`; those that are there already stay, and nothing else is replaced."""
    for model in MODELS:
        for file in sorted((source / model).iterdir()):
            place = target / model / file.name
            data = read_bounded(file, MAX_FILE)
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise RefusedError(f"cannot be made ({error.strerror})", where=str(place.parent), todo=ELSEWHERE) from error
            if not os.path.lexists(place):
                write_whole(place, data)
            elif read_bounded(place, MAX_FILE) != data:
                raise RefusedError("is there and is no checkpoint of the demo", where=str(place), todo=ELSEWHERE)
    return target
