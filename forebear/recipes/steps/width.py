"""Operations on sizes: MLPs widened and narrowed, the residual stream grown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from forebear.recipes.steps.draft import Draft, draw_like
from forebear.recipes.steps.families import dense, pre_norm
from forebear.recipes.steps.heads import grow_fused_heads
from forebear.recipes.steps.layout import Linear, Mlp, Norm, setting, setting_key
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.neurons import neurons_of, take_neurons
from forebear.recipes.steps.step import Step, require
from forebear.recipes.steps.storage import Array


def widen_mlp(
    model: Model, rng: np.random.Generator, factor: float = 1.5, kind: str = "append", silent: bool = False,
    neurons: int | None = None,
) -> Model:  # fmt: skip
    """Give every MLP more neurons.

    factor, neurons: the new number, as a multiple or outright.
    kind:   "append" (new ones after the old), "interleave" (new ones spread between them), "duplicate" (old ones once
            more, appended, each copy's down column shared out so that outputs are kept).
    silent: new neurons get zero down columns, so that outputs are kept; otherwise they are drawn as at initialisation.
    Raises: RefusedError unless the MLP grows.
    Source: METHODS §12 (MLP widened: appended, interleaved, duplicated).
    """
    draft = Draft(model)
    draft.refuse_unknown()
    old = neurons_of(draft, draft.parts.layers[0].mlps[0])
    new = round(old * factor) if neurons is None else neurons
    require(new > old, f"{new} neurons are not more than {old}")
    require(kind in ("append", "interleave", "duplicate"), f"no way of widening is called {kind!r}")
    for layer in draft.parts.layers:
        for mlp in layer.branches:
            if kind == "duplicate":
                order = np.arange(new) % old
                take_neurons(draft, mlp, order)
                shares = np.bincount(order, minlength=old)[order]
                draft.set_weight(mlp.down, draft.weight(mlp.down) / shares)
            else:
                _add_drawn(draft, mlp, _new_places(old, new, kind), rng, silent)
    draft.config[setting_key(draft.config, "neurons")] = new
    return draft.finish()


def _new_places(old: int, new: int, kind: str) -> Array:
    """For each neuron of the result its source, -1 for a new one. Shapes: (new,)."""
    sources = np.full(new, -1, dtype=np.intp)
    kept = np.arange(old) if kind == "append" else np.floor(np.arange(old) * new / old).astype(np.intp)
    sources[kept] = np.arange(old)
    return sources


def _add_drawn(draft: Draft, mlp: Mlp, sources: Array, rng: np.random.Generator, silent: bool) -> None:
    """Neurons from their sources, drawn ones where the source is -1."""
    fresh = np.flatnonzero(sources < 0)
    take_neurons(draft, mlp, np.maximum(sources, 0))
    for linear in mlp.inward:
        weight = np.array(draft.weight(linear))
        weight[fresh] = draw_like(draft.config, rng, weight[fresh].shape)
        draft.set_weight(linear, weight)
        bias = draft.bias(linear)
        if bias is not None:
            draft.set_bias(linear, np.where(sources < 0, 0, bias))
    down = np.array(draft.weight(mlp.down))
    down[:, fresh] = 0 if silent else draw_like(draft.config, rng, (down.shape[0], fresh.size))
    draft.set_weight(mlp.down, down)


def narrow_mlp(model: Model, rng: np.random.Generator, share: float = 0.5, by: str = "norm") -> Model:
    """Keep a share of every MLP's neurons, in their old order.

    by: "norm" (largest product of the lengths of up row, down column and, where there is one, gate row), "random" or "first".
    Raises: RefusedError unless 0 < share < 1 keeps at least one.
    Source: METHODS §12 (pruned), §10 (injective alignments).
    """
    require(by in ("norm", "random", "first"), f"neurons are not kept by {by!r}", todo="Say norm, random or first.")
    draft = Draft(model)
    draft.refuse_unknown()
    old = neurons_of(draft, draft.parts.layers[0].mlps[0])
    new = round(old * share)
    require(0 < new < old, f"a share of {share} keeps {new} of {old} neurons")
    for layer in draft.parts.layers:
        for mlp in layer.branches:
            sizes = np.linalg.norm(draft.weight(mlp.down), axis=0)
            for linear in mlp.inward:
                sizes = sizes * np.linalg.norm(draft.weight(linear), axis=1)
            if by == "norm":
                ranked = np.argsort(-sizes, kind="stable")
            else:
                ranked = rng.permutation(old) if by == "random" else np.arange(old)
            take_neurons(draft, mlp, np.sort(ranked[:new]))
    draft.config[setting_key(draft.config, "neurons")] = new
    return draft.finish()


def grow_width(
    model: Model, rng: np.random.Generator, factor: float = 2.0, kind: str = "zeros", noise: float = 0.0
) -> Model:
    """Widen the residual stream; neurons stay as many, and heads too but in GPT-2, whose width is that of its heads.

    factor: the new width is the multiple of the number of heads nearest to it times the old (2.9 × 64, 4 heads: 184);
            in GPT-2 the nearest multiple of the head's size.
    kind:   "zeros" (new channels hold nothing), "duplicate" (each channel as often as fits, zeros after that), "drawn"
            (new channels drawn as at initialisation: outputs change).
    noise:  relative size of noise added to every matrix after growing, to break ties; outputs are kept only at 0.
    Raises: RefusedError unless the width grows; under LayerNorm unless it is duplicated a whole number of times or
            drawn (zeros would move the mean).
    Source: METHODS §12 (residual width grown).
    """
    require(kind in ("zeros", "duplicate", "drawn"), f"no way of growing is called {kind!r}")
    draft = Draft(model)
    draft.refuse_unknown()
    parts = draft.parts
    old = parts.width
    unit = parts.head_dim if parts.family.fused_qkv else parts.heads
    new = round(old * factor / unit) * unit
    require(new > old, f"a width of {new} is not more than {old}")
    copies = new // old if kind == "duplicate" else 1
    whole = kind == "duplicate" and new == old * copies
    allowed = whole or kind == "drawn" or not parts.mean_subtracted
    require(allowed, "under LayerNorm zeros would move the mean", todo="Duplicate a whole number of times, or draw.")
    if parts.family.fused_qkv:
        grow_fused_heads(draft, new // unit, None if whole else rng)
    grower = _Grower(draft, new, copies, kind, rng)
    grower.run()
    draft.config[setting_key(draft.config, "width")] = new
    if parts.family.fused_qkv:  # GPT-2's neurons follow the width when nothing is said
        draft.config[setting_key(draft.config, "neurons")] = neurons_of(draft, parts.layers[0].mlps[0])
    if not parts.family.fused_qkv:
        draft.config["head_dim"] = parts.head_dim
    if noise:
        for name in sorted(name for name, array in draft.arrays.items() if array.ndim == 2):
            values = draft.arrays[name]
            draft.set_vector(name, values + noise * values.std() * rng.standard_normal(values.shape))
    return draft.finish()


class _Grower:
    """Grows every tensor that stands on the residual axis.

    A channel held c times, the rest zero, has mean square c·d/d' of before: gains are multiplied by √(c·d/d'), epsilon by
    its square, and readers (whose columns are repeated) divided by c.
    """

    def __init__(self, draft: Draft, new: int, copies: int, kind: str, rng: np.random.Generator) -> None:
        self.draft, self.new, self.copies, self.kind, self.rng = draft, new, copies, kind, rng

    def run(self) -> None:
        """Grow E, tables, norms, readers and writers."""
        draft, parts = self.draft, self.draft.parts
        old = parts.width
        kept = self.copies * old / self.new  # share of the mean square that is left
        drawn = self.kind == "drawn"
        for name in (parts.embedding, *parts.tables):
            draft.arrays[name] = self.last(draft.arrays[name], drawn)
        for norm, readers in parts.read_through():
            head_is_tied = not readers
            self.grow_norm(norm, 1.0 if drawn else np.sqrt(kept) / (self.copies if head_is_tied else 1))
            for name in dict.fromkeys(reader.weight for reader in readers):
                reader = next(replace(found, share=(0, 1)) for found in readers if found.weight == name)  # fused: whole
                draft.set_weight(reader, self.last(draft.weight(reader), drawn) / self.copies)
        for layer in parts.layers:
            for writer in layer.writers:
                self.grow_writer(writer, drawn)
        if not drawn:
            draft.config[setting_key(draft.config, "eps")] = float(setting(draft.config, "eps")) * kept

    def last(self, values: Array, drawn: bool) -> Array:
        """The last axis grown: copies side by side, then zeros or drawn values."""
        rest = self.new - self.copies * values.shape[-1]
        shape = (*values.shape[:-1], rest)
        fill = draw_like(self.draft.config, self.rng, shape) if drawn else np.zeros(shape, values.dtype)
        return np.concatenate([*[values] * self.copies, fill.astype(values.dtype)], axis=-1)

    def grow_norm(self, norm: Norm, factor: float) -> None:
        """Gains (and biases) repeated and compensated; gains of new channels are one."""
        gain = self.draft.arrays[norm.gain]
        rest = self.new - self.copies * gain.size
        self.draft.arrays[norm.gain] = np.concatenate(
            [*[gain * gain.dtype.type(factor)] * self.copies, np.ones(rest, gain.dtype)]
        )
        if norm.bias:
            bias = self.draft.arrays[norm.bias]
            self.draft.arrays[norm.bias] = np.concatenate(
                [*[bias * bias.dtype.type(factor)] * self.copies, np.zeros(rest, bias.dtype)]
            )

    def grow_writer(self, writer: Linear, drawn: bool) -> None:
        """Rows repeated, then zero or drawn."""
        draft = self.draft
        draft.set_weight(writer, self.last(draft.weight(writer).T, drawn).T)
        bias = draft.bias(writer)
        if bias is not None:
            draft.set_bias(writer, self.last(bias, False))


STEPS = (
    Step(
        "mlp-widened", widen_mlp, "operation", dense, "METHODS §12",
        "Every MLP gets more neurons: appended, interleaved or duplicated.", keeps="kind is duplicate, or silent",
    ),
    Step(
        "mlp-narrowed", narrow_mlp, "operation", dense, "METHODS §12",
        "A share of every MLP's neurons is kept.",
    ),
    Step(
        "width-grown", grow_width, "operation", pre_norm, "METHODS §12",
        "The residual stream gets more channels: empty, duplicated or drawn.",
        keeps="kind is zeros or duplicate, and noise is 0",
    ),
)  # fmt: skip
