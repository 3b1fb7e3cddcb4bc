"""Small adapters written by PEFT, and the tensors of the model that PEFT merges each into.

    python scripts/make_adapter_fixtures.py [--out tests/data/adapters] [--only NAME ...]

Not run by any test: it needs torch, transformers and peft. base/ is a model, base-gpt2/ that of adapters called gpt2-* (its
matrices lie turned), base-qwen2/ that of qwen2-* (with biases), base-tied/ that of tied-* (one matrix is embedding and head); NAME/
is an adapter as PEFT saves it; NAME.merged.safetensors the tensors that merging changed. For tied-* it holds the embedding and the
head that the adapted model computes with: PEFT merges into the one matrix in place, which changes both uses though the adapter was
trained on one.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import peft
import torch
import transformers
from safetensors.torch import save_file

SHAPE = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 3, "vocab_size": 32, "num_attention_heads": 2,
         "num_key_value_heads": 1, "tie_word_embeddings": False}  # fmt: skip
GPT2 = {"n_embd": 16, "n_layer": 2, "n_head": 2, "vocab_size": 32, "n_positions": 16, "bos_token_id": 0, "eos_token_id": 0}
LORA = {"r": 4, "lora_alpha": 10, "target_modules": ["q_proj", "v_proj", "down_proj"]}
FORMS: dict[str, Any] = {
    "rank-and-alpha-by-expression": peft.LoraConfig(
        **LORA, rank_pattern={r"layers\.[12]\.self_attn\.[qv]_proj": 2, "down_proj": 6},
        alpha_pattern={r".*layers\.2\..*q_proj": 64, r"layers\.\d\.self_attn\.q_proj": 3, "q_proj": 5, "(v|k)_proj": 7},
    ),
    "first-pattern-counts": peft.LoraConfig(**LORA, alpha_pattern={"q_proj": 5, "layers.1.self_attn.q_proj": 50}),
    "rank-stabilised-by-module": peft.LoraConfig(**LORA, use_rslora=True, rank_pattern={"v_proj": 8}, alpha_pattern={"v_proj": 3}),
    "tokens": peft.LoraConfig(**LORA, trainable_token_indices=[3, 30, 31]),
    "tokens-by-module": peft.LoraConfig(**LORA, trainable_token_indices={"embed_tokens": [5], "lm_head": [2, 0]}),
    "tokens-alone": peft.TrainableTokensConfig(token_indices=[31, 1], target_modules=["embed_tokens"]),
    "modules-to-save": peft.LoraConfig(**LORA, modules_to_save=["lm_head"]),
    "weight-decomposed": peft.LoraConfig(**LORA, use_dora=True),
    "gpt2-weight-decomposed": peft.LoraConfig(r=4, lora_alpha=10, target_modules=["c_attn", "mlp.c_proj"], fan_in_fan_out=True,
                                              use_dora=True, rank_pattern={r"h\.\d\.mlp\.c_proj": 2}),
    "embedding-and-head": peft.LoraConfig(r=4, lora_alpha=10, target_modules=["embed_tokens", "lm_head", "q_proj"],
                                          alpha_pattern={"embed_tokens": 30}),
    "embedding-and-head-alone": peft.LoraConfig(r=4, lora_alpha=3, target_modules=["embed_tokens", "lm_head"], use_rslora=True),
    "gpt2-square": peft.LoraConfig(r=4, lora_alpha=10, target_modules=["attn.c_proj"], fan_in_fan_out=True),
    "qwen2-biases": peft.LoraConfig(r=4, target_modules=["q_proj"], bias="all"),
    "tied-head-saved": peft.LoraConfig(r=2, target_modules=["q_proj"], modules_to_save=["lm_head"]),
    "tied-embedding-saved": peft.LoraConfig(r=2, target_modules=["q_proj"], modules_to_save=["embed_tokens"]),
    "tied-head-low-rank": peft.LoraConfig(r=2, target_modules=["q_proj", "lm_head"]),
    "tied-embedding-low-rank": peft.LoraConfig(r=2, target_modules=["q_proj", "embed_tokens"]),
    "tied-head-tokens": peft.LoraConfig(r=2, target_modules=["q_proj"], trainable_token_indices={"lm_head": [3, 30]}),
    "tied-tokens": peft.LoraConfig(r=2, target_modules=["q_proj"], trainable_token_indices=[3, 30]),
    "tied-both-kept-tied": peft.LoraConfig(r=2, target_modules=["q_proj"], modules_to_save=["lm_head"], ensure_weight_tying=True),
}  # fmt: skip


def _used(model: Any) -> dict[str, torch.Tensor]:
    """Embedding and head as an adapted model computes with them."""
    with torch.no_grad():
        rows = model.get_input_embeddings()(torch.arange(SHAPE["vocab_size"]))
        columns = model.get_output_embeddings()(torch.eye(SHAPE["hidden_size"]))
    return {"model.embed_tokens.weight": rows.clone().contiguous(), "lm_head.weight": columns.T.clone().contiguous()}


def _model(name: str) -> Any:
    """The base of an adapter of this name."""
    if name.startswith("gpt2"):
        return transformers.GPT2LMHeadModel(transformers.GPT2Config(**GPT2))
    if name.startswith("qwen2"):
        return transformers.Qwen2ForCausalLM(transformers.Qwen2Config(**SHAPE))
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**{**SHAPE, "tie_word_embeddings": name.startswith("tied")}))


def main(arguments: list[str]) -> int:
    """Write base and adapters."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("tests/data/adapters"))
    parser.add_argument("--only", nargs="*", choices=list(FORMS), default=list(FORMS))
    options = parser.parse_args(arguments)
    out: Path = options.out
    for name in options.only:
        torch.manual_seed(20251102)
        settings = FORMS[name]
        base = out / (f"base-{name.split('-')[0]}" if name.startswith(("gpt2", "tied", "qwen2")) else "base")
        model = _model(name)
        before = {key: value.clone() for key, value in model.state_dict().items()}
        model.save_pretrained(base)
        wrapped = peft.get_peft_model(model, settings)
        with torch.no_grad():
            trained = [p for key, p in wrapped.named_parameters() if p.requires_grad and "magnitude" not in key]
            for parameter in {p.data_ptr(): p for p in trained}.values():  # PEFT lists a tied one twice
                parameter.add_(torch.randn(parameter.shape) * 0.1)
        wrapped.save_pretrained(out / name)
        plain = type(model).from_pretrained(base)
        read = peft.PeftModel.from_pretrained(plain, out / name)  # as saved, with the patterns sorted
        used = _used(read) if name.startswith("tied") else {}
        after = read.merge_and_unload().state_dict()
        changed = {key: value.clone() for key, value in after.items() if not torch.equal(value, before[key])} | used
        save_file(changed, out / f"{name}.merged.safetensors")
        (out / name / "README.md").unlink(missing_ok=True)
        (base / "generation_config.json").unlink(missing_ok=True)
    print(f"{len(options.only)} adapters of peft {peft.__version__} in {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
