"""Whole checkpoints: pairs compared, values read, adapters added to a base."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from bench.fuzz import mutate, weights
from bench.fuzz.target import HUNDRED_THOUSAND, Files, Folder, Plant, Target
from bench.fuzz.under_test import (
    adapter_files,
    adapters,
    comparison,
    documents,
    forebear,
    inspected_values,
    quantised,
    reports,
    safetensors_files,
    settings,
)

CONFIG: dict[str, Any] = {
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 4, "intermediate_size": 6, "num_hidden_layers": 1,
    "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 2, "vocab_size": 5, "tie_word_embeddings": False,
    "rms_norm_eps": 1e-5, "torch_dtype": "float32",
}  # fmt: skip
_AT = "model.layers.0."
LLAMA: weights.Tensors = {
    "model.embed_tokens.weight": ["F32", [5, 4]], "model.norm.weight": ["F32", [4]], "lm_head.weight": ["F32", [5, 4]],
    f"{_AT}self_attn.q_proj.weight": ["F32", [4, 4]], f"{_AT}self_attn.k_proj.weight": ["F32", [2, 4]],
    f"{_AT}self_attn.v_proj.weight": ["F32", [2, 4]], f"{_AT}self_attn.o_proj.weight": ["F32", [4, 4]],
    f"{_AT}mlp.gate_proj.weight": ["F32", [6, 4]], f"{_AT}mlp.up_proj.weight": ["F32", [6, 4]],
    f"{_AT}mlp.down_proj.weight": ["F32", [4, 6]], f"{_AT}input_layernorm.weight": ["F32", [4]],
    f"{_AT}post_attention_layernorm.weight": ["F32", [4]],
}  # fmt: skip
_NAMES = (*LLAMA, *(n.replace("layers.0", "layers.1") for n in LLAMA), "model.layers.7.x.weight", "transformer.wte.weight",
          f"{_AT}self_attn.q_proj.bias", f"{_AT}mlp.up_proj.qweight", f"{_AT}mlp.up_proj.weight_scale", "x")  # fmt: skip
_CONFIG_WORDS = (
    *mutate.words_of([CONFIG]),
    "gpt2",
    "mixtral",
    "bert",
    "quantization_config",
    "text_config",
    "rope_scaling",
)


def _config(rng: random.Random, value: dict[str, Any], words: tuple[str, ...] = _CONFIG_WORDS) -> bytes:
    if rng.random() < 0.1:
        return mutate.raw(rng, [json.dumps(value).encode()])
    return mutate.json_bytes(rng, mutate.tree(rng, json.loads(json.dumps(value)), words))


def _base_bytes() -> dict[str, bytes]:
    rng = random.Random(1)
    return {name: weights.data_of(random.Random(rng.random()), "F16", 400) for name in LLAMA}


BASE = _base_bytes()
_SOUND = weights.file_of(random.Random(2), LLAMA, BASE)


def make_pair(rng: random.Random) -> Files:
    """Two checkpoints of one layer: the second changed in its tensors, values, configuration or bytes; seldom the first too."""
    files: Files = {}
    for side in ("b",) if rng.random() < 0.8 else ("a", "b"):
        how = rng.random()
        if how < 0.65:
            tensors = (
                weights.changed(rng, LLAMA, _NAMES) if rng.random() < 0.75 else {k: list(v) for k, v in LLAMA.items()}
            )
            files[f"{side}/model.safetensors"] = weights.file_of(rng, tensors, BASE)
        elif how < 0.75:
            files[f"{side}/model.safetensors"] = weights.rough(rng, _SOUND)
        if how >= 0.75 or rng.random() < 0.2:
            files[f"{side}/config.json"] = _config(rng, CONFIG)
    return files


_FOLDERS: dict[str, Folder] = {}


def _folder(name: str) -> Folder:
    if name not in _FOLDERS:
        config = json.dumps(CONFIG).encode()
        files = {f"{side}/{n}": d for side in "ab" for n, d in (("config.json", config), ("model.safetensors", _SOUND))}
        _FOLDERS[name] = Folder(files if name == "pair" else {})
    return _FOLDERS[name]


def run_pair(files: Files) -> None:
    """`forebear compare a b`; its text, too, where all of it is read."""
    path = _folder("pair").put(files)
    full = len(next(iter(files.values()))) % 4 == 0
    document = forebear.compare(path / "a", [path / "b"], full=full)
    reports.rendered(document, "json")
    if full:
        reports.rendered(document, "text")


def outer(files: Files) -> bool:
    """JSON that parses, headers of weights whose length fits and whose bytes are JSON."""
    for name, data in files.items():
        if name.endswith(".safetensors"):
            if not weights.header_is_sound(data):
                return False
        else:
            try:
                json.loads(data.decode())
            except (ValueError, RecursionError):
                return False
    return True


COMPARE = Target(
    name="compare", make=make_pair, run=run_pair, outer=outer, least=HUNDRED_THOUSAND,
    plant=Plant(comparison, "_compare_open", lambda d: d["verdict"]["relation"] == "cannot-tell" and d["candidate"]["layers"] == 0),
    measured=("forebear.comparison", "forebear.models.checkpoint", "forebear.models.architecture.layout",
        "forebear.files.formats.safetensors"),
    reads="`forebear compare a b`, one in four with --full and its text, on pairs of one layer of width 4",
)  # fmt: skip

QUANTISED: weights.Tensors = {
    "g.qweight": ["I32", [2, 8]], "g.qzeros": ["I32", [2, 1]], "g.scales": ["F16", [2, 8]], "g.g_idx": ["I32", [16]],
    "a.qweight": ["I32", [8, 1]], "a.qzeros": ["I32", [2, 1]], "a.scales": ["F16", [2, 8]],
    "p.weight_packed": ["I32", [4, 1]], "p.weight_scale": ["F16", [4, 1]], "p.weight_shape": ["I64", [2]],
    "n.weight_packed": ["U8", [4, 8]], "n.weight_scale": ["F8_E4M3", [4, 1]], "n.weight_global_scale": ["F32", [1]],
    "f.weight": ["F8_E4M3", [4, 4]], "f.weight_scale_inv": ["F32", [1, 1]], "b.weight": ["I8", [4, 4]], "b.SCB": ["F32", [4]],
    "x.mlp_blocks": ["U8", [2, 2, 1, 16]], "x.mlp_scales": ["U8", [2, 2, 1]],
    "q.weight": ["U8", [8, 1]], "q.weight.absmax": ["F32", [1]], "q.weight.quant_map": ["F32", [16]],
    "q.weight.quant_state.bitsandbytes__nf4": ["U8", [90]],
}  # fmt: skip
_STATE = json.dumps({"quant_type": "nf4", "blocksize": 64, "dtype": "float16", "shape": [4, 4]}).encode().ljust(90)
_QUANTISATION: dict[str, Any] = {"quantization_config": {
    "quant_method": "gptq", "bits": 4, "group_size": 8, "checkpoint_format": "gptq", "weight_block_size": [128, 128],
    "format": "pack-quantized", "config_groups": {"g": {"weights": {"num_bits": 4, "type": "int", "group_size": 8}}}}}  # fmt: skip
_PLAIN: weights.Tensors = {f"t{i}.weight": [tag, [4, 4]] for i, tag in enumerate(weights.BITS)}


def make_values(rng: random.Random) -> Files:
    """A file of every number type, or of every kind of quantised matrix with its configuration."""
    packed = rng.random() < 0.5
    every = QUANTISED if packed else _PLAIN
    stems = {name.split(".")[0] for name in every}
    few = set(rng.sample(sorted(stems), min(len(stems), rng.randint(1, 3))))
    chosen: weights.Tensors = {name: list(entry) for name, entry in every.items() if name.split(".")[0] in few}
    tensors = weights.changed(rng, chosen, tuple(every)) if rng.random() < 0.6 else chosen
    state = _STATE if rng.random() < 0.3 else mutate.raw(rng, [_STATE], 90)
    like = {"q.weight.quant_state.bitsandbytes__nf4": state, "p.weight_shape": b"\4\0\0\0\0\0\0\0\10\0\0\0\0\0\0\0"}
    metadata = None if rng.random() < 0.9 else {"format": rng.choice(("pt", "\ud800", ""))}
    data = weights.file_of(rng, tensors, like, metadata)
    if rng.random() < 0.1:
        data = weights.rough(rng, data)
    files = {"model.safetensors": data}
    if packed and rng.random() < 0.5:
        files["config.json"] = _config(
            rng, _QUANTISATION, (*mutate.words_of([_QUANTISATION]), "awq", "fp8", "float-quantized", "I32")
        )
    if rng.random() < 0.01:
        files.setdefault("config.json", json.dumps(CONFIG).encode())
    return files


def run_values(files: Files) -> None:
    """What `inspect --full` does with values: dequantise, digest, grid, statistics, and what is odd; seldom the verb itself."""
    if files.get("config.json", b"").startswith(b'{"model_type": "llama"'):
        path = _folder("values").put(files)
        reports.rendered(forebear.inspect(path, full=True), "text")
        return
    container: Any = safetensors_files.SafetensorsContainer(
        Path("model.safetensors"), file=weights.Memory(files["model.safetensors"], "model.safetensors")
    )
    stated = files.get("config.json")
    config = {} if stated is None else settings.parse_config(stated, where="config.json")
    container, _ = quantised.dequantised(container, config)
    rows = [
        {"name": e.name, "dtype": e.dtype, "shape": list(e.shape), "parameters": e.parameters}
        for e in container.tensors.values()
    ]
    inspected_values.read_values(container, rows)
    inspected_values.odd_values(rows)
    documents.canonical_json(rows)


VALUES = Target(
    name="values", make=make_values, run=run_values, outer=outer, least=HUNDRED_THOUSAND,
    plant=Plant(inspected_values, "odd_values",
                lambda said: len(said) >= 4 and any(s.key.endswith(("zeros", "constant")) for s in said)),
    measured=("forebear.inspection.inspection_values", "forebear.files.digests", "forebear.files.views.quantised",
        "forebear.files.grid",
              "forebear.files.views.quantised_blocks", "forebear.files.views.quantised_packed", "forebear.files.dtypes"),
    reads="values of every number type and every kind of quantised matrix, as `inspect --full` reads them; one in a hundred the "
          "verb itself",
)  # fmt: skip

_OF = "base_model.model."
ADAPTER: weights.Tensors = {
    f"{_OF}{_AT}self_attn.q_proj.lora_A.weight": ["F32", [2, 4]], f"{_OF}{_AT}self_attn.q_proj.lora_B.weight": ["F32", [4, 2]],
    f"{_OF}{_AT}mlp.up_proj.lora_A.default.weight": ["F32", [2, 4]],
    f"{_OF}{_AT}mlp.up_proj.lora_B.default.weight": ["F32", [6, 2]],
    f"{_OF}{_AT}mlp.up_proj.lora_magnitude_vector": ["F32", [6]], f"{_OF}model.embed_tokens.lora_embedding_A": ["F32", [2, 5]],
    f"{_OF}model.embed_tokens.lora_embedding_B": ["F32", [4, 2]], f"{_OF}lm_head.modules_to_save.default.weight": ["F32", [5, 4]],
}  # fmt: skip
ADAPTER_CONFIG: dict[str, Any] = {
    "peft_type": "LORA", "base_model_name_or_path": "x/y", "r": 2, "lora_alpha": 16, "use_rslora": False, "fan_in_fan_out": False,
    "alpha_pattern": {"mlp.up_proj": 4}, "rank_pattern": {}, "target_modules": ["q_proj"], "use_dora": True,
}  # fmt: skip
_HALVES = (
    *ADAPTER,
    f"{_OF}x.lora_A.weight",
    f"{_OF}{_AT}mlp.down_proj.lora_A.weight",
    "x.lora_B",
    "lora_A",
    f"{_OF}model.norm.weight",
)


def make_adapter(rng: random.Random) -> Files:
    """An adapter with some of its pairs, its tensors or its configuration changed."""
    kept = {name: list(entry) for name, entry in ADAPTER.items()}
    if rng.random() < 0.5:
        for stem in rng.sample(("self_attn", "up_proj", "embed", "lm_head"), 2):
            kept = {name: entry for name, entry in kept.items() if stem not in name}
    tensors = weights.changed(rng, kept, _HALVES) if rng.random() < 0.6 else kept
    data = weights.file_of(rng, tensors)
    files = {"adapter_model.safetensors": weights.rough(rng, data) if rng.random() < 0.08 else data}
    if rng.random() < 0.6:
        files["adapter_config.json"] = _config(rng, ADAPTER_CONFIG, mutate.words_of([ADAPTER_CONFIG]))
    return files


_BASES: list[Any] = []


def run_adapter(files: Files) -> None:
    """Open the adapter over its base, read every tensor; one in eight on disk, as `inspect --base` does."""
    data = files["adapter_model.safetensors"]
    if len(data) % 8 == 0:
        _adapter_on_disk(files)
        return
    if not _BASES:
        _BASES.append(safetensors_files.SafetensorsContainer(Path("b"), file=weights.Memory(_SOUND, "b")))
    adapter = safetensors_files.SafetensorsContainer(Path("a"), file=weights.Memory(data, "a"))
    config: dict[str, Any] = {}
    if "adapter_config.json" in files:
        config = settings.parse_config(files["adapter_config.json"], where="adapter_config.json")
    adapter_files.is_adapter(adapter.tensors)
    both, _ = adapters.adapted(_BASES[0], adapter, config)
    for name in both.tensors:
        both.read(name)


def _adapter_on_disk(files: Files) -> None:
    if "adapter" not in _FOLDERS:
        base = {"base/model.safetensors": _SOUND, "base/config.json": json.dumps(CONFIG).encode()}
        _FOLDERS["adapter"] = Folder(base)
    path = _FOLDERS["adapter"].put(files)
    reports.rendered(forebear.inspect(path / "adapter_model.safetensors", base=path / "base"), "text")


ADAPTERS = Target(
    name="adapters", make=make_adapter, run=run_adapter, outer=outer, least=HUNDRED_THOUSAND,
    plant=Plant(adapters, "adapted", lambda answer: "model.layers.0.mlp.up_proj.weight" in answer[0].tensors
                and any("12" in t.dtype or t.dtype == "BF16" for t in answer[0].tensors.values())),
    measured=("forebear.models.adapter", "forebear.files.views.adapters", "forebear.files.rowwise"),
    reads="adapters (LoRA, embedding, DoRA, whole tensors) over a base, every tensor of it; one in eight `inspect --base`",
)  # fmt: skip
