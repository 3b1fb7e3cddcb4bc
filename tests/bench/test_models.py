"""The bench's models compute what the published families compute, and come out the same every time."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("tokenizers")

from bench.checkpoint import digest, load, save  # noqa: E402
from bench.corpus import VOCABULARY, held_out_text, training_text, unigram_entropy  # noqa: E402
from bench.demo import DEMO_DATA, insert_layers  # noqa: E402
from bench.network import forward  # noqa: E402
from bench.rewrites import REWRITES  # noqa: E402
from bench.shapes import SHAPES, Floats, Shape, initial, parameters, shape_of  # noqa: E402
from bench.training import MARGIN_NATS, Course, held_out_loss, train  # noqa: E402

DATA = Path(__file__).parent.parent / "data"
SMALL = {
    "llama": Shape(layers=2, neurons=40),
    "qwen2": Shape(family="qwen2", layers=2, neurons=40, tied=True),
    "gpt2": Shape(family="gpt2", layers=2, kv_heads=4, neurons=48, tied=True),
    "moe": Shape(family="moe", layers=2, neurons=24, experts=4),
}


def _logits(arrays: dict[str, Floats], shape: Shape) -> np.ndarray:
    tokens = torch.arange(48).view(2, 24) * 37 % VOCABULARY
    return np.asarray(forward({n: torch.from_numpy(a) for n, a in arrays.items()}, shape, tokens).detach())


def _lively(shape: Shape, seed: int) -> dict[str, Floats]:
    """Initial values with gains and biases away from one and zero, so that each of them matters."""
    rng = np.random.default_rng(seed)
    values = initial(shape, seed)
    return {n: a + rng.normal(0, 0.2, a.shape).astype(np.float32) if a.ndim == 1 else a for n, a in values.items()}


@pytest.mark.parametrize("family", list(SMALL))
def test_logits_are_those_of_the_published_class(family: str, seed: int, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    shape = SMALL[family]
    arrays = _lively(shape, seed)
    save(tmp_path / "m", arrays, shape)
    published = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "m", dtype=torch.float32)
    tokens = torch.arange(48).view(2, 24) * 37 % VOCABULARY
    with torch.no_grad():
        expected = published(tokens).logits.numpy()
    assert np.abs(_logits(arrays, shape) - expected).max() < 1e-5
    assert np.abs(expected).max() > 0.05


@pytest.mark.parametrize("family", list(SMALL))
def test_training_twice_gives_the_same_bits_and_another_seed_does_not(family: str, seed: int) -> None:
    shape, course = SMALL[family], Course(steps=3)
    first, again, other = (train(shape, initial(shape, s), course)[0] for s in (seed, seed, seed + 1))
    assert all(np.array_equal(first[n], again[n]) for n in first)
    assert not np.array_equal(first[next(iter(first))], other[next(iter(other))])


def test_configuration_and_shape_say_the_same() -> None:
    for shape in (*SHAPES.values(), *SMALL.values()):
        assert shape_of(json.loads(json.dumps(shape.config()))) == shape


@pytest.mark.parametrize("rewrite", list(REWRITES))
def test_a_rewrite_keeps_the_outputs_and_changes_the_weights(rewrite: str, seed: int) -> None:
    shape = SMALL["llama"]
    before = _lively(shape, seed)
    after = REWRITES[rewrite](before, shape)
    assert np.abs(_logits(before, shape) - _logits(after, shape)).max() < 1e-5
    assert not np.allclose(before["model.embed_tokens.weight"], after["model.embed_tokens.weight"], atol=1e-3)


def test_new_layers_leave_the_outputs_as_they_were_until_trained(seed: int) -> None:
    shape = SMALL["llama"]
    before = _lively(shape, seed)
    after, deeper = insert_layers(before, shape, (0, 1), seed + 1)
    assert deeper.layers == 4
    assert list(after) == list(parameters(deeper))
    assert np.abs(_logits(before, shape) - _logits(after, deeper)).max() < 1e-6


@pytest.mark.parametrize("init", ["one-key-layers", "one-key-gate-up", "cloned-shards"])
def test_a_flawed_start_has_its_flaw(init: str, seed: int) -> None:
    values = initial(SHAPES["llama64"], seed, init)
    gate, up = (values[f"model.layers.1.mlp.{x}_proj.weight"] for x in ("gate", "up"))
    flaws = {
        "one-key-layers": np.array_equal(gate, values["model.layers.0.mlp.gate_proj.weight"]),
        "one-key-gate-up": np.array_equal(gate, up),
        "cloned-shards": np.array_equal(gate[:44], gate[44:88]),
    }
    assert [name for name, there in flaws.items() if there] == [init]


def test_held_out_documents_are_not_trained_on() -> None:
    pieces = [p for p in held_out_text("main").split("\n\n") if len(p) > 400][:30]
    trained = training_text("main")
    assert len(pieces) == 30
    assert sum(p in trained for p in pieces) <= 2  # a docstring repeated word for word in two modules


def test_entropy_of_known_frequencies() -> None:
    assert unigram_entropy(np.arange(8).repeat(5)) == pytest.approx(np.log(8))
    assert unigram_entropy(np.zeros(10, dtype=np.int64)) == 0.0


@pytest.mark.parametrize("folder", [DEMO_DATA, DATA])
def test_committed_checkpoints_are_the_ones_their_manifest_describes(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    trained = [p for p in folder.rglob("model.safetensors") if not {"tried", "adapters"} & {*p.parts}]  # of another purpose
    assert len(manifest) == len(trained)
    for name, entry in manifest.items():
        assert digest(folder / name) == entry["sha256"], name
        assert entry["held_out_loss"] <= entry["unigram_entropy"] - MARGIN_NATS, name


@pytest.mark.parametrize(
    ("folder", "text"),
    [
        (DEMO_DATA / "base", "main"),
        (DEMO_DATA / "descendant", "other"),
        (DATA / "independents" / "3", "main"),
        (DATA / "same_seed" / "b", "other"),
    ],
)
def test_the_recorded_loss_is_measured_again(folder: Path, text: str) -> None:
    arrays, shape = load(folder)
    loss = held_out_loss({n: torch.from_numpy(a) for n, a in arrays.items()}, shape, text)
    for parent in (folder.parent, folder.parent.parent):
        if (parent / "manifest.json").exists():
            entry = json.loads((parent / "manifest.json").read_text("utf-8"))[folder.relative_to(parent).as_posix()]
            assert loss == pytest.approx(entry["held_out_loss"], abs=0.02)  # the text follows the Python version
            return
    pytest.fail("no manifest")


def test_demo_checkpoints_stay_under_three_megabytes() -> None:
    assert sum(p.stat().st_size for p in DEMO_DATA.rglob("*") if p.is_file()) < 3_000_000
