"""One line per family: the transformers class and tiny configuration that prove its definition, and what to feed it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_SMALL = {"vocab_size": 37, "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 6,
          "intermediate_size": 20, "max_position_embeddings": 32, "pad_token_id": 0, "bos_token_id": 1,
          "eos_token_id": 2}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A proof: the class, its configuration, the axes the definition must allow (+ permuted, ± also negated)."""

    name: str
    family: str
    model: str
    config: str
    settings: dict[str, Any]
    allowed: str
    moves: tuple[str, ...]
    inputs: str = "tokens"
    published: str = ""
    """A published layout that no class writes, proved through the class by `published.py`."""
    stacked: bool = False
    """Saved under the names the class holds in memory instead of the published ones."""


def small(**changes: Any) -> dict[str, Any]:
    """The small configuration with changes; None removes a key of the small configuration."""
    return {key: value for key, value in {**_SMALL, **changes}.items() if value is not None or key not in _SMALL}


GQA = "channel± neuron± kv_head group value±"
ABS = "qk± value±"
ROPE = ("rope", "token")
MLA = {"num_attention_heads": 4, "num_key_value_heads": 4, "kv_lora_rank": 8, "qk_nope_head_dim": 4, "qk_rope_head_dim": 2,
       "v_head_dim": 5, "n_routed_experts": 6, "moe_intermediate_size": 10, "num_experts_per_tok": 2,
       "first_k_dense_replace": 1}  # fmt: skip
LATENT = "channel± neuron± shared_neuron± expert_group expert kv_head qk± value± q_latent± kv_latent±"
T5 = {"vocab_size": 37, "d_model": 24, "d_kv": 5, "d_ff": 20, "num_layers": 2, "num_heads": 4,
      "decoder_start_token_id": 0}  # fmt: skip
IMAGE = {"hidden_size": 24, "intermediate_size": 28, "num_hidden_layers": 2, "num_attention_heads": 4, "image_size": 8,
         "patch_size": 4}  # fmt: skip

# name, family, class, configuration class, settings, allowed axes (± after those that also take signs), axes that move
CASES = [
    Case("bert", "bert", "BertForPreTraining", "BertConfig", small(),
         "channel neuron kv_head qk± value±", ("token", "position", "segment")),
    Case("bert without prefix", "bert", "BertModel", "BertConfig", small(),
         "channel neuron kv_head qk± value±", ("token", "pooled")),
    Case("bert classifier", "bert", "BertForSequenceClassification", "BertConfig", small(num_labels=3),
         "channel neuron kv_head qk± value±", ("token", "label")),
    Case("bert tags", "bert", "BertForTokenClassification", "BertConfig", small(num_labels=3),
         "channel neuron kv_head qk± value±", ("token", "label")),
    Case("llama", "llama", "LlamaForCausalLM", "LlamaConfig", small(num_key_value_heads=2),
         "channel± neuron± kv_head group value±", ("rope", "token")),
    Case("llama with biases, tied", "llama", "LlamaForCausalLM", "LlamaConfig",
         small(num_key_value_heads=3, attention_bias=True, mlp_bias=True, tie_word_embeddings=True, head_dim=8),
         "channel± neuron± kv_head group value±", ("rope", "token")),
    Case("mistral", "llama", "MistralForCausalLM", "MistralConfig", small(num_key_value_heads=2, sliding_window=4),
         "channel± neuron± kv_head group value±", ("rope", "token")),
    Case("qwen2", "llama", "Qwen2ForCausalLM", "Qwen2Config", small(num_key_value_heads=2),
         "channel± neuron± kv_head group value±", ("rope", "token")),
    Case("qwen3", "llama", "Qwen3ForCausalLM", "Qwen3Config", small(num_key_value_heads=2, head_dim=6),
         "channel± neuron± kv_head group value±", ("rope", "token")),
    Case("gpt2", "gpt2", "GPT2LMHeadModel", "GPT2Config",
         {"vocab_size": 37, "n_embd": 24, "n_layer": 2, "n_head": 4, "n_positions": 32, "n_inner": 20,
          "bos_token_id": 1, "eos_token_id": 2}, f"channel neuron kv_head {ABS}", ("token", "position")),
    Case("phi3", "phi3", "Phi3ForCausalLM", "Phi3Config", small(num_key_value_heads=2), GQA, ROPE),
    Case("gemma", "gemma", "GemmaForCausalLM", "GemmaConfig", small(num_key_value_heads=2, head_dim=6), GQA, ROPE),
    Case("gemma2", "gemma", "Gemma2ForCausalLM", "Gemma2Config", small(num_key_value_heads=2, head_dim=6), GQA, ROPE),
    Case("gemma3", "gemma", "Gemma3ForCausalLM", "Gemma3TextConfig", small(num_key_value_heads=2, head_dim=6),
         GQA, ROPE),
    Case("gpt-neox", "gpt_neox", "GPTNeoXForCausalLM", "GPTNeoXConfig", small(rotary_pct=0.5, num_attention_heads=3),
         "channel neuron kv_head value±", ROPE),
    Case("pythia sequential", "gpt_neox", "GPTNeoXForCausalLM", "GPTNeoXConfig",
         small(use_parallel_residual=False, num_attention_heads=3), "channel neuron kv_head value±", ROPE),
    Case("opt", "opt", "OPTForCausalLM", "OPTConfig", small(ffn_dim=20, intermediate_size=None),
         f"channel neuron kv_head {ABS}", ("token", "position")),
    Case("opt-350m", "opt", "OPTForCausalLM", "OPTConfig",
         small(ffn_dim=20, intermediate_size=None, word_embed_proj_dim=10, do_layer_norm_before=False),
         f"channel neuron kv_head word± {ABS}", ("token", "position")),
    Case("bloom", "bloom", "BloomForCausalLM", "BloomConfig",
         {"vocab_size": 37, "hidden_size": 24, "n_layer": 2, "n_head": 4}, f"channel neuron {ABS}", ("kv_head", "token")),
    Case("falcon-40b", "falcon", "FalconForCausalLM", "FalconConfig",
         small(new_decoder_architecture=True, num_kv_heads=2, intermediate_size=None),
         "channel neuron kv_head group value±", ROPE),
    Case("falcon-7b", "falcon", "FalconForCausalLM", "FalconConfig",
         small(multi_query=True, parallel_attn=True, intermediate_size=None),
         "channel neuron kv_head group value±", ROPE),
    Case("falcon-rw", "falcon", "FalconForCausalLM", "FalconConfig",
         small(multi_query=False, alibi=True, parallel_attn=False, bias=True, intermediate_size=None),
         "channel neuron value±", ("kv_head", "token")),
    Case("falcon-11b", "falcon", "FalconForCausalLM", "FalconConfig",
         small(new_decoder_architecture=True, num_kv_heads=3, num_ln_in_parallel_attn=1, intermediate_size=None),
         "channel neuron kv_head group value±", ROPE),
    Case("roberta", "roberta", "RobertaForMaskedLM", "RobertaConfig", small(),
         f"channel neuron kv_head {ABS}", ("token", "position")),
    Case("xlm-roberta", "roberta", "XLMRobertaForSequenceClassification", "XLMRobertaConfig", small(num_labels=3),
         f"channel neuron kv_head {ABS}", ("token", "label")),
    Case("camembert", "roberta", "CamembertForMaskedLM", "CamembertConfig", small(),
         f"channel neuron kv_head {ABS}", ("token", "position")),
    Case("mixtral", "mixtral", "MixtralForCausalLM", "MixtralConfig", small(num_key_value_heads=2, num_local_experts=4),
         f"{GQA} expert", ROPE),
    Case("mixtral stacked", "mixtral", "MixtralForCausalLM", "MixtralConfig",
         small(num_key_value_heads=2, num_local_experts=4), f"{GQA} expert", ROPE, stacked=True),
    Case("qwen2-moe", "qwen_moe", "Qwen2MoeForCausalLM", "Qwen2MoeConfig",
         small(num_key_value_heads=2, num_experts=4, moe_intermediate_size=10, shared_expert_intermediate_size=12,
               num_experts_per_tok=2), f"{GQA} shared_neuron± expert", ROPE),
    Case("qwen3-moe", "qwen_moe", "Qwen3MoeForCausalLM", "Qwen3MoeConfig",
         small(num_key_value_heads=2, num_experts=4, moe_intermediate_size=10, num_experts_per_tok=2, head_dim=6,
               mlp_only_layers=[0]), f"{GQA} expert", ROPE),
    Case("qwen3-moe stacked", "qwen_moe", "Qwen3MoeForCausalLM", "Qwen3MoeConfig",
         small(num_key_value_heads=2, num_experts=4, moe_intermediate_size=10, num_experts_per_tok=2, head_dim=6),
         f"{GQA} expert", ROPE, stacked=True),
    Case("deepseek-v2", "deepseek", "DeepseekV2ForCausalLM", "DeepseekV2Config",
         small(**MLA, q_lora_rank=12, n_shared_experts=2, n_group=2, topk_group=1, topk_method="group_limited_greedy"),
         LATENT, ROPE),
    Case("deepseek-v2-lite", "deepseek", "DeepseekV2ForCausalLM", "DeepseekV2Config",
         small(**MLA, q_lora_rank=None, n_shared_experts=2, n_group=1, topk_group=1, topk_method="greedy"),
         LATENT.replace("q_latent± ", ""), ROPE),
    Case("deepseek-v3", "deepseek", "DeepseekV3ForCausalLM", "DeepseekV3Config",
         small(**MLA, q_lora_rank=12, n_shared_experts=1, n_group=2, topk_group=1), LATENT, ROPE),
    Case("olmo", "olmo", "OlmoForCausalLM", "OlmoConfig", small(num_key_value_heads=2, clip_qkv=1.0),
         "channel neuron± kv_head group value±", ROPE),
    Case("olmo2", "olmo2", "Olmo2ForCausalLM", "Olmo2Config", small(num_key_value_heads=2), GQA, ROPE),
    Case("olmo3", "olmo2", "Olmo3ForCausalLM", "Olmo3Config", small(num_key_value_heads=2), GQA, ROPE),
    Case("internlm2", "internlm2", "LlamaForCausalLM", "LlamaConfig", small(num_key_value_heads=2), GQA, ROPE,
         published="internlm2"),
    Case("baichuan-7b", "baichuan", "LlamaForCausalLM", "LlamaConfig", small(), "channel± neuron± kv_head value±", ROPE,
         published="baichuan"),
    Case("chatglm3", "chatglm", "GlmForCausalLM", "GlmConfig",
         small(num_key_value_heads=2, head_dim=4, num_attention_heads=6, attention_bias=True), GQA, ROPE,
         published="chatglm"),
    Case("glm", "glm", "GlmForCausalLM", "GlmConfig", small(num_key_value_heads=2, head_dim=4, attention_bias=True),
         GQA, ROPE),
    Case("glm4", "glm", "Glm4ForCausalLM", "Glm4Config", small(num_key_value_heads=2, head_dim=4), GQA, ROPE),
    Case("stablelm", "stablelm", "StableLmForCausalLM", "StableLmConfig",
         small(num_key_value_heads=2, use_qkv_bias=True, partial_rotary_factor=0.5),
         "channel neuron± kv_head group value±", ROPE),
    Case("stablelm-12b", "stablelm", "StableLmForCausalLM", "StableLmConfig",
         small(num_key_value_heads=2, qk_layernorm=True, use_parallel_residual=True, partial_rotary_factor=0.5),
         "channel neuron± value±", ("rope", "kv_head", "group")),
    Case("cohere", "cohere", "CohereForCausalLM", "CohereConfig", small(num_key_value_heads=2, use_qk_norm=True),
         "channel neuron± kv_head group value±", ROPE),
    Case("cohere2", "cohere", "Cohere2ForCausalLM", "Cohere2Config", small(num_key_value_heads=2),
         "channel neuron± kv_head group value±", ROPE),
    Case("starcoder2", "starcoder2", "Starcoder2ForCausalLM", "Starcoder2Config", small(num_key_value_heads=2),
         "channel neuron kv_head group value±", ROPE),
    Case("t5", "t5", "T5ForConditionalGeneration", "T5Config", T5,
         "channel± neuron kv_head qk± value± cross_kv_head cross_qk± cross_value±", ("token", "bucket"), "pair"),
    Case("t5 v1.1", "t5", "T5ForConditionalGeneration", "T5Config",
         {**T5, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
         "channel± neuron± kv_head qk± value± cross_kv_head cross_qk± cross_value±", ("token", "bucket"), "pair"),
    Case("mt5", "t5", "MT5ForConditionalGeneration", "MT5Config", {**T5, "feed_forward_proj": "gated-gelu"},
         "channel± neuron± kv_head qk± value± cross_kv_head cross_qk± cross_value±", ("token", "bucket"), "pair"),
    Case("mamba", "mamba", "MambaForCausalLM", "MambaConfig",
         {"vocab_size": 37, "hidden_size": 24, "state_size": 4, "num_hidden_layers": 2, "time_step_rank": 5},
         "channel± neuron rank±", ("token", "kernel")),
    Case("falcon-mamba", "mamba", "FalconMambaForCausalLM", "FalconMambaConfig",
         {"vocab_size": 37, "hidden_size": 24, "state_size": 4, "num_hidden_layers": 2, "time_step_rank": 5},
         "channel± neuron rank±", ("token", "kernel")),
    Case("vit", "vit", "ViTForImageClassification", "ViTConfig", {**IMAGE, "num_labels": 3},
         f"channel neuron kv_head {ABS}", ("position", "patch_x", "color", "label"), "image"),
    Case("vit pooled", "vit", "ViTModel", "ViTConfig", IMAGE,
         f"channel neuron kv_head {ABS}", ("position", "patch_y", "pooled"), "image"),
    Case("deit", "vit", "DeiTForImageClassificationWithTeacher", "DeiTConfig", {**IMAGE, "num_labels": 3},
         f"channel neuron kv_head {ABS}", ("position", "patch_x", "label"), "image"),
    Case("clip", "clip", "CLIPModel", "CLIPConfig",
         {"text_config": small(), "vision_config": {**IMAGE, "hidden_size": 20, "num_attention_heads": 4},
          "projection_dim": 7}, f"channel vision_channel joint± neuron kv_head {ABS}",
         ("token", "position", "vision_position", "patch_x"), "both"),
    Case("clip text", "clip", "CLIPTextModelWithProjection", "CLIPTextConfig", small(projection_dim=7),
         f"channel neuron kv_head {ABS}", ("token", "position", "joint")),
    Case("clip image", "clip", "CLIPVisionModelWithProjection", "CLIPVisionConfig", {**IMAGE, "projection_dim": 7},
         f"vision_channel neuron kv_head {ABS}", ("vision_position", "patch_x", "joint"), "image"),
    Case("whisper", "whisper", "WhisperForConditionalGeneration", "WhisperConfig",
         {"vocab_size": 37, "num_mel_bins": 8, "d_model": 24, "encoder_layers": 2, "decoder_layers": 2,
          "encoder_attention_heads": 4, "decoder_attention_heads": 3, "encoder_ffn_dim": 20, "decoder_ffn_dim": 20,
          "max_source_positions": 10, "max_target_positions": 12, "pad_token_id": 0, "bos_token_id": 1,
          "eos_token_id": 2, "decoder_start_token_id": 1},
         f"channel filter neuron kv_head {ABS} cross_kv_head cross_qk± cross_value±",
         ("token", "position", "encoder_channel", "mel"), "sound"),
]  # fmt: skip
