"""The run of examples/attest_run: it trains the Llama it says it trains."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forebear.core.seeds import generator
from tests.loaded import module_from

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "attest_run"
SMALL = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2,
         "vocab_size": 24}  # fmt: skip


@pytest.fixture(scope="module")
def train() -> Any:
    pytest.importorskip("safetensors")
    return module_from(FOLDER / "train.py")


def test_loss_and_gradients_are_those_of_transformers(train: Any) -> None:
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    config = json.loads((FOLDER / "config.json").read_text("utf-8")) | SMALL
    made = transformers.LlamaConfig(**{key: value for key, value in config.items() if key != "model_type"})
    torch.manual_seed(5)
    model = transformers.LlamaForCausalLM(made).double()
    tokens = generator("tests/attest/example", "tokens").integers(0, 24, (3, 12))
    for value in model.parameters():
        value.data += 0.1 * torch.randn_like(value)  # so that no gradient is small because the start is
    wanted = model(torch.tensor(tokens[:, :-1])).logits
    loss = torch.nn.functional.cross_entropy(wanted.reshape(-1, 24), torch.tensor(tokens[:, 1:]).reshape(-1))
    loss.backward()
    weights = {name: value.detach().numpy() for name, value in model.named_parameters()}
    found, gradients = train.loss_and_gradients(weights, config, tokens)
    assert found == pytest.approx(loss.item(), abs=1e-6)
    assert set(gradients) == set(weights)
    for name, value in model.named_parameters():
        np.testing.assert_allclose(gradients[name], value.grad.numpy(), rtol=0, atol=2e-6, err_msg=name)


def test_the_rate_warms_up_and_falls_to_a_tenth(train: Any) -> None:
    rates = [train.rate_at(step, 120) for step in range(121)]
    assert rates.index(max(rates)) in (train.WARM - 1, train.WARM)
    assert rates[0] == pytest.approx(train.PEAK / train.WARM)
    assert rates[-1] == pytest.approx(train.PEAK / 10)
