"""Every manner of a file of wordings with one wrong claim of each kind that it states, on models whose figures all differ.

    python -m bench.cards --words seventh --commit COMMIT -o bench/results/cards-seventh.json

bench.verify draws cards at random from models of the truth sets, in which a width is a context and heads are as many as layers: a
key read as the wrong kind may agree by chance. Here no two figures of a model are alike, each manner is written out as it is and
once with each of its figures wrong, and a wrong claim counts as found only where the row that is flagged or contradicted holds
the planted figure itself and may mean its kind; one that was read as another kind alone is neither found nor a right claim. What
is planted follows from the places of the file of wordings and from the models' configurations alone; nothing of what reads cards
is used. The models are drawn at random: only shapes are asked.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import forebear
from bench.build import machine
from bench.checkpoint import write_json
from bench.verify import MADE_UP, OF_BLOCKS, OF_MADE, wordings
from forebear.core.seeds import generator

KINDS = ("parameters", "layers", "width", "vocabulary", "dtype", *OF_BLOCKS, *OF_MADE)
"""Kinds that a figure or a word in a card may be wrong in."""
_LLAMA = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_act": "silu", "torch_dtype": "float16",
          "tie_word_embeddings": False, "rms_norm_eps": 1e-05}  # fmt: skip
CONFIGS: Mapping[str, Mapping[str, Any]] = {
    "dense": {**_LLAMA, "num_hidden_layers": 7, "hidden_size": 192,
              "num_attention_heads": 12, "num_key_value_heads": 3,
              "intermediate_size": 520, "vocab_size": 6000, "max_position_embeddings": 1024, "rope_theta": 500000.0},
    "plain": {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "activation_function": "gelu_new",
              "torch_dtype": "float16", "n_layer": 9,
              "n_embd": 160, "n_head": 5, "n_inner": 640, "vocab_size": 5000, "n_positions": 512,
              "layer_norm_epsilon": 1e-05, "tie_word_embeddings": True},
    "mixture": {**_LLAMA, "model_type": "mixtral", "architectures": ["MixtralForCausalLM"], "num_hidden_layers": 5,
                "hidden_size": 144, "num_attention_heads": 9, "num_key_value_heads": 3, "intermediate_size": 260,
                "vocab_size": 4000,
                "max_position_embeddings": 2048, "rope_theta": 1000000.0, "num_local_experts": 6, "num_experts_per_tok": 2},
}  # fmt: skip
"""The models; those with fewer query heads than the square of nothing are shaped as their families store them."""


@dataclass(frozen=True)
class Model:
    """A model on disk, and what is true of it."""

    folder: Path
    facts: Mapping[str, Any]


def shapes_of(config: Mapping[str, Any]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes of the tensors of a configuration."""
    if config["model_type"] == "gpt2":
        width, inner = config["n_embd"], config["n_inner"]
        yield from (("wte.weight", (config["vocab_size"], width)), ("wpe.weight", (config["n_positions"], width)))
        for at in range(config["n_layer"]):
            block = f"h.{at}."
            yield from ((f"{block}ln_{one}.{part}", (width,)) for one in (1, 2) for part in ("weight", "bias"))
            for name, shape in (("attn.c_attn", (width, 3 * width)), ("attn.c_proj", (width, width)),
                                ("mlp.c_fc", (width, inner)), ("mlp.c_proj", (inner, width))):  # fmt: skip
                yield from ((f"{block}{name}.weight", shape), (f"{block}{name}.bias", shape[1:]))
        yield from (("ln_f.weight", (width,)), ("ln_f.bias", (width,)))
        return
    width, inner, heads = config["hidden_size"], config["intermediate_size"], config["num_attention_heads"]
    keys = width // heads * config["num_key_value_heads"]
    yield from (("model.embed_tokens.weight", (config["vocab_size"], width)), ("lm_head.weight", (config["vocab_size"], width)))
    yield "model.norm.weight", (width,)
    for at in range(config["num_hidden_layers"]):
        block = f"model.layers.{at}."
        yield from ((f"{block}{one}_layernorm.weight", (width,)) for one in ("input", "post_attention"))
        for name, rows in (("q", width), ("k", keys), ("v", keys), ("o", width)):
            yield f"{block}self_attn.{name}_proj.weight", (rows, width)
        if "num_local_experts" in config:
            yield f"{block}block_sparse_moe.gate.weight", (config["num_local_experts"], width)
            for one in range(config["num_local_experts"]):
                expert = f"{block}block_sparse_moe.experts.{one}."
                yield from ((f"{expert}w1.weight", (inner, width)), (f"{expert}w3.weight", (inner, width)))
                yield f"{expert}w2.weight", (width, inner)
        else:
            yield from ((f"{block}mlp.{one}_proj.weight", (inner, width)) for one in ("gate", "up"))
            yield f"{block}mlp.down_proj.weight", (width, inner)


def built(name: str, folder: Path) -> Model:
    """A model of CONFIGS on disk, drawn at random."""
    from safetensors.numpy import save_file

    config, rng = CONFIGS[name], generator("bench/cards", name)
    folder.mkdir(parents=True)
    tensors = {key: (rng.standard_normal(shape) / 50).astype(np.float16) for key, shape in shapes_of(config)}
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    heads, width = (config.get(one, config.get(two)) for one, two in (("num_attention_heads", "n_head"), ("hidden_size", "n_embd")))
    facts = {
        "parameters": sum(tensor.size for tensor in tensors.values()),
        "layers": config.get("num_hidden_layers", config.get("n_layer")), "width": width, "vocabulary": config["vocab_size"],
        "dtype": "F16", "heads": heads, "kv_heads": config.get("num_key_value_heads", heads), "head_size": width // heads,
        "mlp_width": config.get("intermediate_size", config.get("n_inner")),
        "context": config.get("max_position_embeddings", config.get("n_positions")),
        "rope_base": int(config.get("rope_theta", 10_000)), "activation": "SiLU" if config.get("hidden_act") == "silu" else "GELU",
        "digest": hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest(),
        "parent": "north/base", "relation": "finetune", "licence": "apache-2.0",
    }  # fmt: skip
    if "num_local_experts" in config:
        facts |= {"experts": config["num_local_experts"], "experts_used": config["num_experts_per_tok"]}
    return Model(folder, facts)


def fits(text: str) -> str:
    """The model whose figures a manner can state."""
    if "{experts" in text:
        return "mixture"
    return "dense" if any("{" + one in text for one in ("kv_heads", "rope_base")) else ""


def wrong_value(kind: str, right: Any, rng: np.random.Generator) -> Any:
    """A wrong value of a kind: another word, or a figure half or several times as large."""
    if kind == "activation":
        return str(rng.choice([one for one in ("SiLU", "GELU", "ReLU") if one != right]))
    if kind == "dtype":
        return str(rng.choice(["F32", "BF16"]))
    # half of all parameters may be those without embedding and head, which a card may mean
    factor = float(rng.choice([1.6, 2.2, 3.0] if kind == "parameters" else [0.5, 1.5, 2.0, 3.0]))
    value = int(right * factor)
    return value + (value == right) if kind != "width" else value + int(rng.integers(1, 3))


def written(words: Mapping[str, Any], text: str, values: Mapping[str, Any], rng: np.random.Generator) -> tuple[str, dict[str, str]]:
    """The card, and how each value is written in it."""
    n = values["parameters"]
    said = {key: str(value) for key, value in values.items()}
    said["parameters"] = str(rng.choice(words["numbers"]["counts"])).format(n=n, m=f"{n / 1e6:.2f}")
    said["dtype"] = str(rng.choice(words["numbers"][f"types_{values['dtype']}"]))
    said["made"] = str(rng.choice(words["made"][values["relation"]]))
    said["licensed"] = str(rng.choice(words["licensed"][values["licence"]]))
    said |= {f"{key}_comma": f"{value:,}" for key, value in values.items() if isinstance(value, int)}
    said["tokenizer"] = str(rng.choice(MADE_UP))
    return text.lstrip("\n").format(**said), said


def looked_at(words: Mapping[str, Any], at: int, model: Model, wrong: str, scratch: Path) -> dict[str, Any]:
    """What `verify` makes of one manner, with a wrong claim of a kind or, for "", none."""
    text = str(words["cards"][at]["text"])
    rng = generator("bench/cards", f"{at}/{wrong}")
    values = {**model.facts, **({wrong: wrong_value(wrong, model.facts[wrong], rng)} if wrong else {})}
    card, said = written(words, text, values, rng)
    subject = scratch / f"card-{at}-{wrong or 'right'}"
    subject.mkdir()
    for name in ("model.safetensors", "config.json"):
        os.link(model.folder / name, subject / name)
    (subject / "README.md").write_text(card, "utf-8")
    document = forebear.verify(subject)
    planted = {said[key].strip("~") for key in (wrong, f"{wrong}_comma") if key in said}
    rows = [r for r in document["claims"] if r["source"]["file"] == "README.md" and r["kind"] != "direction"]
    kinds_of = [{r["kind"], *r.get("also", ())} for r in rows]
    lie = [r for r, kinds in zip(rows, kinds_of, strict=True) if wrong in kinds and any(one in r["stated"] for one in planted)]
    elsewhere = [r for r in rows if r not in lie and wrong and r["stated"].strip("~ ") in planted]
    right = [r for r in rows if r not in lie and r not in elsewhere]
    mark = "contradicted"
    return {
        "manner": at, "model": model.folder.name, "wrong": wrong, "planted": said.get(wrong, ""),
        "found": any(r["outcome"] == mark or r["flagged"] for r in lie), "contradicted": any(r["outcome"] == mark for r in lie),
        "read": len(lie), "elsewhere": [[r["kind"], r["stated"], r["outcome"], r["flagged"]] for r in elsewhere],
         "right": dict(Counter(r["outcome"] for r in right)),
        "right_flagged": [[r["kind"], r["stated"], r["source"]["line"]] for r in right if r["flagged"]],
        "accused": [[r["kind"], r["stated"], r["source"]["line"]] for r in right if r["outcome"] == mark],
    }  # fmt: skip


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line a kind, and one for all."""
    lines = []
    for kind in (*KINDS, "all"):
        wrong = [row for row in rows if row["wrong"] == kind or (kind == "all" and row["wrong"])]
        if wrong:
            lines.append({"kind": kind, "wrong": len(wrong), "found": sum(row["found"] for row in wrong),
                          "contradicted": sum(row["contradicted"] for row in wrong)})  # fmt: skip
    lines[-1] |= {
        "right_claims": sum(sum(row["right"].values()) for row in rows),
        "right_contradicted": sum(len(row["accused"]) for row in rows),
        "right_flagged": sum(len(row["right_flagged"]) for row in rows),
        "right_flagged_of_right_cards": sum(len(row["right_flagged"]) for row in rows if not row["wrong"]),
    }  # fmt: skip
    return lines


def main() -> None:
    """All manners of a file, one document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words", required=True, help="of the wordings of that name beside bench/verify.py")
    parser.add_argument("--commit", required=True, help="of the code that runs")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    words, rows = wordings(options.words), []
    with TemporaryDirectory() as folder:
        models = {name: built(name, Path(folder) / name) for name in CONFIGS}
        for at, manner in enumerate(words["cards"]):
            model = models[fits(manner["text"]) or ("dense", "plain")[at % 2]]
            kinds = [kind for kind in KINDS if "{" + kind + "}" in manner["text"] or "{" + kind + "_comma}" in manner["text"]]
            for wrong in ("", *kinds):
                rows.append(looked_at(words, at, model, wrong, Path(folder)))
                row = rows[-1]
                if wrong and not row["found"]:
                    print("missed", at, wrong, row["planted"], "read" if row["read"] else "unread", file=sys.stderr, flush=True)
                for one in row["accused"] if wrong else row["accused"] + row["right_flagged"]:
                    print("right claim looked at", at, wrong, one, file=sys.stderr, flush=True)
    table = summary(rows)
    head = {"schema": "forebear-bench/cards/1", "commit": options.commit, "words": options.words, "machine": machine()}
    write_json(options.output, {**head, "table": table, "rows": rows})
    for line in table:
        print(line)


if __name__ == "__main__":
    main()
