"""What forebear knows of a family, as its TOML file states it: rules of tensors and axes, and what other rooms need of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from forebear.models.architecture.expressions import Expression
from forebear.models.architecture.presence import Presence
from forebear.models.architecture.rules import AxisRule, Condition, SizeRule, TensorRule, Withholding
from forebear.models.architecture.settings import Settings

READS: Mapping[str, tuple[str, ...]] = {
    "attention": ("q", "k", "v", "q_nope", "k_nope", "q_rope", "k_rope", "q_latent", "kv_latent"),
    "cross": ("cross_q",),
    "mlp": ("gate", "up", "router", "shared_gate", "shared_up", "shared_router"),
    "final": ("head",),
}
"""Role of a norm → the parts that read the residual through it, in most families."""


class NormRule(NamedTuple):
    """How the norms of a family are placed before its matrices (METHODS §9, step 1).

    layer_norm: the mean is subtracted, with a bias; else RMSNorm. offset: what the stored gain is added to (1 in some families).
    pre_norm:  a norm comes before each branch, so its gain can be folded into what reads it; else nothing is folded.
    turned:    the residual may then be turned as a whole; else something in it has a gain of its own, and only the order of its
               channels is free.
    decides:   a null audit covers the rule; without one, what gauge fixing shows of the family is described and decides nothing.
    undecided: why it does not decide.
    roles:     branch → role of the norm before it, where they differ ("mlp" → "attention" of a family with one norm for both).
    reads:     role → parts that read it, as PART or PART/ROLE, where they are not those of READS; "STACK:ROLE" of one stack alone.
    """

    layer_norm: bool
    pre_norm: bool
    turned: bool
    offset: float
    decides: bool
    undecided: str
    roles: Mapping[str, str]
    reads: Mapping[str, tuple[str, ...]]
    source: str

    @property
    def mean_subtracted(self) -> bool:
        """The all-ones direction of the residual never acts, and is folded away."""
        return self.layer_norm and self.pre_norm


class Norms(NamedTuple):
    """[norms]: the rule of the family; `variants`: of configurations that differ, the first whose condition holds."""

    usual: NormRule
    variants: tuple[tuple[Condition, NormRule], ...]

    def rule(self, settings: Settings) -> NormRule:
        """The rule of a configuration."""
        return next((rule for condition, rule in self.variants if condition.holds(settings)), self.usual)


class GgufRule(NamedTuple):
    """[gguf.ARCHITECTURE]: what the definition does not tell of a GGUF file of this family.

    model_type: of the published configuration. prefix: in place of {prefix} in published names; None: the first of the family.
    names: GGUF stem → published stem, where it is not that of the tensor rule with the same part; "" for a stem that has none.
    rotated: stems whose rows llama.cpp pairs for its rotary positions. shifted: norm weights are stored plus one.
    transposed: stems the converter transposes.
    threefold: stems whose rows were moved from (head, q/k/v, dimension) to (q/k/v, head, dimension).
    keys: metadata key (below the architecture's name) → configuration key; standard_keys: besides those of most architectures.
    settings: what the configuration of every such file says and its metadata does not.
    """

    model_type: str
    prefix: str | None
    names: Mapping[str, str]
    rotated: frozenset[str]
    shifted: bool
    transposed: frozenset[str]
    threefold: frozenset[str]
    keys: Mapping[str, str]
    standard_keys: bool
    settings: Mapping[str, Any]
    source: str


class StepRule(NamedTuple):
    """[steps.MODEL_TYPE]: what forward steps need of a model_type besides the names that its tensor rules give.

    class_name: written into a configuration when a step changes the family. defaults: what a configuration that leaves a key
    out means; unset: keys whose absence means nothing is set.
    keys:     what a step needs → configuration key, where it is not the first usual one.
    biases:   "attention", "mlp" → the key that switches these biases; born_biased: they are there unless it is false.
    query_bias: the key for biases of q, k and v alone. window: a key that bounds attention whenever it is set.
    becomes:  step → the model_type that hosts its result. written: settings written when this hosts a mixture of experts.
    heads_divide: loaders want the width divided by the number of heads even when a head's size is given.
    readers: further maps that read the residual.
    positions_after_pad: the position of the first token is the id of the token for padding, plus one.
    task_heads: starts of names that belong to heads, which the steps that touch them treat by name.
    """

    class_name: str
    defaults: Mapping[str, Any]
    unset: tuple[str, ...]
    keys: Mapping[str, str]
    biases: Mapping[str, str]
    born_biased: bool
    query_bias: str
    window: str
    becomes: Mapping[str, str]
    written: Mapping[str, Any]
    heads_divide: bool
    readers: tuple[str, ...]
    positions_after_pad: bool
    task_heads: tuple[str, ...]
    source: str


class InitRule(NamedTuple):
    """[init]: matrices start as N(0, std²), std under `key` of the configuration or this one when it is left out.

    key "":   the published code writes the number itself.
    by_depth: parts whose std is divided by √(2 × layers). cut: values beyond so many standard deviations are drawn again; 0: none.
    apart:    parts that start otherwise.
    """

    key: str
    std: float
    by_depth: tuple[str, ...]
    cut: float
    apart: tuple[str, ...]
    source: str


class Definition(NamedTuple):
    """A family of architectures, as its TOML file states it."""

    family: str
    title: str
    source: str
    model_types: tuple[str, ...]
    prefixes: tuple[str, ...]
    roots: tuple[str, ...]
    stacks: Mapping[str, Expression]
    sizes: Mapping[str, SizeRule]
    stack_sizes: Mapping[str, Mapping[str, SizeRule]]
    expert_atoms: tuple[str, ...]
    tensors: tuple[TensorRule, ...]
    axes: Mapping[str, AxisRule]
    withholdings: tuple[Withholding, ...]
    marks: tuple[str, ...] = ()
    """Names, numbers as #, that together mark the family where no configuration names it; `absent`: that must not be there."""
    absent: tuple[str, ...] = ()
    tall: tuple[str, ...] = ()
    """Such names of matrices with more rows than columns; `wide`: with fewer."""
    wide: tuple[str, ...] = ()
    called: tuple[str, ...] = ()
    """Words by which code and folders call models of the family."""
    norms: Norms | None = None
    presence: Presence | None = None
    gguf: Mapping[str, GgufRule] = {}
    steps: Mapping[str, StepRule] = {}
    init: InitRule | None = None
    without: Mapping[str, str] = {}
    """Section that the family lacks → why."""

    @property
    def stored_apart(self) -> frozenset[str]:
        """Parts that have a tensor of their own in some layout of the family."""
        return frozenset(rule.part for rule in self.tensors if rule.dims and not any(d.fused for d in rule.dims))

    @property
    def main_stack(self) -> str:
        """The stack whose layers `Checkpoint.layers` counts."""
        return next(iter(self.stacks))
