"""One model in the dress that other code gives it: wrappers, names, layouts (METHODS §10). A verdict must not change by it.

Every entry of DRESSES takes arrays and configuration as transformers writes them and gives those of another writer. Families: see
`fits`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bench.shapes import Floats
from forebear.core.seeds import generator

Arrays = dict[str, Floats]
Config = dict[str, Any]
Dress = Callable[[Arrays, Config], tuple[Arrays, Config]]
DRESSES: dict[str, tuple[frozenset[str], Dress]] = {}
"""Name -> (model types it is for, none for all; what it does)."""


def dress(name: str, *types: str) -> Callable[[Dress], Dress]:
    """Put an entry into DRESSES."""

    def keep(make: Dress) -> Dress:
        DRESSES[name] = (frozenset(types), make)
        return make

    return keep


def fits(name: str, model_type: str) -> bool:
    """Whether a dress is for models of this type."""
    types = DRESSES[name][0]
    return not types or model_type in types


def dressed(name: str, arrays: Mapping[str, Floats], config: Mapping[str, Any]) -> tuple[Arrays, Config]:
    """Arrays and configuration in another dress; the given ones stay. Raises: KeyError for an unknown dress."""
    return DRESSES[name][1](dict(arrays), dict(config))


def _prefix(word: str) -> Dress:
    return lambda arrays, config: ({word + n: a for n, a in arrays.items()}, config)


def _renamed(*swaps: tuple[str, str]) -> Dress:
    def make(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
        out = {}
        for name, array in arrays.items():
            for pattern, new in swaps:
                name = re.sub(pattern, new, name)
            out[name] = array
        assert len(out) == len(arrays)
        return out, config

    return make


for _word in (
    "module.",
    "_orig_mod.",
    "model.0.auto_model.",
    "base_model.model.",
    "actor.module.",
    "ema_model.module.",
    "student.",
    "_forward_module._orig_mod.module.",
    "trunk.backbone.net.",
    "state_dict.",
    "params.",
    "policy/",
    "net_",
):
    dress(f"prefix {_word}")(_prefix(_word))
dress("FSDP inside")(
    _renamed((r"\.(layers|h)\.(\d+)\.", r".\1.\2._fsdp_wrapped_module."), (r"^model\.", "_fsdp_wrapped_module.model."))
)
dress("checkpoint wrapper inside")(_renamed((r"\.(layers|h)\.(\d+)\.", r".\1.\2._checkpoint_wrapped_module.")))
dress("compiled layers")(_renamed((r"\.(layers|h)\.(\d+)\.", r".\1.\2._orig_mod.")))
dress("base_layer of an adapter's library", "llama", "qwen2")(
    _renamed((r"(q_proj|v_proj)\.weight$", r"\1.base_layer.weight"), (r"^", "base_model.model."))
)
dress("parametrised", "llama", "qwen2")(
    _renamed((r"(q_proj|v_proj|up_proj)\.weight$", r"\1.parametrizations.weight.original"))
)
dress("slashes and kernels")(_renamed((r"\.", "/"), (r"weight$", "kernel")))
dress("names of ONNX")(_renamed((r"^model\.", "onnx::"), (r"\.", "_")))


@dress("two copies: student and teacher")
def _two(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    rng = generator("bench/hostile/teacher")
    other = {f"teacher.{n}": (a.std() * rng.standard_normal(a.shape)).astype(np.float32) for n, a in arrays.items()}
    return {**{f"student.{n}": a for n, a in arrays.items()}, **other}, config


@dress("two copies: model and its average")
def _average(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    return {**arrays, **{f"model_ema.{n.replace('.', '_')}": a * np.float32(0.999) for n, a in arrays.items()}}, config


@dress("optimiser's moments in one file")
def _moments(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    rng = generator("bench/hostile/moments")
    made = dict(arrays)
    for name, array in arrays.items():
        for moment in ("exp_avg", "exp_avg_sq"):
            made[f"optimizer.state.{name}.{moment}"] = (1e-3 * rng.standard_normal(array.shape)).astype(np.float32)
    return made, config


@dress("layers from 1")
def _from_one(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    swap = lambda m: f".{m[1]}.{int(m[2]) + 1}."  # noqa: E731
    return {re.sub(r"\.(layers|h)\.(\d+)\.", swap, n): a for n, a in arrays.items()}, config


@dress("layers in two digits")
def _digits(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    swap = lambda m: f".{m[1]}.{int(m[2]):02d}."  # noqa: E731
    return {re.sub(r"\.(layers|h)\.(\d+)\.", swap, n): a for n, a in arrays.items()}, config


@dress("no configuration at all")
def _bare(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    return arrays, {}


@dress("a type of its own")
def _own_type(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    return arrays, {**config, "model_type": "mymodel", "architectures": ["MyModelForCausalLM"]}


@dress("the configuration under text_config", "llama", "qwen2", "mixtral")
def _nested(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    return arrays, {"model_type": "my_vlm", "architectures": ["MyVLM"], "text_config": config}


@dress("no head")
def _headless(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    return {n.removeprefix("model."): a for n, a in arrays.items() if not n.startswith("lm_head")}, config


@dress("a padded vocabulary")
def _padded(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    out = dict(arrays)
    for name, array in arrays.items():
        if any(w in name for w in ("embed_tokens", "wte", "lm_head")):
            out[name] = np.concatenate([array, np.zeros((64, array.shape[1]), np.float32)])
    return out, {**config, "vocab_size": config["vocab_size"] + 64}


@dress("types mixed")
def _halves(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    return {n: a.astype(np.float16) if k % 3 == 0 else a for k, (n, a) in enumerate(arrays.items())}, config


@dress("fused as vLLM writes", "llama", "qwen2")
def _fused(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    return _fuse(arrays, "self_attn.qkv_proj", "mlp.gate_up_proj", ("gate", "up")), config


@dress("fused, up before gate", "llama", "qwen2")
def _fused_turned(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    return _fuse(arrays, "self_attn.qkv_proj", "mlp.gate_up_proj", ("up", "gate")), config


@dress("fused by head", "llama", "qwen2")
def _fused_by_head(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    return _fuse(arrays, "self_attn.qkv_proj", "mlp.gate_up_proj", ("gate", "up"), config), config


@dress("fused as Megatron writes", "llama", "qwen2")
def _megatron(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    made = _fuse(arrays, "self_attention.linear_qkv", "mlp.linear_fc1", ("gate", "up"), config)
    swaps = (
        (r"^model\.layers", "decoder.layers"),
        (r"^model\.embed_tokens", "embedding.word_embeddings"),
        (r"^model\.norm", "decoder.final_layernorm"),
        (r"^lm_head", "output_layer"),
        (r"mlp\.down_proj", "mlp.linear_fc2"),
        (r"self_attn\.o_proj", "self_attention.linear_proj"),
        (r"input_layernorm\.weight", "self_attention.linear_qkv.layer_norm_weight"),
        (r"post_attention_layernorm\.weight", "mlp.linear_fc1.layer_norm_weight"),
    )
    return _renamed(*swaps)(made, config)


def _fuse(arrays: Arrays, qkv: str, mlp: str, order: tuple[str, str], config: Config | None = None) -> Arrays:
    """Queries, keys and values in one tensor, gate and up in one; config: interleaved by group of keys and values."""
    out = {n: a for n, a in arrays.items() if not re.search(r"\.(q|k|v|gate|up)_proj\.", n)}
    layers = sorted({n.split(".self_attn")[0] for n in arrays if ".self_attn" in n})
    for layer in layers:
        for what in ("weight", "bias"):
            parts = [arrays.get(f"{layer}.self_attn.{p}_proj.{what}") for p in "qkv"]
            if all(p is not None for p in parts):
                out[f"{layer}.{qkv}.{what}"] = _by_group(parts, config) if config else np.concatenate(parts)  # type: ignore[arg-type]
        out[f"{layer}.{mlp}.weight"] = np.concatenate([arrays[f"{layer}.mlp.{p}_proj.weight"] for p in order])
    return out


def _by_group(parts: list[Any], config: Config) -> Floats:
    groups = config["num_key_value_heads"]
    each = [p.reshape(groups, len(p) // groups, *p.shape[1:]) for p in parts]
    joined = np.concatenate(each, axis=1)
    return np.ascontiguousarray(joined.reshape(-1, *parts[0].shape[1:]))


@dress("names of the original Llama", "llama")
def _original(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    swaps = (
        (r"^model\.", ""),
        (r"embed_tokens", "tok_embeddings"),
        (r"self_attn\.(.)_proj", r"attention.w\1"),
        (r"mlp\.gate_proj", "feed_forward.w1"),
        (r"mlp\.up_proj", "feed_forward.w3"),
        (r"mlp\.down_proj", "feed_forward.w2"),
        (r"input_layernorm", "attention_norm"),
        (r"post_attention_layernorm", "ffn_norm"),
        (r"^lm_head", "output"),
    )
    made, _ = _renamed(*swaps)(arrays, config)
    heads = {"wq": config["num_attention_heads"], "wk": config["num_key_value_heads"]}
    for name in made:
        count = next((c for w, c in heads.items() if f".{w}." in name), 0)
        if count:
            made[name] = neighbouring(made[name], count)
    params = {
        "dim": config["hidden_size"],
        "n_layers": config["num_hidden_layers"],
        "n_heads": heads["wq"],
        "n_kv_heads": heads["wk"],
        "vocab_size": config["vocab_size"],
        "hidden_dim": config["intermediate_size"],
    }
    return made, params


@dress("names of torchtitan, wrapped", "llama")
def _titan(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    made, params = _original(arrays, config)
    return {f"model._orig_mod.{n}": a for n, a in made.items()}, params


@dress("rotary pairs side by side, names kept", "llama", "qwen2")
def _paired(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    heads = {"q_proj": config["num_attention_heads"], "k_proj": config["num_key_value_heads"]}
    out = dict(arrays)
    for name, array in arrays.items():
        count = next((c for w, c in heads.items() if f".{w}." in name), 0)
        if count:
            out[name] = neighbouring(array, count)
    return out, config


def neighbouring(array: Floats, heads: int) -> Floats:
    """Rows of every head with the halves of a rotary pair side by side."""
    half = array.shape[0] // heads // 2
    split = array.reshape(heads, 2, half, *array.shape[1:])
    return np.ascontiguousarray(np.swapaxes(split, 1, 2).reshape(array.shape))


@dress("linear maps input-major", "llama", "qwen2")
def _turned(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    return {n: np.ascontiguousarray(a.T) if a.ndim == 2 and "_proj" in n else a for n, a in arrays.items()}, config


@dress("linear maps output-major", "gpt2")
def _turned_back(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    return {n: np.ascontiguousarray(a.T) if a.ndim == 2 and ".c_" in n else a for n, a in arrays.items()}, config


@dress("names of nanoGPT", "gpt2")
def _nano(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    made, _ = _turned_back(arrays, config)
    args = {
        "n_layer": config["n_layer"],
        "n_head": config["n_head"],
        "n_embd": config["n_embd"],
        "block_size": config["n_positions"],
        "vocab_size": config["vocab_size"],
    }
    return {f"_orig_mod.{n}": a for n, a in made.items()}, args


@dress("queries, keys and values apart", "gpt2")
def _split(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    out: Arrays = {}
    for name, array in arrays.items():
        if ".c_attn." in name:
            for part, piece in zip("qkv", np.split(array, 3, axis=-1), strict=True):
                out[name.replace("c_attn", f"{part}_proj")] = np.ascontiguousarray(piece)
        else:
            out[name] = array
    return out, config


@dress("gains folded, left at one", "llama", "qwen2")
def _folded(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    out = dict(arrays)
    for layer in sorted({n.split(".self_attn")[0] for n in arrays if ".self_attn" in n}):
        for norm, parts in (
            ("input_layernorm", ("self_attn.q", "self_attn.k", "self_attn.v")),
            ("post_attention_layernorm", ("mlp.gate", "mlp.up")),
        ):
            gain = arrays[f"{layer}.{norm}.weight"]
            for part in parts:
                out[f"{layer}.{part}_proj.weight"] = arrays[f"{layer}.{part}_proj.weight"] * gain
            out[f"{layer}.{norm}.weight"] = np.ones_like(gain)
    return out, config


@dress("a scale of its own in every layer", "llama", "qwen2")
def _scaled(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    out = dict(arrays)
    for n, layer in enumerate(sorted({n.split(".self_attn")[0] for n in arrays if ".self_attn" in n})):
        by = np.float32(2.0 + n)
        for one, other in (("self_attn.v", "self_attn.o"), ("mlp.up", "mlp.down")):
            out[f"{layer}.{one}_proj.weight"] = arrays[f"{layer}.{one}_proj.weight"] * by
            if f"{layer}.{one}_proj.bias" in arrays:
                out[f"{layer}.{one}_proj.bias"] = arrays[f"{layer}.{one}_proj.bias"] * by
            out[f"{layer}.{other}_proj.weight"] = arrays[f"{layer}.{other}_proj.weight"] / by
    return out, config


@dress("weight norm: direction and length", "llama", "qwen2")
def _weight_norm(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    out: Arrays = {}
    for name, array in arrays.items():
        if "_proj.weight" in name:
            length = np.linalg.norm(array, axis=1, keepdims=True).astype(np.float32)
            out[name + "_g"], out[name + "_v"] = length, (array * np.float32(3.0)).astype(np.float32)
        else:
            out[name] = array
    return out, config


@dress("weight norm, as torch writes it", "llama", "qwen2")
def _parametrised_norm(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    made, _ = _weight_norm(arrays, config)
    return _renamed(
        (r"weight_g$", "parametrizations.weight.original0"), (r"weight_v$", "parametrizations.weight.original1")
    )(made, config)


@dress("experts in one tensor", "mixtral")
def _stacked(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    out = {n: a for n, a in arrays.items() if ".experts." not in n}
    for layer in sorted({n.split(".block_sparse_moe")[0] for n in arrays if ".experts." in n}):
        for word in ("w1", "w2", "w3"):
            each = [
                arrays[f"{layer}.block_sparse_moe.experts.{e}.{word}.weight"]
                for e in range(config["num_local_experts"])
            ]
            out[f"{layer}.block_sparse_moe.experts.{word}"] = np.stack(each)
    return out, config


@dress("experts under mlp", "mixtral")
def _under_mlp(arrays: Arrays, config: Config) -> tuple[Arrays, Config]:
    return _renamed(
        (r"block_sparse_moe", "mlp"), (r"\.w1\.", ".gate_proj."), (r"\.w3\.", ".up_proj."), (r"\.w2\.", ".down_proj.")
    )(arrays, config)
