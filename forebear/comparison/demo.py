"""The verb `demo`: the main job on the checkpoints that ship with forebear."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from forebear.comparison.compare import Asked, compare_many
from forebear.core.errors import RefusedError


def demo_folder() -> Path:
    """Where the demo checkpoints are installed. Raises RefusedError when the installation lacks them."""
    folder = Path(str(resources.files("forebear"))) / "demo_data"
    if not (folder / "base" / "model.safetensors").is_file():
        raise RefusedError("the demo checkpoints are missing", where=str(folder), todo="Install forebear again.")
    return folder


def run_demo() -> Mapping[str, Any]:
    """The descendant against its base and against an independent: a forebear/matrix/2 document."""
    folder = demo_folder()
    return compare_many(folder / "descendant", [folder / "base", folder / "independent"], Asked())
