"""Where the families that steps rewrite keep their parts: read from their definitions and [steps] tables.

Which steps apply to which family follows from what it is made of, never from its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from forebear.core.errors import RefusedError
from forebear.models.architecture.definition import Definition, StepRule
from forebear.models.architecture.naming import layer_stem, parts_of, rules_for
from forebear.models.architecture.registry import index, shipped
from forebear.models.architecture.rules import TensorRule
from forebear.models.architecture.settings import Settings

FUSED = frozenset("qkv")


@dataclass(frozen=True, slots=True)
class Family:
    """Names and habits of one `model_type`. `{}` in `layer` is the layer, in `expert` the expert; "" is a part it lacks.

    rule:       its [steps] table.
    mean_subtracted: LayerNorm (with a bias), else RMSNorm.
    pre_norm:   a norm comes before each branch. turned: the residual may be turned once gains are folded.
    rope:       positions enter by rotary pairs (i, i + head_dim/2) of queries and keys.
    transposed: matrices are stored (in, out).
    fused_qkv:  one tensor holds q, k and v side by side on the output axis.
    transform, transform_norm: a map and its norm between the last layer and the head.
    token_biases: tensors with one value per token. init_key: the configuration key of the spread that matrices start with.
    """

    rule: StepRule
    prefixes: tuple[str, ...]
    mean_subtracted: bool
    pre_norm: bool
    turned: bool
    rope: bool
    transposed: bool
    fused_qkv: bool
    embedding: str
    final_norm: str
    layer: str
    q: str
    k: str
    v: str
    o: str
    attention_norm: str
    mlp_norm: str
    up: str
    down: str
    gate: str
    head: str
    q_norm: str
    k_norm: str
    router: str
    expert: str
    expert_gate: str
    expert_up: str
    expert_down: str
    shared: str
    shared_gate: str
    positions: tuple[str, ...]
    token_biases: tuple[str, ...]
    embedding_norm: str
    transform: str
    transform_norm: str
    init_key: str
    defaults: Mapping[str, Any]

    @property
    def gated(self) -> bool:
        """MLPs have a gate."""
        return bool(self.gate or self.expert_gate)

    def becomes(self, step: str) -> str:
        """The model_type that hosts what a step makes of this one. Raises: RefusedError when none does."""
        if step not in self.rule.becomes:
            raise RefusedError(f"no family hosts what {step} makes of this one", where=self.rule.class_name)
        return self.rule.becomes[step]


@cache
def model_types() -> tuple[str, ...]:
    """Every `model_type` that steps know."""
    return tuple(kind for entry in index() for kind in entry.steps)


def family_of(kind: str) -> Family | None:
    """Names and habits of a `model_type`; None when no family states them."""
    return _family(kind) if kind in model_types() else None


def known(kind: str) -> Family:
    """The same. Raises: RefusedError for a `model_type` that steps do not know."""
    found = family_of(kind)
    if found is None:
        raise RefusedError(
            f"steps do not know the family {kind!r}", where="model_type", todo=f"Known: {', '.join(model_types())}."
        )
    return found


@cache
def _family(kind: str) -> Family:
    definition = next(shipped(entry.family) for entry in index() if kind in entry.steps)
    rule = definition.steps[kind]
    if definition.norms is None or definition.presence is None or definition.init is None:
        raise RefusedError("steps need [norms], [presence] and [init] as well", where=definition.family)
    norms = definition.norms.rule(Settings({"model_type": kind}, definition.roots))
    present = list(_present(definition, kind))
    names = _Names(present)
    up = names.rule("up", expert=False) or names.rule("up", expert=True)
    query = names.rule("q") or names.fused
    first = definition.prefixes[0]
    defaults = {**rule.defaults, **dict.fromkeys(rule.unset), definition.init.key: definition.init.std}
    return Family(
        rule=rule, prefixes=(first, "") if first else ("",),
        mean_subtracted=norms.layer_norm, pre_norm=norms.pre_norm, turned=norms.turned,
        rope=query is not None and any("rope" in d.atoms() for d in query.dims or ()),
        transposed=up is not None and up.dims is not None and "channel" in up.dims[0].atoms(),
        fused_qkv=names.fused is not None, embedding=names.whole("embedding") + ".weight",
        final_norm=names.whole("norm", "final"), layer=names.layer, q=names.inner("q"), k=names.inner("k"),
        v=names.inner("v"), o=names.inner("o"), attention_norm=names.inner("norm", "attention"),
        mlp_norm=names.inner("norm", "mlp"), up=names.inner("up"), down=names.inner("down"), gate=names.inner("gate"),
        head=names.whole("head"), q_norm=names.inner("norm", "q"), k_norm=names.inner("norm", "k"),
        router=names.inner("router"), expert=names.expert, expert_gate=names.of_expert("gate"),
        expert_up=names.of_expert("up"), expert_down=names.of_expert("down"),
        shared=names.inner("shared_up").removesuffix("up_proj"), shared_gate=names.inner("shared_router"),
        positions=tuple(f"{name}.weight" for name in map(names.whole, ("positions", "token_types")) if name),
        token_biases=tuple(r.names[0] for r in present if r.part == "head" and r.kind == "bias" and _of_tokens(r)),
        embedding_norm=names.whole("norm", "embedding"), transform=names.whole("head", "transform"),
        transform_norm=names.whole("head", "norm"), init_key=definition.init.key, defaults=defaults,
    )  # fmt: skip


def _present(definition: Definition, kind: str) -> Iterator[TensorRule]:
    """Rules whose tensors a configuration of this `model_type` asks for when it leaves everything else out; heads always."""
    settings = Settings({"model_type": kind}, definition.roots)
    for rule in rules_for(definition, {"model_type": kind}):
        if rule.part == "head" or (definition.presence is not None and definition.presence.there(rule, settings)):
            yield rule


def _of_tokens(rule: TensorRule) -> bool:
    return any("token" in d.atoms() for d in rule.dims or ())


class _Names:
    """Published stems by part and role."""

    def __init__(self, rules: list[TensorRule]) -> None:
        self._rules = [rule for rule in rules if rule.kind in ("matrix", "gain") and rule.names[0].endswith(".weight")]
        self.fused = next((rule for rule in self._rules if parts_of(rule) == FUSED), None)
        layered = [layer_stem(rule.names[0])[0] for rule in self._rules]
        self.layer = next((f"{start}{{}}." for start in layered if start), "")
        experts = [self._stem(rule).rpartition("{expert}.")[0] for rule in self._rules if "{expert}" in rule.names[0]]
        self.expert = f"{experts[0]}{{}}." if experts else ""

    def rule(self, part: str, role: str = "", *, expert: bool = False) -> TensorRule | None:
        """The first rule of a part."""
        fits = (
            r for r in self._rules if parts_of(r) == {part} and r.role == role and ("{expert}" in r.names[0]) is expert
        )
        return next(fits, None)

    def whole(self, part: str, role: str = "") -> str:
        """The stem of a tensor outside the layers, without prefix."""
        return self._stem(self.rule(part, role))

    def inner(self, part: str, role: str = "") -> str:
        """The stem of a tensor of a layer, after the layer's number."""
        return self._stem(self.fused if self.fused and part in FUSED else self.rule(part, role))

    def of_expert(self, part: str) -> str:
        """The stem of a tensor of an expert, after its number."""
        return self._stem(self.rule(part, expert=True)).rpartition("{expert}.")[2]

    @staticmethod
    def _stem(rule: TensorRule | None) -> str:
        return "" if rule is None else layer_stem(rule.names[0])[1].removesuffix(".weight")


Needs = Callable[[Family], bool]


def every(family: Family) -> bool:
    """Every family that steps know."""
    return True


def gated(family: Family) -> bool:
    """MLPs or experts with a gate."""
    return family.gated


def dense(family: Family) -> bool:
    """No experts."""
    return not family.router


def mixture(family: Family) -> bool:
    """Experts."""
    return bool(family.router)


def rms(family: Family) -> bool:
    """RMSNorm before each branch."""
    return not family.mean_subtracted


def pre_norm(family: Family) -> bool:
    """A norm before each branch, the residual never normalised."""
    return family.pre_norm


def turned(family: Family) -> bool:
    """A residual that may be turned once gains are folded."""
    return family.turned


def scalable(family: Family) -> bool:
    """A residual that may be scaled: a norm before each branch, its epsilon in the configuration."""
    return family.pre_norm and any(key in family.defaults for key in CONFIG_NAMES["eps"])


def rope(family: Family) -> bool:
    """Rotary positions."""
    return family.rope


def no_rope(family: Family) -> bool:
    """Positions that leave queries and keys alone."""
    return not family.rope


def hosted(step: str) -> Needs:
    """Families of whose result another `model_type` is known to be the host."""
    return lambda family: step in family.rule.becomes


def biases_can_go(family: Family) -> bool:
    """Biases of linear maps that a key switches off, or that a sister family lacks."""
    return bool(family.rule.biases) or "biases-dropped" in family.rule.becomes


def biases_can_come(family: Family) -> bool:
    """Biases of linear maps that a key switches on."""
    return bool(family.rule.biases) and not family.rule.born_biased


CONFIG_NAMES: Mapping[str, tuple[str, ...]] = {
    "width": ("hidden_size", "n_embd"),
    "layers": ("num_hidden_layers", "n_layer"),
    "heads": ("num_attention_heads", "n_head"),
    "kv_heads": ("num_key_value_heads",),
    "neurons": ("intermediate_size", "n_inner"),
    "eps": ("rms_norm_eps", "layer_norm_epsilon", "norm_epsilon", "layer_norm_eps"),
    "experts": ("num_local_experts", "num_experts"),
    "expert_neurons": ("intermediate_size", "moe_intermediate_size"),
    "shared_neurons": ("shared_expert_intermediate_size",),
    "positions": ("max_position_embeddings", "n_positions"),
    "activation": ("hidden_act", "activation_function"),
}
"""What steps need of a configuration → the keys it goes by, the usual one first."""


def own_key(kind: str, what: str) -> str:
    """The key a `model_type` uses for a meaning."""
    family = family_of(kind)
    return (family.rule.keys.get(what) if family else None) or CONFIG_NAMES[what][0]
