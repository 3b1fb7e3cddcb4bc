"""What a search proposes, and what it must not (METHODS §18, decision 0040)."""

from __future__ import annotations

import json

import numpy as np
import pytest

import forebear
from forebear.library.anchors import agreement, geometry
from forebear.library.figures import corrected, screen_figure
from forebear.library.layers import layer_map
from forebear.library.prints import SCREEN_NUMBERS
from forebear.library.search import _best
from forebear.library.thresholds import DISPERSION, LEVEL_LOG10
from forebear.reports.show import rendered
from tests.library.models import arrays, write


def test_the_figure_of_strangers_is_below_its_bound_at_every_level():
    """Ten thousand pairs of heavy-tailed numbers with independent signs: no level is passed more often than it says."""
    rng = np.random.default_rng(11)
    p = []
    for _ in range(100):
        a = (rng.standard_t(2.5, SCREEN_NUMBERS) * 10).clip(-127, 127).astype(np.int8)
        rows = (rng.standard_t(2.5, (100, SCREEN_NUMBERS)) * 10).clip(-127, 127).astype(np.int8)
        p += [screen_figure(a, row).log10_p for row in rows]
    for level in (-0.5, -1.0, -2.0, -3.0):
        assert np.mean(np.array(p) <= level) <= 10**level


def test_the_figure_is_that_of_hoeffding():
    a, b = np.zeros(SCREEN_NUMBERS, np.int8), np.zeros(SCREEN_NUMBERS, np.int8)
    a[:4], b[:4] = 10, (3, 3, 3, -3)
    figure = screen_figure(a, b)
    assert figure.z == pytest.approx(60 / 60)
    assert figure.log10_p == pytest.approx(-((1 / DISPERSION) ** 2) / 2 / np.log(10))
    assert screen_figure(a, -b).log10_p == 0
    assert screen_figure(a, a * 0).z == 0


def test_correction_multiplies_by_all_that_was_searched():
    assert corrected(-12.0, 1_000_000) == pytest.approx(-6)
    assert corrected(-2.0, 1_000_000) == 0
    assert LEVEL_LOG10 == -3


def test_the_best_are_the_largest_and_no_more_than_asked():
    values = np.arange(2000.0)
    found = _best(values, 10.0)
    assert len(found) == 512
    assert found[0] == 1999
    assert found[-1] == 1488


def test_a_geometry_does_not_change_with_rotation_scale_or_shift():
    rng = np.random.default_rng(4)
    rows, there = rng.normal(size=(94, 20)).astype(np.float32), np.arange(94) % 5 > 0
    turn = np.linalg.qr(rng.normal(size=(20, 20)))[0]
    other = (rows @ turn * 3 + 1).astype(np.float32)
    first, second = geometry(rows, there)[:, None], geometry(other, there)[:, None]
    assert agreement(first, second) > 0.9999
    assert abs(agreement(first, geometry(rng.normal(size=(94, 20)).astype(np.float32), there)[:, None])) < 0.2
    assert agreement(first, first[:0]) is None


def test_inserted_layers_are_named(tmp_path):
    from forebear.library.fingerprint import fingerprint

    base = arrays("base", layers=4)
    longer = {name: value for name, value in base.items() if ".layers." not in name}
    for to, source in enumerate([0, 1, 1, 2, 3]):
        longer |= {
            name.replace(f"layers.{source}.", f"layers.{to}."): v
            for name, v in base.items()
            if f"layers.{source}." in name
        }
    one = fingerprint(write(tmp_path / "a", longer, {"num_hidden_layers": 5})).one
    other = fingerprint(write(tmp_path / "b", base, {"num_hidden_layers": 4})).one
    assert [(row["subject"], row["candidate"]) for row in layer_map(one, other)] == [
        (0, 0),
        (1, 1),
        (2, 1),
        (3, 2),
        (4, 3),
    ]
    assert layer_map(one, fingerprint(write(tmp_path / "c", arrays("stranger"))).one) == []


def test_kin_is_proposed_a_stranger_is_not_and_only_weights_give_a_relation(tmp_path):
    base = arrays("base")
    noise = arrays("noise")
    kin = {
        name: (value + (0.5 * noise[name] if value.ndim == 2 else 0)).astype(np.float32) for name, value in base.items()
    }
    for name, tensors in (("base", base), ("stranger", arrays("stranger"))):
        write(tmp_path / "models" / name, tensors)
    forebear.library_add([tmp_path / "models"], into=tmp_path / "lib")
    found = forebear.library_search(write(tmp_path / "kin", kin), library=tmp_path / "lib", rewritten=True)
    assert [hit["name"] for hit in found["hits"]][:1] == ["base"]
    assert "stranger" not in [hit["name"] for hit in found["hits"] if hit["relation"] != "ranked-by-anchors"]
    assert not any(hit["proved"] for hit in found["hits"])
    assert {hit["relation"] for hit in found["hits"]} <= {
        "equal-tensors",
        "candidate-by-sketch",
        "candidate-by-anchors",
        "ranked-by-anchors",
    }
    for form in ("text", "html", "csv", "json"):
        assert b"base" in rendered(found, form)
    assert json.loads(rendered(found, "json"))["searched"] == {"models": 2, "screens": 2, "proposed": 1}
    lone = forebear.library_search(write(tmp_path / "lone", arrays("another stranger")), library=tmp_path / "lib")
    assert lone["hits"] == ()


def test_proof_needs_the_weights_and_says_so(tmp_path):
    base = arrays("base")
    write(tmp_path / "base", base)
    forebear.library_add([tmp_path / "base"], into=tmp_path / "lib")
    base["model.norm.weight"] = base["model.norm.weight"] + np.float32(0.01)
    subject = write(tmp_path / "subject", base)
    proved = forebear.library_search(subject, library=tmp_path / "lib", prove=True)["hits"][0]
    assert proved["proved"]
    assert proved["verdict"]["relation"] == proved["relation"]
    (tmp_path / "base" / "model.safetensors").unlink()
    (tmp_path / "base").rename(tmp_path / "moved")
    without = forebear.library_search(subject, library=tmp_path / "lib", prove=True)
    assert not without["hits"][0]["proved"]
    assert without["hits"][0]["relation"] == "equal-tensors"
    assert "library.weights_elsewhere" in [limit["key"] for limit in without["limits"]]
