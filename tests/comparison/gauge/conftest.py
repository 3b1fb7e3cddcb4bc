"""Rewritten copies of the demo's models and of trained independents."""

from __future__ import annotations

from pathlib import Path

import pytest

import forebear
from forebear.comparison import walk
from forebear.comparison.demo import demo_folder
from forebear.recipes.steps.compose import reparameterise
from forebear.recipes.steps.model import Model

INDEPENDENTS = Path(__file__).parents[2] / "data" / "independents"


def mapped(subject, candidate):
    """The document of a pair that is not asked how near its layers are: maps do not rest on it, and it takes most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(walk, "_strength", lambda *_: None)
        return forebear.compare(subject, [candidate])


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
