"""Tiny models of every family, made once."""

from __future__ import annotations

import numpy as np
import pytest

from forebear.recipes.steps.model import Model


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Model, np.ndarray]]:
    """Each tiny family with its logits by transformers; skipped where that is not installed."""
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from tests.recipes.tiny import CONFIGS, logits, tiny

    made = {}
    for name in CONFIGS:
        folder = tmp_path_factory.mktemp(name)
        model = tiny(name, folder / "source")
        made[name] = (model, logits(model, folder / "again"))
    return made
