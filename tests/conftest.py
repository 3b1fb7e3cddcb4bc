"""Fixtures every room uses."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.packages import install

__all__ = ["install"]
LONG = (
    "casefile/test_hidden_names.py", "recipes/test_rederive.py", "hostile/test_current_folder.py", "hostile/test_fuzz.py",
    "hostile/test_aimed_at_places.py", "recipes/test_mixtures.py", "attest/test_verify.py", "reports/test_every_language.py",
    "comparison/gauge/test_gauge_pair.py", "models/test_wrapping.py", "comparison/gauge/test_gauge_maps.py",
    "verification/test_measured.py", "casefile/test_hostile_cases.py", "hostile/test_watched_verbs.py", "recipes/test_dated.py",
    "cli/test_output.py", "comparison/gauge/test_variants_alike.py", "comparison/gauge/test_layouts_alike.py",
    "casefile/test_case_walk.py", "recipes/test_recipe.py", "comparison/test_parts.py", "verification/test_making.py",
    "casefile/test_case_words.py", "reports/test_axe.py", "bench/test_build.py", "attest/test_shown.py",
    "comparison/test_strength.py",
)  # fmt: skip
"""Files that take 14 processor seconds and more. They are begun first, so that no process is left with one at the end."""


def load_gguf_alone() -> None:
    """Load gguf without the tokenizers of mistral_common, which it does without and which take 2 s in every process that collects."""
    sys.modules["mistral_common"] = None  # type: ignore[assignment]  # an import of it fails
    try:
        importlib.import_module("gguf")
    finally:
        del sys.modules["mistral_common"]


load_gguf_alone()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files first; everything else as it lies."""
    root = str(Path(__file__).parent)
    order = {f"{root}/{name}": at for at, name in enumerate(LONG)}
    items.sort(key=lambda item: order.get(str(item.path), len(LONG)))


@pytest.fixture(params=[11, 23])
def seed(request: pytest.FixtureRequest) -> int:
    """Two named seeds: a test that holds for one only does not hold."""
    return int(request.param)


@pytest.fixture
def rng(seed: int) -> np.random.Generator:
    """A generator fixed by the test's seed."""
    return np.random.default_rng(seed)
