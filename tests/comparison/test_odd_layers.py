"""Layers of a checkpoint that differ in size, or lack a part: a verdict all the same, never a fault."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import forebear
from forebear.comparison.demo import demo_folder
from tests.comparison.variants import load, save

BASE = demo_folder() / "base"


def changed(folder: Path, change) -> Path:
    arrays = load(BASE)
    change(arrays)
    return save(folder, {name: np.ascontiguousarray(a) for name, a in arrays.items()}, BASE)


def narrower(arrays) -> None:
    name = next(n for n in arrays if "layers.2" in n and "up_proj" in n)
    arrays[name] = arrays[name][:, :40]


def shorter(arrays) -> None:
    name = next(n for n in arrays if "layers.2" in n and "up_proj" in n)
    arrays[name] = arrays[name][:16]


def without_mlp(arrays) -> None:
    for name in [n for n in arrays if "mlp" in n]:
        del arrays[name]


def without_mlp_in_a_layer(arrays) -> None:
    for name in [n for n in arrays if "layers.1" in n and "mlp" in n]:
        del arrays[name]


def without_embedding_or_a_down(arrays) -> None:
    for name in [n for n in arrays if "embed" in n or "lm_head" in n or ("layers.1" in n and "down_proj" in n)]:
        del arrays[name]


@pytest.mark.parametrize("change", [without_embedding_or_a_down, narrower, shorter, without_mlp, without_mlp_in_a_layer])
@pytest.mark.parametrize("turned", [False, True])
def test_layers_of_unlike_sizes_or_without_a_part_get_a_verdict(tmp_path, change, turned):
    odd, other = changed(tmp_path / "odd", change), demo_folder() / "independent"
    pair = (other, odd) if turned else (odd, other)
    assert forebear.compare(*pair)["verdict"]["relation"] in ("no-evidence", "cannot-tell")


def test_a_claim_whose_open_key_counts_nothing_has_no_value_to_look_for():
    from forebear.inspection.claims_of_size import arithmetic

    config = {"model_type": "llama", "vocab_size": 12, "hidden_size": 8, "num_hidden_layers": 2, "intermediate_size": 16,
              "num_attention_heads": 2, "num_key_value_heads": 1, "auto_map": {"AutoModel": "m.X"}}  # fmt: skip
    assert arithmetic(config, {"parameters": "1.5B", "auto_map": None})["open"] is None
