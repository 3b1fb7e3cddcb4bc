"""A GGUF file as the published checkpoint: names, configuration, rearranged rows put back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import printable
from forebear.core.messages import Message, message
from forebear.files.base import Container, TensorEntry
from forebear.files.formats.gguf_header import GgufArray, Scalar
from forebear.files.view import Look, View
from forebear.models.published.gguf_names import GgufNames, gguf_names

_LAYER = re.compile(r"blk\.(0|[1-9]\d{0,5})\.([a-z0-9_]+?)(?:\.(\d{1,5}))?(?:\.(weight|bias))?")
_TOP = re.compile(r"([a-z0-9_]+)\.(weight|bias)")
_MAX_EXPERTS = 4096
Values = Mapping[str, Scalar | GgufArray]


def published(container: Container, values: Values) -> tuple[Container, dict[str, Any], list[Message]]:
    """The container under published names, its configuration, and what is to be said about both.

    Tensors no table knows keep their GGUF names. An architecture without a table is left as it is, with no
    configuration: then no axis holds.
    """
    stated = str(values.get("general.architecture", ""))
    experts = gguf_names(f"{stated}+experts") if _whole(values, f"{stated}.expert_count") else None
    names = experts or gguf_names(stated)
    if names is None:
        return container, {}, [message("opening.gguf_unknown", architecture=printable(stated, 60))]
    config = _config(container, values, stated, names)
    looks: dict[str, Look] = {}
    kept = 0
    for source, entry in container.tensors.items():
        for name, look in _looks(source, entry, names, config):
            if name in looks:
                name, look = source, Look(source)
            kept += name == source
            looks[name] = look
    return View(container, looks), config, _said(names, kept, stated)


def _said(names: GgufNames, kept: int, stated: str) -> list[Message]:
    said = [message("opening.gguf", stated=printable(stated, 60), kind=names.rule.model_type)]
    if names.rule.rotated:
        said.append(message("opening.gguf_rotated"))
    if names.rule.threefold:
        said.append(message("opening.gguf_threefold"))
    if names.rule.shifted:
        said.append(message("opening.gguf_shifted"))
    if names.rule.transposed:
        said.append(message("opening.gguf_transposed"))
    if kept:
        said.append(message("opening.gguf_kept", count=kept))
    return said


def _looks(source: str, entry: TensorEntry, names: GgufNames, config: dict[str, Any]) -> list[tuple[str, Look]]:
    """Published names of one tensor (several for a stack of experts) and how each is read."""
    found = _LAYER.fullmatch(source)
    if found is None:
        top = _TOP.fullmatch(source)
        stem = names.top.get(top[1]) if top is not None else None
        if top is None or stem is None:
            return [(source, Look(source))]
        return [(f"{stem}.{top[2]}", Look(source, shift=_shift(names, top[1], top[2])))]
    layer, stem, expert, kind = found[1], found[2], found[3], found[4]
    target = names.layer.get(stem if expert is None else f"{stem}_exps")
    if target is None:
        return [(source, Look(source))]
    base = f"{names.start}{layer}.{target}" + (f".{kind}" if kind else "")
    if "{expert}" in target:
        if expert is not None:  # files from before experts were stacked
            return [(base.replace("{expert}", expert), Look(source))]
        if len(entry.shape) != 3 or not entry.parameters or entry.shape[0] > _MAX_EXPERTS:
            return [(source, Look(source))]
        return [(base.replace("{expert}", str(e)), Look(source, slot=e)) for e in range(entry.shape[0])]
    return [(base, _layer_look(source, entry, names, stem, kind, config))]


def _layer_look(
    source: str, entry: TensorEntry, names: GgufNames, stem: str, kind: str, config: dict[str, Any]
) -> Look:
    if stem in names.rule.rotated:
        return Look(source, rows=_unpaired(entry.shape[0], _heads(config, stem)) if entry.shape else None)
    if stem in names.rule.threefold:
        return Look(source, rows=_by_head(entry.shape[0], _heads(config, "attn_q")) if entry.shape else None)
    if stem in names.rule.transposed and kind == "weight" and len(entry.shape) == 2:
        return Look(source, transposed=True)
    if stem == "ssm_conv1d" and kind == "weight" and len(entry.shape) == 2:  # the axis of size one is left out
        return Look(source, shape=(entry.shape[0], 1, entry.shape[1]))
    if stem == "ffn_gate_inp_shexp" and len(entry.shape) == 1:
        return Look(source, shape=(1, *entry.shape))
    return Look(source, shift=_shift(names, stem, kind))


def _shift(names: GgufNames, stem: str, kind: str) -> float:
    return -1.0 if names.rule.shifted and stem.endswith("_norm") and kind == "weight" else 0.0


def _heads(config: dict[str, Any], stem: str) -> int:
    heads = config.get("num_attention_heads", 0)
    heads = config.get("num_key_value_heads", heads) if stem == "attn_k" else heads
    return heads if isinstance(heads, int) else 0


def _unpaired(rows: int, heads: int) -> NDArray[np.intp] | None:
    """Where each published row of q or k stands in the file, shape (rows,); None when heads do not divide rows.

    Published (head, half, place) is stored as (head, place, half): llama.cpp rotates neighbours, the published models
    rotate halves. Source: llama.cpp, conversion/llama.py, `permute`.
    """
    if not heads or rows % (2 * heads):
        return None
    stored = np.arange(rows, dtype=np.intp).reshape(heads, rows // heads // 2, 2)
    return stored.swapaxes(1, 2).reshape(-1)


def _by_head(rows: int, heads: int) -> NDArray[np.intp] | None:
    """Where each published row (head, q/k/v, place) stands in a file ordered (q/k/v, head, place)."""
    if not heads or rows % (3 * heads):
        return None
    return np.arange(rows, dtype=np.intp).reshape(3, heads, rows // heads // 3).swapaxes(0, 1).reshape(-1)


def _whole(values: Values, key: str) -> int:
    found = values.get(key)
    if isinstance(found, GgufArray):  # per layer; one number stands for all when they agree; 0 where a layer has none
        built = set(found.build()) - {0} if found.items <= 10_000 else set()
        found = built.pop() if len(built) == 1 else None
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 < found < 2**40 else 0


def _config(container: Container, values: Values, stated: str, names: GgufNames) -> dict[str, Any]:
    """Configuration keys the metadata answers; the vocabulary's size is that of the embedding."""
    config: dict[str, Any] = {"model_type": names.rule.model_type, **names.rule.settings}
    for key, published_key in names.keys.items():
        full = f"{stated}.{key}"
        value = values.get(full)
        if isinstance(value, float):
            config[published_key] = value
        elif number := _whole(values, full):
            config[published_key] = number
    embedding = container.tensors.get("token_embd.weight")
    if embedding is not None and len(embedding.shape) == 2:
        config["vocab_size"] = embedding.shape[0]
    if "output" in names.top:
        config["tie_word_embeddings"] = "output.weight" not in container.tensors
    if isinstance(name := values.get("general.name"), str) and name:
        config["_name_or_path"] = name
    return config
