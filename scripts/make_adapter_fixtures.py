"""Small adapters written by PEFT, and the tensors of the model that PEFT merges each into.

    python scripts/make_adapter_fixtures.py [--out tests/data/adapters]

Not run by any test: it needs torch, transformers and peft. base/ is a model; NAME/ an adapter as PEFT saves it;
NAME.merged.safetensors the tensors that merging changed.
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
}  # fmt: skip


def main(arguments: list[str]) -> int:
    """Write base and adapters."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("tests/data/adapters"))
    out: Path = parser.parse_args(arguments).out
    for name, settings in FORMS.items():
        torch.manual_seed(20251102)
        model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**SHAPE))
        before = {key: value.clone() for key, value in model.state_dict().items()}
        model.save_pretrained(out / "base")
        wrapped = peft.get_peft_model(model, settings)
        with torch.no_grad():
            for key, parameter in wrapped.named_parameters():
                if parameter.requires_grad and "magnitude" not in key:
                    parameter.add_(torch.randn(parameter.shape) * 0.1)
        wrapped.save_pretrained(out / name)
        plain = transformers.LlamaForCausalLM.from_pretrained(out / "base")
        read = peft.PeftModel.from_pretrained(plain, out / name)  # as saved, with the patterns sorted
        after = read.merge_and_unload().state_dict()
        changed = {key: value.clone() for key, value in after.items() if not torch.equal(value, before[key])}
        save_file(changed, out / f"{name}.merged.safetensors")
        (out / name / "README.md").unlink(missing_ok=True)
    (out / "base" / "generation_config.json").unlink(missing_ok=True)
    print(f"{len(FORMS)} adapters of peft {peft.__version__} in {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
