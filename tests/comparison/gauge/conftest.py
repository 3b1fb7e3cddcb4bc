"""Rewritten copies of the demo's models and of trained independents."""

from __future__ import annotations

from pathlib import Path

import pytest

from forebear.comparison.demo import demo_folder
from forebear.recipes.steps.compose import reparameterise
from forebear.recipes.steps.model import Model

INDEPENDENTS = Path(__file__).parents[2] / "data" / "independents"


@pytest.fixture(scope="session")
def base():
    return demo_folder() / "base"


@pytest.fixture(scope="session")
def rewritten(tmp_path_factory):
    """rewritten(folder, seed, moves): a copy with the same outputs, made once."""
    made: dict[tuple[str, int, tuple[str, ...] | str], Path] = {}

    def make(folder: Path, seed: int, moves: str | tuple[str, ...] = "all") -> Path:
        key = (str(folder), seed, moves)
        if key not in made:
            made[key] = reparameterise(Model.load(folder), seed, moves).save(tmp_path_factory.mktemp("rewritten") / "m")
        return made[key]

    return make
