"""Operations with other models or extra matrices: merged, frozen parts, low-rank updates, side modules."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

import numpy as np

from forebear.core.errors import printable
from forebear.recipes.steps.draft import Draft, draw_like
from forebear.recipes.steps.families import every
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.step import Step, require
from forebear.recipes.steps.storage import Array


def merge(
    model: Model, rng: np.random.Generator, others: Sequence[Model], weights: Sequence[float], tensors: str = "*"
) -> Model:
    """Weighted sum with other models of the same names and shapes, summed in float64.

    weights: one per model, this one first; they need not add to one. tensors: pattern of names; others stay this model's.
    Raises: RefusedError for another number of weights, or names or shapes that differ.
    Source: METHODS §12 (merged from several parents).
    """
    require(len(weights) == 1 + len(others) > 1, f"{len(weights)} weights for {1 + len(others)} models")
    draft = Draft(model)
    own = {name: array.shape for name, array in draft.arrays.items()}
    for other in others:
        differ = set(own.items()) ^ {(name, array.shape) for name, array in Draft(other).arrays.items()}
        require(not differ, f"{len(differ)} names or shapes differ", where=printable(min(map(str, differ), default="")))
    for name in [name for name in own if fnmatchcase(name, tensors)]:
        if np.issubdtype(draft.arrays[name].dtype, np.floating):
            parts = [model.arrays[name], *(other.arrays[name] for other in others)]
            total = sum(float(w) * part.astype(np.float64) for w, part in zip(weights, parts, strict=True))
            draft.set_vector(name, np.asarray(total))
    return draft.finish()


def restore(model: Model, rng: np.random.Generator, base: Model, tensors: str = "*embed*") -> Model:
    """Put another model's tensors back bit for bit: what freezing them during training leaves.

    tensors: pattern of names.
    Raises: RefusedError when the pattern names nothing, or a tensor the base does not have in that shape.
    Source: METHODS §12 (frozen tensors, bitwise).
    """
    draft = Draft(model)
    chosen = [name for name in draft.arrays if fnmatchcase(name, tensors)]
    require(bool(chosen), f"no tensor is called {tensors}")
    for name in chosen:
        found = base.arrays.get(name)
        require(
            found is not None and found.shape == draft.arrays[name].shape, "the base has no such tensor", where=name
        )
        draft.arrays[name] = np.array(found)
    return draft.finish()


def add_low_rank(model: Model, rng: np.random.Generator, rank: int = 4, size: float = 0.05, parts: str = "qv") -> Model:
    """W → W + B A with random B (out, rank), A (rank, in): a low-rank update merged into the weights.

    size:  Frobenius norm of the update as a share of W's.
    parts: letters of the maps concerned: q, k, v, o, g(ate), u(p), d(own).
    Raises: RefusedError for another letter, or a rank above a matrix's.
    Source: METHODS §12 (low-rank update merged).
    """
    require(bool(parts) and set(parts) <= set("qkvogud"), f"maps {parts!r} are not among qkvogud")
    draft = Draft(model)
    for layer in draft.parts.layers:
        maps = [(letter, {"q": layer.q, "k": layer.k, "v": layer.v, "o": layer.o}[letter]) for letter in "qkvo"]
        for mlp in layer.branches:
            maps += [("u", mlp.up), ("d", mlp.down), *([("g", mlp.gate)] if mlp.gate else [])]
        for linear in (linear for letter, linear in maps if letter in parts):
            weight = draft.weight(linear)
            require(0 < rank <= min(weight.shape), f"a rank of {rank} is not within {weight.shape}")
            change = rng.standard_normal((weight.shape[0], rank)) @ rng.standard_normal((rank, weight.shape[1]))
            draft.set_weight(linear, weight + change * (size * np.linalg.norm(weight) / np.linalg.norm(change)))
    return draft.finish()


def add_side_modules(
    model: Model, rng: np.random.Generator, kind: str = "branch", rank: int = 8, layers: Sequence[int] | None = None,
    silent: bool = True,
) -> Model:  # fmt: skip
    """Give layers extra matrices beside what the published architecture has.

    kind:   "branch" (a parallel low-rank MLP: side_down (rank, d), side_up (d, rank)), "shortcut" (a map from the layer's
            input to its output: shortcut (d, d)), "activation" (a map of the neurons inside the activation: (f, f)).
    silent: what the new module writes begins at zero (the activation's map at the identity); else it is drawn.
    layers: which; None all. The configuration lists them under `side_modules`: public loaders ignore these tensors, and
            the outputs they compute stay as they were.
    Raises: RefusedError for another kind or a layer that is not there.
    Source: METHODS §12 (side modules added).
    """
    require(kind in ("branch", "shortcut", "activation"), f"no side module is called {kind!r}")
    draft = Draft(model)
    count, width = len(draft.parts.layers), draft.parts.width
    chosen = list(range(count)) if layers is None else [int(layer) for layer in layers]
    require(all(0 <= layer < count for layer in chosen), f"layers {chosen} are not all within 0..{count - 1}")
    for layer in (draft.parts.layers[index] for index in chosen):
        neurons = draft.weight(layer.mlps[0].up).shape[0]
        made: dict[str, Array]
        if kind == "branch":
            made = {"side_down": draw_like(draft.config, rng, (rank, width)), "side_up": np.zeros((width, rank))}
        elif kind == "shortcut":
            made = {"shortcut": np.zeros((width, width))}
        else:
            made = {"activation_map": np.eye(neurons)}
        last = list(made)[-1]
        if not silent:
            made[last] = made[last] + draw_like(draft.config, rng, made[last].shape)
        for name, values in made.items():
            draft.arrays[f"{layer.prefix}{name}.weight"] = values.astype(np.float32)
    said = {"kind": kind, "layers": chosen, **({"rank": rank} if kind == "branch" else {})}
    draft.config["side_modules"] = [*draft.config.get("side_modules", []), said]
    return draft.finish()


STEPS = (
    Step(
        "merged", merge, "operation", every, "METHODS §12",
        "The weights become a weighted sum with other models'.",
    ),
    Step(
        "frozen-restored", restore, "operation", every, "METHODS §12",
        "Some tensors are another model's, bit for bit, as if they had been frozen.",
    ),
    Step(
        "low-rank-merged", add_low_rank, "operation", every, "METHODS §12",
        "A low-rank update is merged into the weights.",
    ),
    Step(
        "side-modules-added", add_side_modules, "operation", every, "METHODS §12",
        "Layers get extra matrices: parallel branches, shortcuts, activations with a map of their own.",
        keeps="the loader ignores them, or silent",
    ),
)  # fmt: skip
