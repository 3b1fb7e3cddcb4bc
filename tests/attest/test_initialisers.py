"""Starts are those of PyTorch and transformers, bit for bit."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
from safetensors.torch import load_file  # noqa: E402

from forebear.attest.initialiser import initial_weights, initialisers  # noqa: E402
from forebear.attest.rates import reach  # noqa: E402
from forebear.attest.torch_cpu import TorchCpu, fused  # noqa: E402
from forebear.core.errors import RefusedError  # noqa: E402

HEADS = {"hidden_size": 24, "intermediate_size": 27, "num_hidden_layers": 3, "num_attention_heads": 4, "vocab_size": 53}
GROUPED = HEADS | {"num_key_value_heads": 2, "max_position_embeddings": 32}
CASES = {
    "llama": ("Llama", "CausalLM", GROUPED),
    "llama, biases, padding, wide heads": (
        "Llama", "CausalLM",
        GROUPED | {"attention_bias": True, "mlp_bias": True, "pad_token_id": 3, "head_dim": 8, "initializer_range": 0.05},
    ),
    "llama, tied": ("Llama", "CausalLM", GROUPED | {"tie_word_embeddings": True}),
    "mistral": ("Mistral", "CausalLM", GROUPED),
    "qwen2": ("Qwen2", "CausalLM", GROUPED | {"tie_word_embeddings": True}),
    "gpt2": ("GPT2", "LMHeadModel", {"vocab_size": 53, "n_embd": 24, "n_layer": 3, "n_head": 4, "n_positions": 33}),
    "mixtral": ("Mixtral", "CausalLM", GROUPED | {"num_local_experts": 3, "sliding_window": None}),
    "bert": ("Bert", "MaskedLM", HEADS | {"max_position_embeddings": 33}),
}  # fmt: skip


@pytest.mark.parametrize("seed", [0, 1337, 2**32 + 5])
@pytest.mark.parametrize("case", CASES)
def test_every_tensor_of_a_start_is_that_of_transformers(case: str, seed: int, tmp_path: Path) -> None:
    family, head, sizes = CASES[case]
    config = getattr(transformers, f"{family}Config")(**sizes)
    model = getattr(transformers, f"{family}For{head}" if family != "GPT2" else f"GPT2{head}")
    torch.manual_seed(seed)
    model(config).save_pretrained(tmp_path)
    stored = {name: tensor.numpy() for name, tensor in load_file(tmp_path / "model.safetensors").items()}
    made = initial_weights(json.loads((tmp_path / "config.json").read_text("utf-8")), seed)
    assert set(made) == set(stored)
    for name, values in stored.items():
        np.testing.assert_array_equal(made[name], values, err_msg=name)


def test_another_seed_gives_another_start() -> None:
    config = {"model_type": "llama", **GROUPED}
    one, other = initial_weights(config, 1), initial_weights(config, 2)
    assert not np.array_equal(one["model.embed_tokens.weight"], other["model.embed_tokens.weight"])


@pytest.mark.parametrize("seed", [0, 42, 987654321])
def test_calls_of_the_generator_in_a_row_draw_what_torch_draws(seed: int) -> None:
    torch.manual_seed(seed)
    mine = TorchCpu(seed)
    for count in (5, 3, 16, 17, 31, 100, 2**18 + 5, 7, 1000, 1):
        np.testing.assert_array_equal(torch.empty(count).normal_(0, 0.02).numpy(), mine.normal(count, 0.02))
        low, high = -0.2041241, 0.2041241
        np.testing.assert_array_equal(torch.empty(count).uniform_(low, high).numpy(), mine.uniform(count, low, high))


def test_what_is_skipped_leaves_the_generator_where_drawing_leaves_it() -> None:
    for count in (3, 15, 16, 40):
        drawn, skipped = TorchCpu(9), TorchCpu(9)
        drawn.normal(count), skipped.skip_normal(count)
        drawn.uniform(count), skipped.skip_uniform(count)
        np.testing.assert_array_equal(drawn.normal(20), skipped.normal(20))


def test_a_linear_layer_starts_as_torch_starts_it() -> None:
    torch.manual_seed(3)
    layer = torch.nn.Linear(30, 20)
    mine, bound = TorchCpu(3), 1 / 30**0.5
    gain = (2.0 / (1 + 5)) ** 0.5  # kaiming_uniform_ with a = sqrt(5)
    reach_of_weights = 3**0.5 * gain / 30**0.5
    weights = mine.uniform(600, -reach_of_weights, reach_of_weights).reshape(20, 30)
    np.testing.assert_array_equal(layer.weight.detach().numpy(), weights)
    np.testing.assert_array_equal(layer.bias.detach().numpy(), mine.uniform(20, -bound, bound))


def test_a_fused_product_is_rounded_once() -> None:
    from fractions import Fraction

    draws = np.random.Generator(np.random.PCG64(7))
    a, b = (draws.standard_normal(4000).astype(np.float32) for _ in range(2))
    exact = [Fraction(float(x)) * Fraction(float(y)) for x, y in zip(a, b, strict=True)]
    middle = np.float32(2.0**-26) * a  # sums that often lie between two singles
    found = fused(a, b, middle)
    for k, product in enumerate(exact):
        total = product + Fraction(float(middle[k]))
        nearest = np.float32(float(total))
        gaps = [abs(Fraction(float(v)) - total) for v in (np.nextafter(nearest, -np.inf), nearest, np.nextafter(nearest, np.inf))]
        assert abs(Fraction(float(found[k])) - total) == min(gaps)


@pytest.mark.parametrize("name", ["initialisers"])
def test_each_initialiser_names_its_source(name: str) -> None:
    del name
    assert all("transformers" in one.source for one in initialisers().values())


@pytest.mark.parametrize(
    ("config", "word"),
    [
        ({"model_type": "gemma"}, "no initialiser"),
        ({}, "no initialiser"),
        ({"model_type": ["llama"]}, "no initialiser"),
        ({"model_type": "llama", **GROUPED, "vocab_size": 0}, "vocabulary"),
        ({"model_type": "llama", **GROUPED, "vocab_size": "many"}, "vocabulary"),
        ({"model_type": "llama", **GROUPED, "hidden_size": 25}, "queries"),
        ({"model_type": "llama", **GROUPED, "vocab_size": 2**35}, "numbers"),
        ({"model_type": "llama", **GROUPED, "num_hidden_layers": 10**6}, "layers"),
        ({"model_type": "llama", **GROUPED, "initializer_range": -1.0}, "standard deviation"),
        ({"model_type": "llama", **GROUPED, "initializer_range": float("inf")}, "no initialiser"),
    ],
)  # fmt: skip
def test_a_configuration_that_leads_nowhere_is_refused(config: dict[str, object], word: str) -> None:
    if config.get("initializer_range") == float("inf"):  # no number: the published default holds
        assert initial_weights(config, 0)["lm_head.weight"].std() < 0.03
        return
    with pytest.raises(RefusedError, match=word):
        initial_weights(config, 0)


def test_an_initialiser_of_ones_own_is_refused() -> None:
    with pytest.raises(RefusedError, match="could hold another model"):
        initial_weights({"model_type": "llama", **GROUPED}, 0, "mine")
    with pytest.raises(RefusedError, match="no initialiser"):
        initial_weights({"model_type": "llama", **GROUPED}, 0, "transformers-gpt2")


def test_no_gradients_move_adam_further_than_its_reach() -> None:
    """Gradients that grow by a tenth a step are the worst case; single spikes are not."""
    for beta1, beta2 in ((0.9, 0.999), (0.9, 0.95), (0.8, 0.99)):
        growth, first, second, largest = beta2 / beta1, 0.0, 0.0, 0.0
        for t in range(1, 8000):
            gradient = growth ** max(-6000, t - 8000)
            first, second = beta1 * first + (1 - beta1) * gradient, beta2 * second + (1 - beta2) * gradient**2
            if second > 1e-280:
                step = first / (1 - beta1**t) / (second / (1 - beta2**t)) ** 0.5
                largest = max(largest, step)
        assert largest <= reach(beta1, beta2) * (1 + 1e-9)
        assert largest >= 0.95 * reach(beta1, beta2)
