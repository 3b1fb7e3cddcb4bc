"""Operations that change the kind of architecture: biases dropped or added, LayerNorm → RMSNorm, positions → RoPE."""

from __future__ import annotations

from typing import Any

import numpy as np

from forebear.recipes.steps.draft import Draft
from forebear.recipes.steps.families import biases_can_come, biases_can_go, hosted, known, own_key
from forebear.recipes.steps.layout import Linear, setting, setting_key, spread
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.norms import fold_gains
from forebear.recipes.steps.step import Step, require


def _flags(draft: Draft) -> tuple[bool, bool]:
    """(attention maps have biases, MLP maps have biases)."""
    layer = draft.parts.layers[0]
    return bool(layer.q.bias), bool(layer.mlps[0].up.bias)


def drop_biases(model: Model, rng: np.random.Generator) -> Model:
    """Remove the biases of every linear map inside the layers; norms keep theirs. A family that
    always has some becomes one that may have none.

    Raises: RefusedError when there are none.
    Source: METHODS §12 (biases dropped).
    """
    draft = Draft(model)
    require(any(_flags(draft)), "there are no biases to drop")
    for layer in draft.parts.layers:
        inner = [linear for mlp in layer.branches for linear in (*mlp.inward, mlp.down)]
        for linear in (layer.q, layer.k, layer.v, layer.o, *inner):
            draft.arrays.pop(linear.bias, None)
    kind = draft.parts.family.rule.becomes.get("biases-dropped", draft.parts.kind)
    require(not draft.config.get("use_sliding_window"), f"{kind} has no sliding window")
    if kind != draft.parts.kind:
        draft.become(kind, head_dim=draft.parts.head_dim)
    draft.config.update(dict.fromkeys(known(kind).rule.biases.values(), False))
    draft.reread()
    return draft.finish()


def add_biases(model: Model, rng: np.random.Generator, size: float = 0.0, where: str = "all") -> Model:
    """Give linear maps inside the layers biases, zero or drawn.

    size:  standard deviation; 0 keeps the outputs. where: "attention", "mlp" or "all" the family may have.
    Raises: RefusedError where the family has no place for them or they are there already.
    Source: METHODS §12 (biases added).
    """
    require(where in ("attention", "mlp", "all") and size >= 0, f"no biases of size {size} for {where!r}")
    draft = Draft(model)
    keys = draft.parts.family.rule.biases
    has_mlp = "mlp" in keys
    require(where != "mlp" or has_mlp, f"{draft.parts.kind} has no MLP biases")
    attention, mlp = _flags(draft)
    wanted_attention = where in ("attention", "all") and not attention
    wanted_mlp = where in ("mlp", "all") and has_mlp and not mlp
    require(wanted_attention or wanted_mlp, "the biases are there already")
    for layer in draft.parts.layers:
        inner = [linear for found in layer.branches for linear in (*found.inward, found.down)]
        chosen: list[Linear] = [layer.q, layer.k, layer.v, layer.o] if wanted_attention else []
        for linear in (*chosen, *(inner if wanted_mlp else [])):
            values = np.asarray(rng.standard_normal(draft.weight(linear).shape[0]) * size)
            draft.arrays[linear.weight.removesuffix("weight") + "bias"] = values.astype(np.float32)
    wanted = {"attention": wanted_attention, "mlp": wanted_mlp}
    draft.config.update({key: True for place, key in keys.items() if wanted[place]})
    draft.reread()
    return draft.finish()


def to_rms_norm(model: Model, rng: np.random.Generator, exact: bool = True) -> Model:
    """LayerNorm → RMSNorm, in the family that hosts the result. A tied head is untied.

    exact: fold mean subtraction into the maps that write (and E), norms' biases into those that read; only the final
           norm's bias is lost, which shifts all logits of the model by one constant vector. Otherwise means and biases
           are simply dropped and gains kept.
    Raises: RefusedError when some reader has no bias to take a norm's (exact), or has no RMSNorm family (others).
    Source: METHODS §12 (LayerNorm→RMSNorm), §9 (1); the folding as in SliceGPT (Ashkboos et al. 2024).
    """
    draft = Draft(model)
    draft.refuse_unknown()
    attention, mlp = _flags(draft)
    if exact:
        require(attention and mlp, "norms' biases have nowhere to go", todo="Add biases first, or say exact=False.")
        draft.untie()
        fold_gains(draft)
        _centre(draft)
    for norm, _ in draft.parts.read_through():
        draft.arrays.pop(norm.bias, None)
    source, kind = draft.parts, draft.parts.family.becomes("layernorm-to-rmsnorm")
    family = known(kind)
    for layer in source.layers:
        for old, new in ((layer.mlps[0].up, family.up), (layer.mlps[0].down, family.down)):
            for name, end in ((old.weight, "weight"), (old.bias, "bias")):
                if name:
                    draft.arrays[f"{layer.prefix}{new}.{end}"] = draft.arrays.pop(name)
    eps = float(setting(draft.config, "eps"))
    gone: dict[str, Any] = dict.fromkeys((setting_key(draft.config, "eps"), *source.family.rule.biases.values()))
    flags = {family.rule.biases["attention"]: attention, family.rule.biases["mlp"]: mlp}
    draft.become(kind, **{**gone, own_key(kind, "eps"): eps, "head_dim": source.head_dim, **flags})
    draft.reread()
    return draft.finish()


def _centre(draft: Draft) -> None:
    """Take the mean over channels out of everything written to the residual."""
    parts = draft.parts
    for name in (parts.embedding, *parts.tables):
        values = draft.arrays[name]
        draft.set_vector(name, values - values.mean(axis=-1, keepdims=True, dtype=np.float64))
    for layer in parts.layers:
        for writer in layer.writers:
            weight = draft.weight(writer)
            draft.set_weight(writer, weight - weight.mean(axis=0, keepdims=True, dtype=np.float64))
            bias = draft.bias(writer)
            if bias is not None:
                draft.set_bias(writer, bias - bias.mean(dtype=np.float64))


def to_rotary(model: Model, rng: np.random.Generator, theta: float = 10000.0, keep_mean: bool = False) -> Model:
    """Learned positions → RoPE, in the family that hosts the result. Every other value stays, matrices are split (out, in).

    theta:     base of the rotary frequencies.
    keep_mean: add the mean position row to every token row (the head is untied first).
    Source: METHODS §12 (absolute positions→RoPE).
    """
    draft = Draft(model)
    if keep_mean:
        draft.untie()
    draft.refuse_unknown()
    plain = draft.config.get("scale_attn_weights", True) and not draft.config.get("scale_attn_by_inverse_layer_idx")
    source, made = draft.parts, draft.arrays
    kind = source.family.becomes("positions-to-rotary")
    target = known(kind)
    require(bool(plain), f"{kind} always scales its scores by the head's size")
    require(source.head_dim % 2 == 0, f"a head of {source.head_dim} dimensions has no rotary pairs")
    table = made.pop(source.tables[0])
    if keep_mean:
        made[source.embedding] = (made[source.embedding] + table.mean(axis=0, dtype=np.float64)).astype(np.float32)
    first = target.prefixes[0]
    renamed = {first + target.embedding: made[source.embedding]}
    if source.head:
        renamed[f"{target.head}.weight"] = made[source.head.weight]
    norms = [(source.final_norm, first + target.final_norm)]
    for layer in source.layers:
        start = first + target.layer.format(layer.index)
        norms += [(layer.attention_norm, start + target.attention_norm), (layer.mlp_norm, start + target.mlp_norm)]
        maps = ((layer.q, target.q), (layer.k, target.k), (layer.v, target.v), (layer.o, target.o),
                (layer.mlps[0].up, target.up), (layer.mlps[0].down, target.down))  # fmt: skip
        for linear, name in maps:
            renamed[f"{start}{name}.weight"] = np.ascontiguousarray(draft.weight(linear))
            bias = draft.bias(linear)
            if bias is not None:
                renamed[f"{start}{name}.bias"] = np.array(bias)
    for norm, name in norms:
        if norm:
            renamed[f"{name}.weight"], renamed[f"{name}.bias"] = made[norm.gain], made[norm.bias]
    draft.arrays = renamed
    _configure_rotary(draft, kind, theta)
    return draft.finish()


def _configure_rotary(draft: Draft, kind: str, theta: float) -> None:
    """The host family's configuration, from the source's."""
    old, parts = dict(draft.config), draft.parts
    special = {key: value for key, value in old.items() if key.endswith("_token_id")}
    target = known(kind)
    first = target.prefixes[0]
    up = draft.arrays[f"{first}{target.layer.format(0)}{target.up}.weight"]
    sizes = {
        "width": parts.width, "neurons": int(up.shape[0]), "layers": len(parts.layers), "heads": parts.heads,
        "kv_heads": parts.heads, "activation": setting(old, "activation"), "eps": float(setting(old, "eps")),
        "positions": int(setting(old, "positions")),
    }  # fmt: skip
    named = {own_key(kind, what): value for what, value in sizes.items()}
    biased = dict.fromkeys(target.rule.biases.values(), True)
    draft.config = {
        **named, **biased, "vocab_size": int(draft.arrays[first + target.embedding].shape[0]), "rope_theta": theta,
        "tie_word_embeddings": draft.tied, target.init_key: spread(old), **special,
    }  # fmt: skip
    draft.become(kind)
    draft.config["sliding_window"] = None
    draft.reread()


STEPS = (
    Step(
        "biases-dropped", drop_biases, "operation", biases_can_go, "METHODS §12",
        "The biases of the maps inside the layers are removed.",
    ),
    Step(
        "biases-added", add_biases, "operation", biases_can_come, "METHODS §12",
        "The maps inside the layers get biases.", keeps="size is 0",
    ),
    Step(
        "layernorm-to-rmsnorm", to_rms_norm, "operation", hosted("layernorm-to-rmsnorm"), "METHODS §9, §12",
        "LayerNorm becomes RMSNorm, and the family one that has it.",
        keeps="exact, up to one constant vector of logits: the head times the final norm's bias",
    ),
    Step(
        "positions-to-rotary", to_rotary, "operation", hosted("positions-to-rotary"), "METHODS §12",
        "Learned positions give way to rotary ones, and the family to one that has them.",
    ),
)  # fmt: skip
