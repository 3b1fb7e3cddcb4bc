"""Tiny trained pairs: strangers, a shared start, and files written so that an axis may not decide."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import forebear
from forebear.comparison.demo import demo_folder
from tests.comparison.variants import load, save
from tests.said import paragraph, text

DATA = Path(__file__).resolve().parent.parent / "data"
INDEPENDENTS = sorted((DATA / "independents").iterdir())


def deciding(document, axis):
    return [e for e in document["evidence"] if e["axis"].startswith(axis) and e["decides"]]


def alarms(document):
    return [a for a in document["audit"] if a["alarm"]]


def test_the_demo_descendant_is_related_to_its_base_and_its_inserted_layers_are_named():
    folder = demo_folder()
    document = forebear.compare(folder / "descendant", [folder / "base"])
    assert document["verdict"]["relation"] == "related"
    assert not alarms(document)
    paired = {a for a, _ in document["alignment"]["layers"]["pairs"]}
    assert set(range(6)) - paired == {1, 4}


def test_the_demo_independent_shows_no_evidence():
    folder = demo_folder()
    document = forebear.compare(folder / "descendant", [folder / "independent"])
    assert document["verdict"]["relation"] == "no-evidence"
    assert not alarms(document)


@pytest.mark.parametrize("left", range(len(INDEPENDENTS)))
def test_trained_strangers_show_no_evidence(left):
    others = [p for i, p in enumerate(INDEPENDENTS) if i > left]
    for other in others:
        document = forebear.compare(INDEPENDENTS[left], [other])
        assert document["verdict"]["relation"] == "no-evidence", other


def test_one_seed_with_other_data_trained_to_the_end_is_no_closer_than_an_aligned_independent():
    """What is left of one seed after a whole course, an aligner reaches as well (METHODS §17)."""
    document = forebear.compare(DATA / "same_seed" / "a", [DATA / "same_seed" / "b"])
    assert document["verdict"]["relation"] == "cannot-tell"
    assert "an independent model aligned to the candidate would come" in paragraph(document["verdict"]["words"])


def rotated_to_svd(folder: Path, target: Path) -> Path:
    """Fold the gains, then turn the residual stream to the right singular vectors of the embedding: outputs are kept."""
    arrays = {k: v.astype(np.float64) for k, v in load(folder).items()}
    basis = np.linalg.svd(arrays["model.embed_tokens.weight"], full_matrices=False)[2].T
    readers = {
        "input_layernorm": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
        "post_attention_layernorm": ("mlp.gate_proj", "mlp.up_proj"),
    }
    out = dict(arrays)
    for name in arrays:
        for norm, targets in readers.items():
            if name.endswith(f"{norm}.weight"):
                stem = name.removesuffix(f"{norm}.weight")
                for t in targets:
                    out[f"{stem}{t}.weight"] = arrays[f"{stem}{t}.weight"] * arrays[name]
                out[name] = np.ones_like(arrays[name])
    out["lm_head.weight"] = arrays["lm_head.weight"] * arrays["model.norm.weight"]
    out["model.norm.weight"] = np.ones_like(arrays["model.norm.weight"])
    for name, value in out.items():
        if name.endswith(("o_proj.weight", "down_proj.weight")):
            out[name] = basis.T @ value
        elif value.ndim == 2:
            out[name] = value @ basis
    return save(target, {k: v.astype(np.float32) for k, v in out.items()}, folder)


def test_strangers_in_the_svd_basis_of_their_embeddings_lose_the_channel_axis(tmp_path):
    pair = [rotated_to_svd(p, tmp_path / str(i)) for i, p in enumerate(INDEPENDENTS[:2])]
    document = forebear.compare(pair[0], [pair[1]])
    assert document["verdict"]["relation"] in ("no-evidence", "cannot-tell")
    assert any(a["axis"].startswith("channel") for a in alarms(document))
    assert not deciding(document, "channels")
    assert all(e["withheld"] for e in document["evidence"] if e["axis"] == "channels")


def sorted_by_norm(folder: Path, target: Path) -> Path:
    arrays = load(folder)
    for name in [n for n in arrays if n.endswith("mlp.up_proj.weight")]:
        stem = name.removesuffix("up_proj.weight")
        order = np.argsort(-np.linalg.norm(arrays[name], axis=1))
        for part in ("gate_proj", "up_proj"):
            arrays[f"{stem}{part}.weight"] = arrays[f"{stem}{part}.weight"][order]
        arrays[f"{stem}down_proj.weight"] = arrays[f"{stem}down_proj.weight"][:, order]
    return save(target, arrays, folder)


def test_strangers_sorted_by_norm_lose_the_order_of_neurons(tmp_path):
    pair = [sorted_by_norm(p, tmp_path / str(i)) for i, p in enumerate(INDEPENDENTS[:2])]
    document = forebear.compare(pair[0], [pair[1]])
    assert document["verdict"]["relation"] in ("no-evidence", "cannot-tell")
    assert any(a["axis"].startswith("neuron") for a in alarms(document))
    assert not [e for e in deciding(document, "neurons") if e["symmetry"] == "order"]


def one_key(folder: Path, target: Path) -> Path:
    """Every layer's MLP becomes the first layer's with a little noise, as one key for all layers would."""
    arrays, rng = load(folder), np.random.default_rng(3)
    for name in [n for n in arrays if ".mlp." in n and "layers.0." not in n]:
        tail = name.split(".mlp.")[1]
        first = arrays[f"model.layers.0.mlp.{tail}"]
        arrays[name] = first + 0.3 * first.std() * rng.standard_normal(first.shape).astype(np.float32)
    return save(target, arrays, folder)


def test_one_key_for_all_layers_fires_the_audit_and_withholds_neurons(tmp_path):
    left = one_key(INDEPENDENTS[0], tmp_path / "one")
    document = forebear.compare(left, [INDEPENDENTS[1]])
    assert document["verdict"]["relation"] in ("no-evidence", "cannot-tell")
    assert any(a["axis"].startswith("neuron") and a["checkpoint"] == "subject" for a in alarms(document))
    assert not [e for e in deciding(document, "neurons") if e["symmetry"] == "order"]


def bert(folder: Path, seed: int, **settings: object) -> Path:
    """A small BERT-shaped checkpoint; positions and attention kind by settings."""
    import json

    from safetensors.numpy import save_file

    rng, d, f, v, p = np.random.default_rng(seed), 64, 128, 600, 128
    rand = lambda *s: (0.05 * rng.standard_normal(s)).astype(np.float32)  # noqa: E731
    arrays = {"embeddings.word_embeddings.weight": rand(v, d), "embeddings.token_type_embeddings.weight": rand(2, d)}
    table = rand(p, d)
    if settings.pop("sinusoids", False):
        angle = np.arange(p)[:, None] / 10000 ** (2 * np.arange(d // 2) / d)
        table = np.concatenate([np.sin(angle), np.cos(angle)], axis=1).astype(np.float32) + 0.1 * rand(p, d)
    arrays["embeddings.position_embeddings.weight"] = table
    norms = ["embeddings.LayerNorm"]
    for layer in range(3):
        stem = f"encoder.layer.{layer}"
        shapes = {
            "attention.self.query": (d, d),
            "attention.self.key": (d, d),
            "attention.self.value": (d, d),
            "attention.output.dense": (d, d),
            "intermediate.dense": (f, d),
            "output.dense": (d, f),
        }
        for name, shape in shapes.items():
            arrays[f"{stem}.{name}.weight"], arrays[f"{stem}.{name}.bias"] = rand(*shape), rand(shape[0])
        norms += [f"{stem}.attention.output.LayerNorm", f"{stem}.output.LayerNorm"]
    for norm in norms:
        arrays[f"{norm}.weight"], arrays[f"{norm}.bias"] = 1 + rand(d), rand(d)
    folder.mkdir(parents=True)
    save_file(arrays, folder / "model.safetensors")
    config = {
        "model_type": "bert",
        "hidden_size": d,
        "intermediate_size": f,
        "num_hidden_layers": 3,
        "vocab_size": v,
        "num_attention_heads": 4,
        "max_position_embeddings": p,
        "type_vocab_size": 2,
    } | settings
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_sinusoidal_positions_withhold_the_channels(tmp_path):
    pair = [bert(tmp_path / str(s), s, sinusoids=True) for s in (1, 2)]
    document = forebear.compare(pair[0], [pair[1]])
    assert any("sinus" in a["check"] and a["axis"].startswith("channel") for a in alarms(document))
    assert not deciding(document, "channels")


def test_learned_positions_do_not_withhold_the_channels(tmp_path):
    pair = [bert(tmp_path / str(s), s) for s in (1, 2)]
    document = forebear.compare(pair[0], [pair[1]])
    assert not alarms(document)
    assert deciding(document, "channels")


def test_alibi_withholds_the_heads_with_its_reason(tmp_path):
    pair = [bert(tmp_path / str(s), s, position_embedding_type="alibi") for s in (1, 2)]
    document = forebear.compare(pair[0], [pair[1]])
    assert any("ALiBi" in text(a["words"]) and "head" in a["axis"] for a in alarms(document))


def test_one_candidate_may_stand_without_a_list():
    from forebear.comparison.demo import demo_folder

    base, descendant = demo_folder() / "base", demo_folder() / "descendant"
    for alone in (base, str(base)):
        assert forebear.compare(descendant, alone)["verdict"] == forebear.compare(descendant, [base])["verdict"]
