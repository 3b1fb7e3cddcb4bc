"""The rules of a definition: tensors, sizes, axes, and when an axis is withheld (METHODS §2, §5)."""

from __future__ import annotations

from typing import NamedTuple

from forebear.core.messages import Message
from forebear.models.architecture.expressions import Expression
from forebear.models.architecture.settings import Settings

Scalar = str | int | float | bool

# fmt: off
PARTS = frozenset((
    "embedding", "positions", "token_types", "q", "k", "v", "o", "gate", "up", "down", "norm", "head", "router",
    "pooler", "projection", "other", "constant", "q_nope", "k_nope", "q_rope", "k_rope", "q_latent", "kv_latent",
    "cross_q", "cross_k", "cross_v", "cross_o", "shared_gate", "shared_up", "shared_down", "shared_router",
    "relative_bias", "patch", "class_token", "convolution", "state",
))
# fmt: on
"""Every part a rule may name; the parts of docs/glossary.md plus what particular families need."""
KINDS = ("matrix", "gain", "bias", "constant")
LEVELS = ("model", "stack", "layer", "expert")
"""Words of an axis scope that are not atoms."""


class Condition(NamedTuple):
    """A question about the configuration: is the value of `key` (or `default` when absent) among `values`?

    other: compare with the value of this key instead; two absent values are the same.
    values empty, other "": is the key there at all?
    """

    key: str
    values: tuple[Scalar, ...] = ()
    default: Scalar | None = None
    negated: bool = False
    other: str = ""

    def holds(self, settings: Settings) -> bool:
        """True when the question is answered yes; an absent key without default is never among the values."""
        found = settings.raw(self.key)
        found = self.default if found is None else found
        if self.other:
            answer = found is None or found == settings.raw(self.other)
        elif self.values:
            answer = any(type(found) is type(value) and found == value for value in self.values)
        else:
            answer = found is not None
        return answer is not self.negated


class SizeRule(NamedTuple):
    """The size of an atom: the first choice whose condition holds."""

    choices: tuple[tuple[Condition | None, Expression], ...]


class Segment(NamedTuple):
    """A run of rows of a fused dimension: the part they play (None: the rule's), their own atoms, their role if any."""

    part: str | None
    atoms: tuple[str, ...]
    role: str = ""


class Dimension(NamedTuple):
    """One tensor dimension: prefix atoms, then for each prefix position the segments one after another."""

    prefix: tuple[str, ...]
    segments: tuple[Segment, ...]

    @property
    def fused(self) -> bool:
        """Several parts share the dimension."""
        return len(self.segments) > 1

    @property
    def picks_expert(self) -> bool:
        """Every position is another expert's tensor (written ["{expert}"])."""
        return self.segments[0].atoms == ("{expert}",)

    @property
    def alone(self) -> str:
        """The one atom the dimension counts, "" when it counts several."""
        if self.prefix or len(self.segments) > 1 or len(self.segments[0].atoms) > 1 or self.picks_expert:
            return ""
        return self.segments[0].atoms[0]

    def atoms(self) -> set[str]:
        """Every atom mentioned."""
        own = {atom for segment in self.segments for atom in segment.atoms}
        return set() if self.picks_expert else own | set(self.prefix)


class TensorRule(NamedTuple):
    """Which tensors play a part and what their dimensions mean.

    names: of the tensor in files found in the wild; {prefix} first, {layer}, {expert} and {index} (a number that only
           tells tensors apart) between dots. dims None: a constant of any shape.
    """

    names: tuple[str, ...]
    part: str
    role: str
    kind: str
    stack: str
    dims: tuple[Dimension, ...] | None
    required: bool
    when: Condition | None
    source: str


class AxisRule(NamedTuple):
    """What may be done along one atom without changing outputs or the law of initialisation.

    scope:    where one shuffle reaches: words of LEVELS and enclosing atoms. ("model",): one shuffle for everything;
              ("layer", "kv_head"): a shuffle of its own in each KV head of each layer.
    sign_parts: parts negated together by a sign; empty: every matrix and bias that has the atom.
    withheld: why neither symmetry may be used here; None when they may.
    """

    name: str
    scope: tuple[str, ...]
    permutation: bool
    sign: bool
    sign_parts: tuple[str, ...] = ()
    withheld: Message | None = None
    source: str = ""


class Withholding(NamedTuple):
    """A condition on the configuration under which axes lose a symmetry (`signs_only`: keep the permutation)."""

    axes: tuple[str, ...]
    when: Condition
    reason: Message
    signs_only: bool
    source: str
