"""Pairs that look like something they are not: each was once told wrongly, or could have been."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import forebear
from forebear.comparison.demo import demo_folder
from forebear.core.errors import RefusedError, UsageError
from tests.comparison.variants import load, save
from tests.said import paragraph

DATA = Path(__file__).resolve().parent.parent / "data"


def relation(document):
    return document["verdict"]["relation"]


def test_a_stranger_with_copied_embeddings_shares_components_and_no_start(tmp_path):
    folder = demo_folder()
    arrays, base = load(folder / "independent"), load(folder / "base")
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        arrays[name] = base[name]
    document = forebear.compare(save(tmp_path / "copied", arrays, folder / "independent"), [folder / "base"])
    assert relation(document) == "shares-components"
    assert re.search(r"components: embedding \(1\.00\), head\b", paragraph(document["verdict"]["words"]))


def test_equal_matrices_with_gains_drawn_anew_are_related_and_not_a_mere_start(tmp_path):
    base, rng = demo_folder() / "base", np.random.default_rng(4)
    arrays = {
        n: (1 + 0.05 * rng.standard_normal(v.shape)).astype(np.float32) if "norm" in n else v
        for n, v in load(base).items()
    }
    document = forebear.compare(save(tmp_path / "drawn", arrays, base), [base])
    assert relation(document) == "related"
    assert "randomness" in paragraph(document["verdict"]["words"])


def test_gains_replaced_and_made_up_for_do_not_clear_a_descendant(tmp_path):
    folder, rng = demo_folder(), np.random.default_rng(5)
    arrays = load(folder / "descendant")
    readers = {"input_layernorm": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
               "post_attention_layernorm": ("mlp.gate_proj", "mlp.up_proj")}  # fmt: skip
    for name in list(arrays):
        for norm, targets in readers.items():
            if name.endswith(f"{norm}.weight"):
                stem = name.removesuffix(f"{norm}.weight")
                new = np.exp(0.5 * rng.standard_normal(64)).astype(np.float32)
                for t in targets:
                    arrays[f"{stem}{t}.weight"] = arrays[f"{stem}{t}.weight"] * (arrays[name] / new)
                arrays[name] = new
    document = forebear.compare(save(tmp_path / "replaced", arrays, folder / "descendant"), [folder / "base"])
    assert relation(document) == "related"


def test_one_key_for_all_layers_withholds_signs_as_well(tmp_path):
    pair = []
    for number in (0, 1):
        folder = DATA / "independents" / str(number)
        arrays, rng = load(folder), np.random.default_rng(number)
        for name in [n for n in arrays if ".layers.1." in n]:
            first = arrays[name.replace(".layers.1.", ".layers.0.")]
            arrays[name] = first + 0.2 * first.std() * rng.standard_normal(first.shape).astype(np.float32)
        pair.append(save(tmp_path / str(number), arrays, folder))
    document = forebear.compare(pair[0], [pair[1]])
    assert relation(document) in ("no-evidence", "cannot-tell")
    private = [e for e in document["evidence"] if e["axis"] == "neurons" and e["kind"] == "exact"]
    assert private
    assert not any(e["decides"] for e in private)


def test_key_value_heads_that_repeat_one_another_withhold_the_values(tmp_path):
    pair = []
    for number in (0, 1):
        folder = DATA / "independents" / str(number)
        arrays = load(folder)
        for name in [n for n in arrays if n.endswith("v_proj.weight")]:
            arrays[name][16:] = arrays[name][:16]
        pair.append(save(tmp_path / str(number), arrays, folder))
    document = forebear.compare(pair[0], [pair[1]])
    values = [e for e in document["evidence"] if e["axis"] == "values"]
    assert values
    assert not any(e["decides"] for e in values)


def test_an_unreadable_candidate_leaves_the_expectation_unchecked_and_the_rest_whole(tmp_path):
    folder, broken = demo_folder(), tmp_path / "broken.safetensors"
    broken.write_bytes(b"\x10\0\0\0\0\0\0\0{")
    with pytest.raises(RefusedError, match="not checked") as caught:
        forebear.compare(folder / "descendant", [folder / "base", broken], expect="related")
    assert caught.value.document["pairs"][0]["relation"] == "related"
    with pytest.raises(UsageError, match="cannot-tell"):
        forebear.compare(folder / "descendant", [folder / "base"], expect="cannot-tell")
