"""Claims of configurations: config.json, adapter_config.json, and the keys general.* of a GGUF file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forebear.verification.claim import Claim, Source

LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
WIDTHS = ("hidden_size", "n_embd", "d_model", "dim")
DTYPES = ("torch_dtype", "dtype")
_SIZES = {"layers": LAYERS, "width": WIDTHS, "vocabulary": ("vocab_size",), "load_dtype": DTYPES}
_GGUF = {"general.license": "licence", "general.size_label": "parameters", "general.parameter_count": "parameters"}
MOST_BASES = 32
"""Most base models that a GGUF file names which are read."""


def claims_of_config(config: Mapping[str, Any], name: str) -> list[Claim]:
    """What a config.json claims. `_name_or_path` may be the model's own name, so that as a parent it is only proposed."""
    claims = []
    for kind, keys in _SIZES.items():
        key = next((key for key in keys if isinstance(config.get(key), int | str) and not isinstance(config[key], bool)), None)
        if key is not None and str(config[key]):
            claims.append(Claim(kind, str(config[key]).removeprefix("torch."), Source(name, key)))
    if isinstance(config.get("model_type"), str) and config["model_type"]:
        claims.append(Claim("family", config["model_type"], Source(name, "model_type")))
    loaded = config.get("_name_or_path")
    if isinstance(loaded, str) and loaded and not loaded.startswith((".", "/", "~", "\\")) and ":" not in loaded:
        claims.append(Claim("parent", loaded, Source(name, "_name_or_path"), decided=False))
    quantised = config.get("quantization_config")
    if isinstance(quantised, Mapping):
        method = quantised.get("quant_method")
        bits = next((quantised[key] for key in ("bits", "w_bit", "weight_bits") if isinstance(quantised.get(key), int)), "")
        claims.append(Claim("bits", str(method or "?"), Source(name, "quantization_config"), about=str(bits)))
    return claims


def claims_of_adapter(config: Mapping[str, Any], name: str) -> list[Claim]:
    """What an adapter_config.json claims: the model that it changes, and the rank of its factors where it is one for all."""
    base, rank = config.get("base_model_name_or_path"), config.get("r")
    several = config.get("rank_pattern") or config.get("target_parameters") or config.get("peft_type") != "LORA"
    found = [Claim("rank", str(rank), Source(name, "r"))] if isinstance(rank, int) and rank > 0 and not several else []
    if not isinstance(base, str) or not base:
        return found
    return [*found, Claim("kind_adapter", base, Source(name, "base_model_name_or_path"), about="adapter")]


def claims_of_gguf(metadata: Mapping[str, str], name: str) -> list[Claim]:
    """What the keys general.* of a GGUF file claim."""
    claims = [Claim(kind, metadata[key], Source(name, key)) for key, kind in _GGUF.items() if metadata.get(key)]
    for number in range(MOST_BASES):
        key = f"general.base_model.{number}.name"
        if not metadata.get(key):
            break
        owner = metadata.get(f"general.base_model.{number}.organization", "")
        stated = f"{owner}/{metadata[key]}".strip("/").replace(" ", "-")
        claims.append(Claim("parent", stated, Source(name, key)))
    return claims
