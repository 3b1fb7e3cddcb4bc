"""Parameters counted from configurations: as the classes make them, and as public models have them."""

from __future__ import annotations

import json

import pytest

from forebear.core.errors import RefusedError
from forebear.inspection.arithmetic import count_parameters
from forebear.models.architecture.registry import index, shipped
from tests.protocols.families import CASES, Case

PRESENCES = {e.family: p for e in index() if (p := shipped(e.family).presence) is not None}
COUNTED = [
    c
    for c in CASES
    if c.family in PRESENCES and not c.published and c.name != "gemma3 with images" and "classifier" not in c.name
]


def case_count(case: Case) -> tuple[int, dict]:
    """Parameters of the class's own model and its configuration as saved; nothing is allocated."""
    torch = pytest.importorskip("torch", reason="the classes need torch")
    transformers = pytest.importorskip("transformers", reason="the classes are transformers'")
    config = getattr(transformers, case.config)(**case.settings)
    bare = {"BertForPreTraining": "BertModel", "BertForTokenClassification": "BertModel", "RobertaForMaskedLM": "RobertaModel",
            "CamembertForMaskedLM": "CamembertModel", "XLMRobertaForSequenceClassification": "XLMRobertaModel"}  # fmt: skip
    with torch.device("meta"):
        model = getattr(transformers, bare.get(case.model, case.model))(config)
    buffers = sum(b.numel() for name, b in model.named_buffers() if name.endswith("e_score_correction_bias"))
    return buffers + sum(p.numel() for p in {id(p): p for p in model.parameters()}.values()), json.loads(
        config.to_json_string()
    )


@pytest.mark.parametrize("case", COUNTED, ids=lambda c: c.name.replace(" ", "-"))
def test_a_count_is_what_the_class_of_the_configuration_makes(case):
    wanted, config = case_count(case)
    config.setdefault("architectures", [case.model])
    assert count_parameters(config).total == wanted


def test_every_family_written_down_is_a_family_and_has_a_case():
    proved = {c.family for c in COUNTED}
    assert set(PRESENCES) - proved <= {
        "internlm2",
        "baichuan",
        "chatglm",
    }  # their classes are no part of transformers
    for family in PRESENCES:
        names = {rule.names[0] for rule in shipped(family).tensors}
        assert PRESENCES[family].head in names | {""}


LLAMA = {"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "intermediate_size": 11008,
         "vocab_size": 32000}  # fmt: skip
PUBLIC = {
    "Llama-2-7B": (LLAMA, 6_738_415_616),
    "Llama-3-8B": (LLAMA | {"intermediate_size": 14336, "num_key_value_heads": 8, "vocab_size": 128256}, 8_030_261_248),
    "Mistral-7B": (LLAMA | {"model_type": "mistral", "intermediate_size": 14336, "num_key_value_heads": 8}, 7_241_732_096),
    "Qwen2-7B": (
        LLAMA | {"model_type": "qwen2", "hidden_size": 3584, "num_hidden_layers": 28, "num_attention_heads": 28,
                 "num_key_value_heads": 4, "intermediate_size": 18944, "vocab_size": 152064}, 7_615_616_512),
    "Mixtral-8x7B": (
        LLAMA | {"model_type": "mixtral", "intermediate_size": 14336, "num_key_value_heads": 8, "num_local_experts": 8,
                 "num_experts_per_tok": 2}, 46_702_792_704),
    "GPT-2": ({"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "n_positions": 1024, "vocab_size": 50257}, 124_439_808),
    "Gemma-2B": (
        {"model_type": "gemma", "hidden_size": 2048, "num_hidden_layers": 18, "num_attention_heads": 8, "num_key_value_heads": 1,
         "head_dim": 256, "intermediate_size": 16384, "vocab_size": 256000}, 2_506_172_416),
    "Baichuan-7B": (LLAMA | {"model_type": "baichuan", "vocab_size": 64000}, 7_000_559_616),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLIC)
def test_public_models_count_what_they_are_known_to_have(name):
    config, wanted = PUBLIC[name]
    assert count_parameters(config).total == wanted


def test_a_token_meets_two_of_eight_experts():
    count = count_parameters(PUBLIC["Mixtral-8x7B"][0])
    expert = 3 * 4096 * 14336
    assert count.total - count.active == 32 * 6 * expert


@pytest.mark.parametrize(
    "config",
    [{}, {"model_type": "nothing known"}, {"model_type": "llama"}, LLAMA | {"hidden_size": "4096"}, LLAMA | {"num_hidden_layers": 10**9},
     LLAMA | {"vocab_size": -1}, LLAMA | {"intermediate_size": None}, {"model_type": "whisper"}, LLAMA | {"num_attention_heads": 7}],
)  # fmt: skip
def test_what_cannot_be_counted_is_refused_with_the_reason(config):
    with pytest.raises(RefusedError, match=r"cannot count|does not say"):
        count_parameters(config)
