"""Parameters counted from configurations: as the classes make them, and as public models have them."""

from __future__ import annotations

import json

import pytest

from forebear.core.errors import RefusedError
from forebear.inspection.arithmetic import count_parameters
from forebear.models.architecture.registry import index, shipped
from tests.protocols.families import CASES, Case

PRESENCES = {e.family: p for e in index() if (p := shipped(e.family).presence) is not None}
PIECES = ("gemma3 with images", "clip text", "clip image")
"""Models with towers of which [presence] counts one, and towers by themselves of which it counts all: refused, not miscounted."""
COUNTED = [
    c
    for c in CASES
    if c.family in PRESENCES and not c.published and c.name not in PIECES and "classifier" not in c.name
]


def case_count(case: Case) -> tuple[int, dict]:
    """Parameters of the class's own model and its configuration as saved; nothing is allocated."""
    torch = pytest.importorskip("torch", reason="the classes need torch")
    transformers = pytest.importorskip("transformers", reason="the classes are transformers'")
    config = getattr(transformers, case.config)(**case.settings)
    with torch.device("meta"):
        whole = PRESENCES[case.family].head
        model = getattr(transformers, case.model)(config) if whole else transformers.AutoModel.from_config(config)
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
    "GPT-J-6B": ({"model_type": "gptj", "n_embd": 4096, "n_layer": 28, "n_head": 16, "vocab_size": 50400}, 6_050_882_784),
    "phi-2": (
        {"model_type": "phi", "hidden_size": 2560, "num_hidden_layers": 32, "num_attention_heads": 32, "intermediate_size": 10240,
         "vocab_size": 51200}, 2_779_683_840),
    "MPT-7B": (
        {"model_type": "mpt", "d_model": 4096, "n_layers": 32, "n_heads": 32, "expansion_ratio": 4, "max_seq_len": 2048,
         "vocab_size": 50432}, 6_649_286_656),
    "whisper-tiny": (
        {"model_type": "whisper", "d_model": 384, "encoder_layers": 4, "decoder_layers": 4, "encoder_attention_heads": 6,
         "decoder_attention_heads": 6, "encoder_ffn_dim": 1536, "decoder_ffn_dim": 1536, "vocab_size": 51865, "num_mel_bins": 80,
         "max_source_positions": 1500, "max_target_positions": 448}, 37_760_640),
    "CLIP ViT-B/32": (
        {"model_type": "clip", "projection_dim": 512,
         "text_config": {"hidden_size": 512, "num_hidden_layers": 12, "num_attention_heads": 8, "intermediate_size": 2048,
                         "vocab_size": 49408, "max_position_embeddings": 77},
         "vision_config": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
                           "image_size": 224, "patch_size": 32}}, 151_277_313),
    "Jamba-v0.1": (
        LLAMA | {"model_type": "jamba", "intermediate_size": 14336, "num_key_value_heads": 8, "vocab_size": 65536, "num_experts": 16,
                 "num_experts_per_tok": 2, "attn_layer_period": 8, "attn_layer_offset": 4, "expert_layer_period": 2,
                 "expert_layer_offset": 1, "mamba_d_state": 16, "mamba_d_conv": 4, "mamba_expand": 2, "mamba_dt_rank": 256},
        51_570_323_328),
    "DistilBERT": (
        {"model_type": "distilbert", "dim": 768, "n_layers": 6, "n_heads": 12, "hidden_dim": 3072, "vocab_size": 30522,
         "max_position_embeddings": 512}, 66_362_880),
    "ModernBERT-base": (
        {"model_type": "modernbert", "hidden_size": 768, "num_hidden_layers": 22, "num_attention_heads": 12,
         "intermediate_size": 1152, "vocab_size": 50368}, 149_014_272),
    "ViT-B/16": (
        {"model_type": "vit", "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
         "image_size": 224, "patch_size": 16, "num_channels": 3}, 86_389_248),
    "DINOv2-base": (
        {"model_type": "dinov2", "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "mlp_ratio": 4,
         "image_size": 518, "patch_size": 14, "num_channels": 3}, 86_580_480),
    "BART-large": (
        {"model_type": "bart", "d_model": 1024, "encoder_layers": 12, "decoder_layers": 12, "encoder_attention_heads": 16,
         "decoder_attention_heads": 16, "encoder_ffn_dim": 4096, "decoder_ffn_dim": 4096, "vocab_size": 50265,
         "max_position_embeddings": 1024}, 406_291_456),
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
