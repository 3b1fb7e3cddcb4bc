"""Parameter arithmetic from a configuration alone, for models whose weights nobody has (METHODS §16)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forebear.core.errors import RefusedError
from forebear.core.messages import message
from forebear.models.architecture.settings import read_config

_NAMES = {
    "layers": ("num_hidden_layers", "n_layer", "num_layers"),
    "width": ("hidden_size", "n_embd", "d_model"),
    "mlp": ("intermediate_size", "n_inner", "ffn_dim"),
    "heads": ("num_attention_heads", "n_head"),
    "groups": ("num_key_value_heads",),
    "head": ("head_dim",),
    "tokens": ("vocab_size",),
    "experts": ("num_local_experts", "num_experts", "n_routed_experts"),
    "expert_mlp": ("moe_intermediate_size",),
    "shared": ("n_shared_experts", "num_shared_experts"),
    "positions": ("max_position_embeddings", "n_positions"),
}


@dataclass(frozen=True)
class Sizes:
    """Sizes of a decoder: all counts; tied: whether output and input embeddings are one; gated: three matrices an MLP."""

    layers: int
    width: int
    mlp: int
    heads: int
    groups: int
    head: int
    tokens: int
    experts: int = 0
    expert_mlp: int = 0
    shared: int = 0
    tied: bool = False
    gated: bool = True

    def parameters(self) -> int:
        """Weights of the matrices and norm gains; biases are not counted (below 0.1 % where a family has them)."""
        attention = self.width * self.head * (2 * self.heads + 2 * self.groups)
        matrices = 3 if self.gated else 2
        if self.experts:
            mlp = matrices * self.width * (self.expert_mlp or self.mlp) * (self.experts + self.shared)
            mlp += self.width * self.experts
        else:
            mlp = matrices * self.width * self.mlp
        table = self.tokens * self.width * (1 if self.tied else 2)
        return self.layers * (attention + mlp + 2 * self.width) + table + self.width


def load_config(path: Path) -> dict[str, Any]:
    """A configuration as data: config.json, or the folder that holds it.

    Raises: RefusedError when it is missing, too large, or not a JSON object.
    """
    return read_config(path / "config.json" if path.is_dir() else path)


def sizes_of(config: Mapping[str, Any], where: str = "configuration") -> Sizes:
    """Sizes a configuration declares.

    Raises: RefusedError when layers, width, heads or vocabulary are missing or not positive numbers.
    """
    found = {name: _count(config, keys, where) for name, keys in _NAMES.items()}
    for name in ("layers", "width", "heads", "tokens"):
        if not found[name]:
            raise RefusedError(
                f"declares no {name} ({' or '.join(_NAMES[name])})",
                where=where,
                said=message("refusal.not_declared", name=name, families=list(_NAMES[name])),
            )
    gpt = "n_embd" in config
    return Sizes(
        layers=found["layers"], width=found["width"], mlp=found["mlp"] or 4 * found["width"], heads=found["heads"],
        groups=found["groups"] or found["heads"], head=found["head"] or found["width"] // found["heads"],
        tokens=found["tokens"], experts=found["experts"], expert_mlp=found["expert_mlp"], shared=found["shared"],
        tied=bool(config.get("tie_word_embeddings", gpt)), gated=not gpt,
    )  # fmt: skip


def _count(config: Mapping[str, Any], keys: tuple[str, ...], where: str) -> int:
    for key in keys:
        value = config.get(key)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**40:
            raise RefusedError(
                f"{key} is {value!r}, not a count",
                where=where,
                said=message("refusal.no_count", key=key, value=repr(value)[:80]),
            )
        return value
    return 0


def grown(base: Sizes, sizes: Mapping[str, int]) -> Sizes:
    """The sizes with those that a claim states put in their place."""
    changed: dict[str, Any] = dict(sizes)
    return dataclasses.replace(base, **changed)


def solved(base: Sizes, name: str, wanted: float) -> tuple[int, int, int]:
    """The value of one size that comes nearest to a count of parameters, the count it makes, and by how much a step changes it."""
    best = _nearest(base, name, 1, 2**24, wanted)
    count = _with(base, name, best).parameters()
    return best, count, _with(base, name, best + 1).parameters() - count


def _nearest(small: Sizes, name: str, low: int, high: int, wanted: float) -> int:
    while low < high:
        middle = (low + high) // 2
        if _with(small, name, middle).parameters() < wanted:
            low = middle + 1
        else:
            high = middle
    before = max(1, low - 1)
    return min((before, low), key=lambda v: abs(_with(small, name, v).parameters() - wanted))


def _with(sizes: Sizes, name: str, value: int) -> Sizes:
    changed: dict[str, Any] = {name: value}
    return dataclasses.replace(sizes, **changed)
