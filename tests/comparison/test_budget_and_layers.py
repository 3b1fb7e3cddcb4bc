"""The reading budget holds, layers are paired in order with gaps, and words tell what answers to what."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
from gguf.constants import GGMLQuantizationType

import forebear
from forebear.comparison.demo import demo_folder
from forebear.comparison.findings.spans import runs, span
from forebear.comparison.reading.pair import spread
from forebear.models.checkpoint import open_checkpoint
from tests.comparison.variants import load, save
from tests.files.gguf_make import demo, write_llama
from tests.said import said, text


@pytest.mark.parametrize("budget", [2_000, 20_000, 60_000, 200_000])
def test_a_stated_budget_is_never_exceeded_and_what_it_cost_is_said(budget):
    folder = demo_folder()
    document = forebear.compare(folder / "descendant", [folder / "base"], budget=budget)
    # the header, its length, and the first bytes by which the container is recognised
    headers = [
        int.from_bytes((folder / name / "model.safetensors").read_bytes()[:8], "little") + 8 + 64
        for name in ("descendant", "base")
    ]
    assert document["read"]["subject_bytes"] <= budget + headers[0]
    assert document["read"]["candidate_bytes"] <= budget + headers[1]
    assert document["limits"]


@pytest.mark.parametrize("budget", [20_000, 200_000, 400_000])
def test_a_budget_is_counted_alike_in_a_quantised_file_whose_tensors_are_decoded(tmp_path, budget):
    """Stored bytes of tensors count, not the float32 that they become; a header comes besides."""
    folder = demo_folder()
    path = write_llama(tmp_path / "base.gguf", *demo(folder / "base"), GGMLQuantizationType.Q4_1)
    with closing(open_checkpoint(path)) as checkpoint:
        header = checkpoint.container.bytes_read
    read = forebear.compare(path, [folder / "descendant"], budget=budget)["read"]
    assert 0 < read["subject_bytes"] - header <= budget


def test_a_small_budget_still_finds_the_descendant_and_a_tiny_one_accuses_nobody():
    folder = demo_folder()
    enough = forebear.compare(folder / "descendant", [folder / "base"], budget="700KiB")  # of 1 MB
    assert enough["verdict"]["relation"] == "related"
    less = forebear.compare(folder / "descendant", [folder / "base"], budget="300KiB")  # a ceiling cannot be paid for
    assert less["verdict"]["relation"] == "cannot-tell"
    tiny = forebear.compare(folder / "descendant", [folder / "base"], budget=500)
    assert tiny["verdict"]["relation"] in ("cannot-tell", "no-evidence", "related-channels-only")


def test_within_a_stated_budget_a_copy_too_large_for_it_is_related_not_identical(tmp_path):
    base = demo_folder() / "base"
    document = forebear.compare(base, [save(tmp_path / "copy", load(base), base)], budget="300KiB")
    assert document["verdict"]["relation"] == "related"
    assert any("--full" in s for s in said(document["limits"]))
    assert forebear.compare(base, [tmp_path / "copy"], full=True)["verdict"]["relation"] == "identical"


def test_sign_flips_leave_one_symmetry_in_place_and_gauge_fixing_settles_it(tmp_path):
    """Flipped units keep their order: the deck sees them, the sign test does not; two views do, whatever the signs."""
    base, rng = demo_folder() / "base", np.random.default_rng(2)
    arrays = load(base)
    for layer in range(4):
        stem = f"model.layers.{layer}."
        flips = rng.choice([-1.0, 1.0], 176).astype(np.float32)
        arrays[f"{stem}mlp.up_proj.weight"] *= flips[:, None]
        arrays[f"{stem}mlp.down_proj.weight"] *= flips
        flips = rng.choice([-1.0, 1.0], 32).astype(np.float32)
        arrays[f"{stem}self_attn.v_proj.weight"] *= flips[:, None]
        arrays[f"{stem}self_attn.o_proj.weight"] *= np.concatenate([np.tile(flips[:16], 2), np.tile(flips[16:], 2)])
    for name, value in arrays.items():
        flips = np.random.default_rng(9).choice([-1.0, 1.0], 64).astype(np.float32)
        if value.ndim == 2:
            arrays[name] = (
                value * flips[:, None] if name.endswith(("o_proj.weight", "down_proj.weight")) else value * flips
            )
    document = forebear.compare(save(tmp_path / "flipped", arrays, base), [base])
    assert (document["verdict"]["relation"], document["verdict"]["reparameterised"]) == ("related", True)
    in_place = [e for e in document["evidence"] if e["test"] == "sign" and not e.get("gauge")]
    assert in_place
    assert all(e["log10_p"] > -3 for e in in_place)


def test_several_candidates_multiply_every_p_value_and_a_damaged_one_does_not_stop_the_rest(tmp_path):
    folder = demo_folder()
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"\x10\0\0\0\0\0\0\0{")
    alone = forebear.compare(folder / "descendant", [folder / "base"])
    many = forebear.compare(folder / "descendant", [folder / "base", broken, folder / "independent"])
    assert [p["relation"] for p in many["pairs"]] == ["related", None, "no-evidence"]
    assert "broken.safetensors" in many["pairs"][1]["error"]
    gap = many["pairs"][0]["comparison"]["evidence"][0]["looks_log10"] - alone["evidence"][0]["looks_log10"]
    assert gap == pytest.approx(np.log10(3), abs=1e-3)


def test_runs_of_layers_are_told_in_words():
    assert runs([(0, 0), (1, 1), (3, 2), (4, 3), (9, 9)]) == [(0, 0, 2), (3, 2, 2), (9, 9, 1)]
    assert (text(span(3, 1)), text(span(3, 4))) == ("3", "3-6")


@pytest.mark.parametrize("count", [1, 2, 5, 32, 81])
def test_layers_are_visited_ends_first_and_each_once(count):
    order = list(spread(count))
    assert sorted(order) == list(range(count))
    assert set(order[:2]) == {0, count - 1}
