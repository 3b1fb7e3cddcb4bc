"""Which tensor plays which part in one model, read off its names and shapes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from forebear.core.errors import RefusedError
from forebear.recipes.steps.families import CONFIG_NAMES, Family, family_of, known, own_key
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.storage import Array


@dataclass(frozen=True, slots=True)
class Linear:
    """y = W x + b, W of shape (out, in), inside stored tensors.

    transposed: stored (in, out). share: (i, n): the i-th of n equal parts of the output axis.
    """

    weight: str
    bias: str = ""
    transposed: bool = False
    share: tuple[int, int] = (0, 1)


@dataclass(frozen=True, slots=True)
class Norm:
    """A norm's gain and, where it has one, bias: tensors of shape (width,)."""

    gain: str
    bias: str = ""


@dataclass(frozen=True, slots=True)
class Mlp:
    """Neurons: rows of `gate` (gated families) and `up`, columns of `down`."""

    up: Linear
    down: Linear
    gate: Linear | None = None

    @property
    def inward(self) -> tuple[Linear, ...]:
        """The maps whose rows are neurons."""
        return (self.gate, self.up) if self.gate else (self.up,)


@dataclass(frozen=True, slots=True)
class Layer:
    """One block. `mlps` are its experts (one when dense); `router` has a row per expert."""

    index: int
    prefix: str
    q: Linear
    k: Linear
    v: Linear
    o: Linear
    attention_norm: Norm
    mlp_norm: Norm
    mlps: tuple[Mlp, ...]
    q_norm: Norm | None = None
    k_norm: Norm | None = None
    router: Linear | None = None
    shared: Mlp | None = None
    shared_gate: Linear | None = None

    @property
    def branches(self) -> tuple[Mlp, ...]:
        """Every MLP of the layer, the shared expert last."""
        return (*self.mlps, self.shared) if self.shared else self.mlps

    @property
    def attention_readers(self) -> tuple[Linear, ...]:
        """Maps that read the residual through `attention_norm` (pre-norm families)."""
        return (self.q, self.k, self.v)

    @property
    def mlp_readers(self) -> tuple[Linear, ...]:
        """Maps that read the residual through `mlp_norm` (pre-norm families)."""
        routing = tuple(linear for linear in (self.router, self.shared_gate) if linear)
        return tuple(linear for mlp in self.branches for linear in mlp.inward) + routing

    @property
    def writers(self) -> tuple[Linear, ...]:
        """Maps that write the residual."""
        return (self.o, *(mlp.down for mlp in self.branches))


@dataclass(frozen=True, slots=True)
class Layout:
    """The whole model: E (V, d), layers, final norm, head (None when the head is E itself)."""

    kind: str
    family: Family
    prefix: str
    width: int
    heads: int
    kv_heads: int
    head_dim: int
    embedding: str
    tables: tuple[str, ...]
    layers: tuple[Layer, ...]
    final_norm: Norm | None
    embedding_norm: Norm | None
    head: Linear | None

    @property
    def queries_per_group(self) -> int:
        """Query heads that share one key and value head."""
        return self.heads // self.kv_heads

    @property
    def mean_subtracted(self) -> bool:
        """Norms subtract the mean over channels."""
        return self.family.mean_subtracted

    def names(self) -> set[str]:
        """Every tensor that plays a known part."""
        found: set[str] = {self.embedding, *self.tables}
        linears = [self.head] if self.head else []
        norms = [norm for norm in (self.final_norm, self.embedding_norm) if norm]
        for layer in self.layers:
            linears += [*layer.attention_readers, *layer.mlp_readers, *layer.writers]
            pairs = (layer.attention_norm, layer.mlp_norm, layer.q_norm, layer.k_norm)
            norms += [norm for norm in pairs if norm]
        found |= {name for linear in linears for name in (linear.weight, linear.bias)}
        found |= {name for norm in norms for name in (norm.gain, norm.bias)}
        return found - {""}

    def read_through(self) -> Iterator[tuple[Norm, tuple[Linear, ...]]]:
        """Each norm with the maps that read its output; a tied head is not listed. Pre-norm families only."""
        for layer in self.layers:
            yield layer.attention_norm, layer.attention_readers
            yield layer.mlp_norm, layer.mlp_readers
        if self.final_norm:
            yield self.final_norm, (self.head,) if self.head else ()


def completed(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with what its family means by the keys it leaves out."""
    family = family_of(str(config.get("model_type")))
    defaults = dict(family.defaults) if family is not None else {}
    if config.get("rope_parameters") is not None:
        defaults.pop("rope_theta", None)
    return {**defaults, **config}


def spread(config: Mapping[str, Any]) -> float:
    """The standard deviation that matrices start with, as the configuration says or its family means."""
    family = family_of(str(config.get("model_type")))
    return float(completed(config).get(family.init_key if family else "initializer_range") or 0.02)


def setting(config: Mapping[str, Any], what: str, default: Any = None) -> Any:
    """A configuration value by what it means (`families.CONFIG_NAMES`), or what leaving it out means."""
    full = completed(config)
    names = (own_key(str(config.get("model_type")), what), *CONFIG_NAMES[what])
    return next((full[key] for key in names if full.get(key) is not None), default)


def setting_key(config: Mapping[str, Any], what: str) -> str:
    """The key this configuration uses for a meaning; the one its family uses when it has none yet."""
    own = own_key(str(config.get("model_type")), what)
    return next((key for key in (own, *CONFIG_NAMES[what]) if key in config), own)


def tied(config: Mapping[str, Any]) -> bool:
    """The head is the embedding itself. Some families tie unless the configuration says otherwise."""
    return bool(completed(config).get("tie_word_embeddings"))


def layout(model: Model) -> Layout:
    """The parts of a model.

    Raises: RefusedError for an unknown family, a missing part, or sizes that contradict the configuration.
    """
    kind = str(model.config.get("model_type", ""))
    family = known(kind)
    prefix = next((p for p in family.prefixes if p + family.embedding in model.arrays), None)
    if prefix is None:
        raise RefusedError("no token embedding under its published name", where=family.embedding)
    reader = _Reader(model.arrays, family, prefix)
    count = int(setting(model.config, "layers", 0))
    layers = tuple(reader.layer(index) for index in range(count))
    if not layers or any(name.startswith(prefix + family.layer.format(count)) for name in model.arrays):
        raise RefusedError(f"the configuration says {count} layers and the tensors do not", where=kind)
    heads = int(setting(model.config, "heads"))
    width = int(model.arrays[prefix + family.embedding].shape[1])
    parts = Layout(
        kind=kind, family=family, prefix=prefix, width=width, heads=heads,
        kv_heads=int(setting(model.config, "kv_heads", heads)),
        head_dim=int(completed(model.config).get("head_dim") or width // heads),
        embedding=prefix + family.embedding,
        tables=tuple(prefix + name for name in family.positions if prefix + name in model.arrays),
        layers=layers, final_norm=reader.norm(prefix + family.final_norm) if family.final_norm else None,
        embedding_norm=reader.norm(prefix + family.embedding_norm) if family.embedding_norm else None,
        head=None if tied(model.config) else reader.optional(family.head, transposed=False),
    )  # fmt: skip
    _check_heads(model, parts)
    return parts


def _check_heads(model: Model, parts: Layout) -> None:
    """Refuse head counts the query and output matrices contradict."""
    for layer in parts.layers:
        shape = model.arrays[layer.o.weight].shape
        inward = shape[0] if layer.o.transposed else shape[1]
        if inward != parts.heads * parts.head_dim or parts.heads % parts.kv_heads:
            raise RefusedError(
                f"{parts.heads} heads of {parts.head_dim} ({parts.kv_heads} for keys) do not fit", where=layer.o.weight
            )


@dataclass(frozen=True, slots=True)
class _Reader:
    """Turns names that are there into parts."""

    arrays: Mapping[str, Array]
    family: Family
    prefix: str

    def optional(self, name: str, *, transposed: bool | None = None, share: tuple[int, int] = (0, 1)) -> Linear | None:
        """The linear map stored under a name, or None."""
        if not name or f"{name}.weight" not in self.arrays:
            return None
        bias = f"{name}.bias" if f"{name}.bias" in self.arrays else ""
        return Linear(f"{name}.weight", bias, self.family.transposed if transposed is None else transposed, share)

    def linear(self, name: str, share: tuple[int, int] = (0, 1)) -> Linear:
        """The linear map stored under a name. Raises: RefusedError when it is not there."""
        found = self.optional(name, share=share)
        if found is None:
            raise RefusedError("this tensor is missing", where=f"{name}.weight")
        return found

    def norm(self, name: str) -> Norm:
        """The norm stored under a name. Raises: RefusedError when it is not there."""
        if f"{name}.weight" not in self.arrays:
            raise RefusedError("this norm is missing", where=f"{name}.weight")
        return Norm(f"{name}.weight", f"{name}.bias" if f"{name}.bias" in self.arrays else "")

    def mlp(self, start: str, names: tuple[str, str, str]) -> Mlp:
        """The MLP stored under a start and (gate, up, down) names."""
        gate = self.linear(start + names[0]) if names[0] else None
        return Mlp(self.linear(start + names[1]), self.linear(start + names[2]), gate)

    def layer(self, index: int) -> Layer:
        """One block's parts."""
        family, start = self.family, self.prefix + self.family.layer.format(index)
        thirds = [(i, 3) for i in range(3)] if family.fused_qkv else [(0, 1)] * 3
        router = self.optional(start + family.router) if family.router else None
        mlps = self.experts(start) if router else (self.mlp(start, (family.gate, family.up, family.down)),)
        shared = router and family.shared and f"{start}{family.shared}up_proj.weight" in self.arrays
        return Layer(
            index=index, prefix=start,
            q=self.linear(start + family.q, thirds[0]), k=self.linear(start + family.k, thirds[1]),
            v=self.linear(start + family.v, thirds[2]), o=self.linear(start + family.o),
            attention_norm=self.norm(start + family.attention_norm), mlp_norm=self.norm(start + family.mlp_norm),
            mlps=mlps, router=router,
            q_norm=self.norm(start + family.q_norm) if family.q_norm else None,
            k_norm=self.norm(start + family.k_norm) if family.k_norm else None,
            shared=self.mlp(start + family.shared, ("gate_proj", "up_proj", "down_proj")) if shared else None,
            shared_gate=self.optional(start + family.shared_gate) if shared else None,
        )  # fmt: skip

    def experts(self, start: str) -> tuple[Mlp, ...]:
        """The experts of one block, in order."""
        family = self.family
        found: list[Mlp] = []
        names = (family.expert_gate, family.expert_up, family.expert_down)
        while f"{start}{family.expert.format(len(found))}{names[1]}.weight" in self.arrays:
            found.append(self.mlp(start + family.expert.format(len(found)), names))
        if not found:
            raise RefusedError("a router without experts", where=start)
        return tuple(found)
