"""Equal tensors are named under any names; what two strangers hold alike without copying accuses nobody."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import forebear
from tests.comparison.variants import load, save
from tests.said import paragraph

INDEPENDENTS = Path(__file__).resolve().parent.parent / "data" / "independents"


def stored(folder, arrays):
    from safetensors.numpy import save_file

    folder.mkdir()
    save_file({name: np.ascontiguousarray(value) for name, value in arrays.items()}, folder / "model.safetensors")
    return folder


def network(rng, mark):
    """Arrays of an architecture that nobody defined."""
    shapes = {"in": (200, 32), "cell.w": (2, 32, 128), "cell.u": (2, 32, 128), "bias": (2, 256), "out": (32, 40)}
    return {f"{mark}{n}": rng.standard_normal(s).astype(np.float32) for n, s in shapes.items()}


def compared(tmp_path, subject, candidate, **options):
    return forebear.compare(stored(tmp_path / "a", subject), [stored(tmp_path / "b", candidate)], **options)


def test_an_ensemble_names_what_it_holds_of_each_part_and_nothing_of_a_stranger(tmp_path, rng):
    one, other, third = (network(rng, mark) for mark in ("x.", "y.", "z."))
    both = {f"g_{n}": v for n, v in one.items()} | {f"v_{n}": v for n, v in other.items()}
    both["g_x.out"] = both["g_x.out"].T
    ensemble = stored(tmp_path / "ensemble", both)
    for part in (one, other):
        mark = next(iter(part))[0]
        document = forebear.compare(ensemble, [stored(tmp_path / mark, part)])
        words = paragraph(document["verdict"]["words"])
        assert document["verdict"]["relation"] == "shares-components"
        assert (document["verdict"]["test"], document["verdict"]["kind"]) == ("equality", "exact")
        assert {t["candidate"][0] for t in document["alignment"]["equal_tensors"]} == set(part)
        assert "Every matrix of the candidate is among them" in words
        assert "third model or a public table" in words
    turned = [t["transposed"] for t in forebear.compare(ensemble, [tmp_path / "x"])["alignment"]["equal_tensors"]]
    assert turned.count(True) == 1
    document = forebear.compare(ensemble, [stored(tmp_path / "third", third)])
    assert document["verdict"]["relation"] == "cannot-tell"
    assert "equal_tensors" not in document["alignment"]


def tables():
    at, slow = np.arange(200)[:, None], 10000.0 ** (-np.arange(16) / 16)[None]
    return {
        "sinusoids": np.concatenate([np.sin(at * slow), np.cos(at * slow)], axis=1),
        "mask": np.tril(np.ones((64, 64))),
        "identity": np.eye(64),
        "ones": np.ones((64, 64)),
        "zeros": np.zeros((300, 20)),
        "frequencies": (10000.0 ** (-np.arange(64) / 64)),
        "ids": np.arange(4096, dtype=np.int64).reshape(64, 64)[:, ::-1],
        "shuffled ids": np.random.default_rng(0).permutation(4096).astype(np.int64),
        "packed": np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8),
        "mean": np.random.default_rng(0).standard_normal(3),
    }


def test_tables_that_strangers_hold_alike_show_nothing(tmp_path, rng):
    shared = {n: v if v.dtype.kind in "iu" else v.astype(np.float32) for n, v in tables().items()}
    document = compared(tmp_path, network(rng, "x.") | shared, network(rng, "y.") | shared)
    assert document["verdict"]["relation"] == "cannot-tell"
    assert "equal tensors were left out of account" in paragraph(document["alignment"]["words"])


def test_one_public_table_in_two_strangers_is_named_and_nothing_else_is_claimed(tmp_path, rng):
    table = rng.standard_normal((500, 50)).astype(np.float32)
    document = compared(tmp_path, network(rng, "x.") | {"glove": table}, network(rng, "y.") | {"emb": table})
    words = paragraph(document["verdict"]["words"])
    assert document["verdict"]["relation"] == "shares-components"
    assert "1 tensor is equal" in words
    assert "glove = emb" in words
    assert "public table" in words
    assert "one seed" in words
    assert "say nothing of the other tensors" in words
    assert "Every matrix" not in words


def test_tied_copies_count_once(tmp_path, rng):
    table = rng.standard_normal((500, 50)).astype(np.float32)
    subject = network(rng, "x.") | {f"copy{i}": table for i in range(4)}
    document = compared(tmp_path, subject, network(rng, "y.") | {"emb": table, "head": table})
    found = document["alignment"]["equal_tensors"]
    assert [(len(t["subject"]), len(t["candidate"])) for t in found] == [(4, 2)]


def test_equal_vectors_and_small_tensors_alone_are_told_and_decide_nothing(tmp_path, rng):
    shared = {"gains": rng.standard_normal(512).astype(np.float32), "small": rng.standard_normal((20, 20)).astype(np.float32)}
    document = compared(tmp_path, network(rng, "x.") | shared, network(rng, "y.") | shared)
    assert document["verdict"]["relation"] == "cannot-tell"
    assert len(document["alignment"]["equal_tensors"]) == 2


def test_one_value_that_differs_is_no_equality(tmp_path, rng):
    table = rng.standard_normal((500, 50)).astype(np.float32)
    other = table.copy()
    other[-1, -1] += 1
    document = compared(tmp_path, {"a": table}, {"b": other, "c": other[:100]})
    assert document["verdict"]["relation"] == "cannot-tell"


def test_a_budget_that_is_too_small_names_what_was_not_read(tmp_path, rng):
    table = rng.standard_normal((5000, 50)).astype(np.float32)
    document = compared(tmp_path, {"a": table, "c": table[:60]}, {"b": table, "d": table[60:]}, budget=100_000)
    assert document["verdict"]["relation"] == "cannot-tell"
    assert "not read whole for want of budget" in paragraph(document["alignment"]["words"])
    assert document["read"]["subject_bytes"] <= 110_000


@pytest.mark.parametrize("numbers", [(0, 5), (1, 2)])
def test_strangers_of_a_known_family_that_share_one_matrix_of_a_layer_are_named(tmp_path, numbers):
    subject, candidate = (load(INDEPENDENTS / str(n)) for n in numbers)
    subject["model.layers.1.mlp.down_proj.weight"] = candidate["model.layers.0.mlp.down_proj.weight"]
    document = forebear.compare(save(tmp_path / "m", subject, INDEPENDENTS / str(numbers[0])), [INDEPENDENTS / str(numbers[1])])
    words = paragraph(document["verdict"]["words"])
    assert document["verdict"]["relation"] == "shares-components"
    assert "layers.1.mlp.down_proj.weight = model.layers.0.mlp.down_proj.weight" in words


@pytest.mark.parametrize("numbers", [(0, 5), (1, 2), (3, 4)])
def test_strangers_of_a_known_family_share_none(numbers):
    document = forebear.compare(*([INDEPENDENTS / str(n)] if i else INDEPENDENTS / str(n) for i, n in enumerate(numbers)))
    assert "equal_tensors" not in document["alignment"]
    assert document["verdict"]["relation"] in ("no-evidence", "cannot-tell")
