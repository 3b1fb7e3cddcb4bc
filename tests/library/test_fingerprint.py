"""A print is of the content alone, and says what it should of kin and strangers (METHODS §14, §18)."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest

from forebear.core.errors import RefusedError
from forebear.library.cleaning import unit_rest
from forebear.library.figures import screen_figure
from forebear.library.fingerprint import fingerprint
from forebear.library.hashing import SCREEN, SKETCH, known_directions, signed_buckets
from forebear.library.prints import MAGIC, Print, pack, unpack
from tests.library.models import arrays, as_bfloat16, safetensors, write


def made(folder, **how):
    return fingerprint(folder, **how).one


def test_order_shards_and_lossless_containers_change_no_bit(tmp_path):
    tensors = as_bfloat16(arrays(1))
    plain = made(write(tmp_path / "plain", tensors))
    turned = made(write(tmp_path / "turned", dict(reversed(tensors.items()))))
    narrow = made(write(tmp_path / "narrow", tensors, dtype="BF16"))
    sharded = write(tmp_path / "sharded", {})
    (sharded / "model.safetensors").unlink()
    names = sorted(tensors)
    parts = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    for file, inside in parts.items():
        safetensors(sharded / file, {name: tensors[name] for name in inside})
    weight_map = {name: file for file, inside in parts.items() for name in inside}
    (sharded / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    assert plain.content() == turned.content() == narrow.content() == made(sharded).content()
    assert plain.content() == made(tmp_path / "plain", workers=1).content()


def digest_places(one):
    """Where each row of `digests` lies: "q 3", "gate 5 expert 2"."""
    runs = one.about["digest_runs"]
    return [p if first is None else f"{p} expert {first + i}" for p, first, count in runs for i in range(1 if first is None else count)]


def test_another_value_is_another_content(tmp_path):
    tensors = arrays(1)
    first = made(write(tmp_path / "a", tensors))
    tensors["model.layers.1.mlp.up_proj.weight"][3, 4] += 1e-3
    second = made(write(tmp_path / "b", tensors))
    assert first.id != second.id
    places = dict(zip(digest_places(first), first.arrays["digests"].reshape(-1), strict=True))
    changed = dict(zip(digest_places(second), second.arrays["digests"].reshape(-1), strict=True))
    assert [place for place in places if places[place] != changed[place]] == ["up 1"]


def test_inputs_first_is_the_same_model(tmp_path):
    """GPT-2 stores its matrices the other way round: in canonical form the screens of both are one."""
    rng = np.random.default_rng(3)
    square = rng.normal(size=(40, 24)).astype(np.float32)
    left, right = signed_buckets("row", SCREEN, 40, 6), signed_buckets("column", SCREEN, 24, 6)
    config = {
        "model_type": "gpt2",
        "n_embd": 24,
        "n_layer": 1,
        "n_head": 2,
        "n_inner": 40,
        "vocab_size": 9,
        "n_positions": 7,
    }
    h = "h.0."
    tensors = {"wte.weight": (9, 24), "wpe.weight": (7, 24), f"{h}attn.c_attn.weight": (24, 72), f"{h}attn.c_proj.weight": (24, 24),
               f"{h}mlp.c_proj.weight": (40, 24), f"{h}ln_1.weight": (24,), f"{h}ln_2.weight": (24,), "ln_f.weight": (24,)}  # fmt: skip
    drawn = {name: rng.normal(size=shape).astype(np.float32) for name, shape in tensors.items()}
    drawn[f"{h}mlp.c_fc.weight"] = np.ascontiguousarray(square.T)
    one = made(write(tmp_path / "gpt2", drawn, config))
    up = one.arrays["screen"].reshape(7, -1)[5].astype(float)
    centred = square - square.mean(0) - square.mean(1, keepdims=True) + square.mean()
    wanted = unit_rest(left.T.astype(float) @ centred @ right, (40, 24), 6, float((square**2).sum())).reshape(-1)
    assert float(up @ wanted / np.linalg.norm(up)) > 0.999


def test_kin_are_close_whatever_layers_were_inserted_and_strangers_are_not(tmp_path):
    base = arrays("base", layers=8)
    first = made(write(tmp_path / "base", base, {"num_hidden_layers": 8}))
    longer = {name: value for name, value in base.items() if ".layers." not in name}
    for to, source in enumerate([0, 1, 2, 2, 3, 4, 5, 6, 6, 7]):
        longer |= {
            name.replace(f"layers.{source}.", f"layers.{to}."): v
            for name, v in base.items()
            if f"layers.{source}." in name
        }
    kin = made(write(tmp_path / "kin", longer, {"num_hidden_layers": 10}))
    stranger = made(write(tmp_path / "stranger", arrays("other", layers=8), {"num_hidden_layers": 8}))
    near, far = (
        screen_figure(first.arrays["screen"][0], kin.arrays["screen"][0]),
        screen_figure(first.arrays["screen"][0], stranger.arrays["screen"][0]),
    )
    assert near.cosine > 0.9
    assert near.log10_p < -15
    assert abs(far.z) < 4


@pytest.mark.parametrize("start", ["constant", "identity", "hadamard", "rank one", "row means", "spiked channel"])
def test_what_strangers_share_by_their_start_is_taken_out(start, tmp_path):
    """Two strangers that share a deterministic start ten times as large as what was drawn are still strangers."""

    def shared(shape):
        rows, columns = shape
        if start == "identity":
            return np.eye(rows, columns)
        if start == "hadamard":
            at = np.arange(max(shape))
            return np.array([[(-1.0) ** bin(int(i) & int(j)).count("1") for j in at[:columns]] for i in at[:rows]])
        if start == "rank one":
            return np.outer(np.cos(np.arange(rows)), np.sin(1 + np.arange(columns)))
        if start == "row means":
            return np.repeat(np.cos(np.arange(rows))[:, None], columns, 1)
        if start == "spiked channel":
            return np.where(np.arange(columns)[None, :] == 5, np.cos(np.arange(rows))[:, None] * 20, 0)
        return np.ones(shape)

    prints = []
    for seed in (1, 2):
        tensors = arrays(seed)
        for name, values in tensors.items():
            if ".layers." in name and values.ndim == 2:
                tensors[name] = (values + 0.2 * shared(values.shape)).astype(np.float32)
        prints.append(made(write(tmp_path / str(seed), tensors)))
    figure = screen_figure(prints[0].arrays["screen"][0], prints[1].arrays["screen"][0])
    assert abs(figure.z) < 4
    assert prints[0].arrays["screen"].any()


def test_a_matrix_of_nothing_but_a_start_is_left_out_and_named(tmp_path):
    tensors = arrays(1)
    tensors["model.layers.0.self_attn.q_proj.weight"] = np.eye(32, dtype=np.float32)
    tensors["model.layers.1.mlp.up_proj.weight"][:] = 0.5
    assert made(write(tmp_path / "m", tensors)).about["left_out"] == ["q 0", "up 1"]


def test_trivial_tensors_have_no_digest(tmp_path):
    tensors = arrays(1)
    tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = (1e4 ** -(np.arange(4) / 4)).astype(np.float32)
    tensors["model.layers.0.self_attn.q_proj.bias"] = np.zeros(32, np.float32)
    places = digest_places(made(write(tmp_path / "m", tensors)))
    assert not [place for place in places if "constant" in place or "bias" in place or "norm attention" in place]
    assert "q 0" in places


def test_values_that_are_no_numbers_are_counted_and_do_no_harm(tmp_path):
    tensors = arrays(1)
    tensors["model.layers.0.mlp.up_proj.weight"][2, :5] = np.nan
    tensors["model.layers.0.mlp.up_proj.weight"][3, 1] = np.inf
    one = made(write(tmp_path / "m", tensors))
    clean = made(write(tmp_path / "n", arrays(1)))
    assert one.about["not_finite"] == 6
    assert screen_figure(one.arrays["screen"][0], clean.arrays["screen"][0]).cosine > 0.95


def test_a_quick_print_says_so_and_still_finds_kin(tmp_path):
    folder = write(tmp_path / "m", arrays("q", layers=6), {"num_hidden_layers": 6})
    quick, whole = fingerprint(folder, quick=True), fingerprint(folder)
    assert quick.one.quick
    assert quick.one.id.startswith("quick-")
    assert [limit.key for limit in quick.limits if limit.key == "library.quick"]
    assert quick.read < 0.55 * whole.read
    assert screen_figure(quick.one.arrays["screen"][0], whole.one.arrays["screen"][0]).z > 5


def test_a_print_of_32_layers_is_small(tmp_path):
    one = made(write(tmp_path / "m", arrays("deep", layers=32), {"num_hidden_layers": 32}))
    assert one.arrays["screen"].nbytes + one.arrays["anchors"].nbytes <= 1024
    assert len(pack(one)) <= 256 * 1024


def test_the_sketch_keeps_inner_products():
    rng = np.random.default_rng(8)
    left, right = signed_buckets("row", SKETCH, 300), signed_buckets("column", SKETCH, 200)
    a, b = rng.normal(size=(2, 300, 200))
    kin = a + b
    cosine = [np.vdot(left.T @ x @ right, left.T @ y @ right) / np.linalg.norm(left.T @ x @ right) / np.linalg.norm(left.T @ y @ right)
              for x, y in ((a, kin), (a, b))]  # fmt: skip
    assert cosine[0] == pytest.approx(2**-0.5, abs=0.15)
    assert abs(cosine[1]) < 4 / 16


def test_known_directions_are_the_sketches_of_identity_and_hadamard():
    basis = known_directions(24, 16, 3, SCREEN)
    left, right = (
        signed_buckets("row", SCREEN, 24, 3).astype(float),
        signed_buckets("column", SCREEN, 16, 3).astype(float),
    )
    hadamard = np.array([[(-1.0) ** bin(i & j).count("1") for j in range(16)] for i in range(24)])
    for matrix in (np.eye(24, 16), hadamard):
        flat = ((left - left.mean(0)).T @ matrix @ (right - right.mean(0))).reshape(-1)
        assert np.linalg.norm(flat - basis @ (basis.T @ flat)) < 1e-9 * np.linalg.norm(flat)


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    one = made(write(tmp_path_factory.mktemp("p") / "m", arrays(5)))
    return pack(Print(one.id, one.about, one.arrays, {"names": ["m"], "sources": [{"key": "file:x"}], "bases": []}))


def test_a_print_survives_its_file(packed):
    assert pack(unpack(packed, "x")) == packed


@pytest.mark.parametrize("where", [0, 5, 9, 30, 400, -40, -33, -1])
def test_a_flipped_bit_is_refused(packed, where):
    data = bytearray(packed)
    data[where] ^= 4
    with pytest.raises(RefusedError):
        unpack(bytes(data), "x")


@pytest.mark.parametrize("length", [0, 7, 12, 100, -32, -1])
def test_a_print_cut_short_is_refused(packed, length):
    with pytest.raises(RefusedError):
        unpack(packed[:length], "x")


def rehashed(packed, change):
    """A print whose head was changed by somebody who knows the format."""
    import hashlib

    (size,) = struct.unpack_from("<I", packed, len(MAGIC))
    at = len(MAGIC) + 4
    head = json.loads(packed[at : at + size])
    change(head)
    text = json.dumps(head).encode()
    body = MAGIC + struct.pack("<I", len(text)) + text + packed[at + size : -32]
    return body + hashlib.sha256(body).digest()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda h: h.update(version=3), "version 3"), (lambda h: h.update(version=0), "version"), (lambda h: h.update(version="x"), "version"), (lambda h: h.update(id="../../etc"), "lacks"),
        (lambda h: h["arrays"].update(digests=2**60), "digests"), (lambda h: h["arrays"].update(gains=-1), "gains"),
        (lambda h: h["about"].update(matrices=[]), "agree"), (lambda h: h["about"].update(matrices=7), "agree"),
        (lambda h: h["about"].update(digest_runs=[["a", 0, 2**40]]), "agree"), (lambda h: h["entry"].update(names=7), "agree"),
        (lambda h: h["entry"].update(sources=[{"where": 1}]), "agree"), (lambda h: h.update(arrays=[]), "lacks"),
        (lambda h: h["about"].update(width="wide"), "agree"),
    ],
)  # fmt: skip
def test_a_hostile_head_is_refused(packed, change, word):
    with pytest.raises(RefusedError, match=word):
        unpack(rehashed(packed, change), "x")
