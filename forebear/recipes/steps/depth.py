"""Operations on the stack of layers: inserted (copied, identity, new) and dropped."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forebear.recipes.steps.draft import Draft, draw_like
from forebear.recipes.steps.families import every
from forebear.recipes.steps.layout import setting, setting_key
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.step import Step, require

PER_LAYER = ("layer_types", "no_rope_layers", "attention_layers")
"""Configuration keys that may list something of every layer."""


def places(count: int, layers: int, where: str | Sequence[int]) -> list[int]:
    """Which of a stack's layers an operation of `count` layers concerns.

    where: "spread" (evenly), "middle", "end", "start", or the layers themselves (then `count` is their number).
    Raises: RefusedError for another word, or a layer that is not there.
    """
    if not isinstance(where, str):
        chosen = [int(layer) for layer in where]
        require(all(0 <= layer < layers for layer in chosen), f"layers {chosen} are not all within 0..{layers - 1}")
        return chosen
    require(count >= 1, f"{count} layers is no number of layers to insert or drop")
    if where == "spread":
        return [int(i) for i in np.floor((np.arange(count) + 0.5) * layers / count)]
    starts = {"start": 0, "middle": max(0, (layers - count) // 2), "end": max(0, layers - count)}
    require(where in starts, f"no place is called {where!r}", todo="Say spread, start, middle, end, or layer numbers.")
    return [min(starts[where] + i, layers - 1) for i in range(count)]


def restack(draft: Draft, sources: Sequence[int]) -> None:
    """Make the stack of the named source layers, in order; repeats are copies. The configuration follows.

    Raises: RefusedError when the family alternates dense and routed layers by a rule that cannot be renumbered.
    """
    parts = draft.parts
    require(len(sources) > 0, "a model keeps at least one layer")
    sparse = int(draft.config.get("decoder_sparse_step", 1) or 1)
    require(sparse == 1, f"layers cannot be renumbered when every {sparse}th is routed")
    stack = {name: array for name, array in draft.arrays.items() if name.startswith(parts.prefix)}
    starts = [layer.prefix for layer in parts.layers]
    blocks = [[name for name in stack if name.startswith(start)] for start in starts]
    tags = dict(draft.dtypes)
    for name in {name for block in blocks for name in block}:
        del draft.arrays[name]
        draft.dtypes.pop(name, None)
    for index, source in enumerate(sources):
        start = parts.prefix + parts.family.layer.format(index)
        for name in blocks[source]:
            new = start + name[len(starts[source]) :]
            draft.arrays[new] = stack[name]
            if name in tags:
                draft.dtypes[new] = tags[name]
    draft.config[setting_key(draft.config, "layers")] = len(sources)
    _renumber_lists(draft, sources)
    if draft.config.get("mlp_only_layers"):
        dense = set(draft.config["mlp_only_layers"])
        draft.config["mlp_only_layers"] = [index for index, source in enumerate(sources) if source in dense]
    if int(draft.config.get("max_window_layers") or 0) == len(parts.layers):
        draft.config["max_window_layers"] = len(sources)
    draft.reread()


def _renumber_lists(draft: Draft, sources: Sequence[int]) -> None:
    """Settings with one entry per layer follow the layers."""
    config, before = draft.config, len(draft.parts.layers)
    for key in PER_LAYER:
        listed = config.get(key)
        if isinstance(listed, list) and len(listed) == before:
            config[key] = [listed[source] for source in sources]
    if config.get("attention_types"):  # [[kinds, times], ...]: the kinds, so many times over
        kinds = [kind for listed, times in config["attention_types"] for _ in range(times) for kind in listed]
        config["attention_types"] = [[[kinds[source] for source in sources], 1]]


def insert_layers(
    model: Model, rng: np.random.Generator, count: int = 2, kind: str = "copy", where: str | Sequence[int] = "spread"
) -> Model:
    """Insert layers, each right after the layer it is placed by: 80 → 82 is count 2.

    kind:  "copy" (of the layer it follows), "identity" (a copy whose output maps are zero: outputs are kept),
           "new" (drawn as at initialisation, gains one).
    where: see `places`.
    Raises: RefusedError for another kind, or identity layers where norms stand in the residual (BERT).
    Source: METHODS §12 (layers inserted).
    """
    require(
        kind in ("copy", "identity", "new"), f"no kind of layer is called {kind!r}", todo="Say copy, identity or new."
    )
    draft = Draft(model)
    require(kind != "identity" or draft.parts.family.pre_norm, "a post-norm layer is never the identity")
    after = sorted(places(count, len(draft.parts.layers), where))
    sources: list[int] = []
    fresh: list[int] = []
    for source in range(len(draft.parts.layers)):
        sources.append(source)
        for _ in range(after.count(source)):
            fresh.append(len(sources))
            sources.append(source)
    restack(draft, sources)
    for index in fresh:
        if kind == "identity":
            _silence(draft, index)
        elif kind == "new":
            _redraw(draft, index, rng)
    return draft.finish()


def _silence(draft: Draft, index: int) -> None:
    """Zero what a layer writes to the residual, biases included."""
    for writer in draft.parts.layers[index].writers:
        for name in (writer.weight, writer.bias):
            if name:
                draft.arrays[name] = np.zeros_like(draft.arrays[name])


def _redraw(draft: Draft, index: int, rng: np.random.Generator) -> None:
    """Initial values for a layer: matrices drawn, gains one, biases zero."""
    for name in sorted(n for n in draft.arrays if n.startswith(draft.parts.layers[index].prefix)):
        old = draft.arrays[name]
        if old.ndim >= 2:
            draft.set_vector(name, draw_like(draft.config, rng, old.shape))
        elif name.endswith("weight"):
            draft.set_vector(name, np.ones(old.shape))
        else:
            draft.set_vector(name, np.zeros(old.shape))


def drop_layers(model: Model, rng: np.random.Generator, count: int = 1, where: str | Sequence[int] = "spread") -> Model:
    """Drop layers; the others keep their values bit for bit.

    count, where: how many and which; see `places`.
    Raises: RefusedError when nothing would be left.
    Source: METHODS §12 (layers dropped).
    """
    draft = Draft(model)
    layers = int(setting(draft.config, "layers"))
    dropped = set(places(count, layers, where))
    restack(draft, [layer for layer in range(layers) if layer not in dropped])
    return draft.finish()


STEPS = (
    Step(
        "layers-inserted", insert_layers, "operation", every, "METHODS §12",
        "Layers are inserted: copies, identities or new ones.", keeps="kind is identity",
    ),
    Step(
        "layers-dropped", drop_layers, "operation", every, "METHODS §12",
        "Layers are dropped; the others keep their values.",
    ),
)  # fmt: skip
