"""Files next to weights that name their origin: cards, licences, code, merge recipes, configurations.

Today the card of a model is what `inspect` looks through for names (forebear/inspection/residue.py), labels beside a tokenizer,
and a configuration by itself. A reader of whole cards belongs here when there is one.
"""

from __future__ import annotations

import json
import random
from typing import Any

from bench.fuzz import mutate
from bench.fuzz.target import Files, Folder, Plant, Target, syntax_is_sound
from bench.fuzz.under_test import claims_of_size, documents, residue, settings, token_labels, vocabularies

TEXTS = {
    "README.md": "---\nlicense: apache-2.0\nbase_model:\n- meta/Llama-3\n- 'x/Qwen2'\ntags: [a, b]\n"
    'merged_models: "a/mistral"\n---\n'
    "# A model\n\nCopyright (c) 2024 Somebody\n",
    "LICENSE": "Copyright (c) 2024 Qwen Team\n\u00a9 2023 Meta Llama\n\nLicensed under the Apache License\n",
    "modeling_x.py": "import torch\nfrom .modeling_llama import LlamaModel\n\n\nclass PanguQwen2Attention:\n"
    "    path = '/home/u/llama/ckpt/7b'\n"
    "# Copyright 2023 Mistral\n",
    "mergekit_config.yml": "merge_method: slerp\nslices:\n  - sources:\n      - model: a/Mistral-7B\n        layer_range: [0, 32]\n"
    "base_model: 'b/Yi-6B'\n",
}
CONFIGS: dict[str, Any] = {
    "config.json": {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "auto_map": {"AutoModel": "m.Qwen2"},
                    "_name_or_path": "/home/u/llama", "vocab_size": 12, "hidden_size": 8, "num_hidden_layers": 2,
                    "intermediate_size": 16, "num_attention_heads": 2, "num_key_value_heads": 1, "bos_token_id": 1,
                    "eos_token_id": [2, 3], "tie_word_embeddings": False, "head_dim": 4},
    "adapter_config.json": {"base_model_name_or_path": "x/mistral", "peft_type": "LORA", "auto_mapping": None},
    "tokenizer_config.json": {"tokenizer_class": "LlamaTokenizerFast", "bos_token": "<s>", "eos_token": {"content": "</s>"}},
    "generation_config.json": {"_from_model_config": True, "bos_token_id": 1},
    "trainer_state.json": {"best_model_checkpoint": "out/qwen/ckpt-1", "log_history": [{"loss": 1.0}]},
}  # fmt: skip
_CLAIMED: dict[str, Any] = {"parameters": "1.5B", "num_hidden_layers": 4, "vocab_size": None}
_WORDS = (
    "---", "base_model:", "base_model: [a, b]", "base_models: !!python/object:os.system", "- x/llama", "model: &a *a",
    "base_model: |", "class Llama", "import qwen", "/a/b/c", "/" * 50, "\\x\\y\\z", "a/" * 300, "copyright (c) 2024 ",
    "\u00a9 2024", " " * 300,
    "Copyright" + " " * 400, "path:", "model: '", "Ll" * 200, "GPT2" * 40, "llama_" * 60,
)  # fmt: skip
_CONFIG_WORDS = (
    *mutate.words_of([CONFIGS, _CLAIMED]),
    "gpt2",
    "mixtral",
    "bert",
    "num_local_experts",
    "text_config",
    "1e400B",
    "9" * 30,
)
_SOUND = {name: json.dumps(value) for name, value in CONFIGS.items()}
_VOCABULARY: list[Any] = []
_FOLDER: list[Folder] = []


def make(rng: random.Random) -> Files:
    """One to three of the small files that lie in a model's folder; one configuration in four comes with a claim of size."""
    if rng.random() < mutate.LARGE:
        name = rng.choice(list(TEXTS))
        return {name: mutate.stretched(rng, TEXTS[name], _WORDS)}
    files: Files = {}
    for _ in range(1 if rng.random() < 0.75 else rng.randint(2, 3)):
        if rng.random() < 0.55:
            name = rng.choice(list(TEXTS))
            text = TEXTS[name]
            files[name] = mutate.lines(rng, text, _WORDS) if rng.random() < 0.8 else mutate.raw(rng, [text.encode()])
        else:
            name = rng.choice(list(CONFIGS))
            files[name] = _json(rng, _SOUND[name])
            if name == "config.json" and rng.random() < 0.25:
                files["claimed.json"] = _json(rng, json.dumps(_CLAIMED))
    return files


def _json(rng: random.Random, sound: str) -> bytes:
    if rng.random() < 0.12:
        return mutate.raw(rng, [sound.encode()])
    return mutate.json_bytes(rng, mutate.tree(rng, json.loads(sound), _CONFIG_WORDS))


def run(files: Files) -> None:
    """Look a folder through for names, compare labels with a vocabulary, count a configuration as `inspect` does."""
    if not _FOLDER:
        _FOLDER.append(Folder({}))
        tokens = tuple(b"<%d>" % i for i in range(12))
        _VOCABULARY.append(vocabularies.Vocabulary("bpe", tokens, frozenset((1, 2))))
    path = _FOLDER[0].put(files)
    found, limits = residue.find_residue(path)
    labels = token_labels.contradictions(path, _VOCABULARY[0], None)
    documents.canonical_json([found, limits, labels])
    if "config.json" in files:
        config = settings.parse_config(files["config.json"], where="config.json")
        claimed = files.get("claimed.json")
        against = None if claimed is None else settings.parse_config(claimed, where="claimed.json")
        documents.canonical_json(claims_of_size.arithmetic(config, against))


CARDS = Target(
    name="cards", make=make, run=run, outer=syntax_is_sound,
    plant=Plant(residue, "find_residue", lambda answer: sum(t["kind"] == "base_model" for t in answer[0]) > 4),
    measured=("forebear.inspection.residue", "forebear.tokens.labels", "forebear.inspection.claims_of_size",
        "forebear.inspection.arithmetic",
              "forebear.models.architecture.settings", "forebear.core.bounded"),
    reads="README front matter, licence headers, *.py, mergekit recipes and JSON configurations as `inspect` looks through them "
          "(forebear/inspection/residue.py), labels next to a tokenizer, `inspect config.json` with and without --against",
)  # fmt: skip
