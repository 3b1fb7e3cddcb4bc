"""A merge as a configuration states it: methods, models, slices of layers, parameters that vary by tensor and by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Setting = Any
"""A number, a list of numbers spread over the layers, or a list of {"value": ..., "filter": word in the tensor's name}."""


@dataclass(frozen=True)
class Source:
    """One model in a slice. layers: first and one past the last, None for all of them. parameters: name -> Setting."""

    model: str
    layers: tuple[int, int] | None = None
    parameters: Mapping[str, Setting] = field(default_factory=dict)


@dataclass(frozen=True)
class Slice:
    """Layers of the output, made of the same number of layers of every source."""

    sources: tuple[Source, ...]
    parameters: Mapping[str, Setting] = field(default_factory=dict)
    base: str = ""


@dataclass(frozen=True)
class MergePlan:
    """One merge.

    method: linear, slerp, task_arithmetic, ties, dare_ties, dare_linear or passthrough, as mergekit names them.
    base:   the base model's name, "" for none. dtype: number type of the arithmetic; out_dtype: of what is saved; "" as the models.
    """

    method: str
    slices: tuple[Slice, ...]
    base: str = ""
    parameters: Mapping[str, Setting] = field(default_factory=dict)
    dtype: str = ""
    out_dtype: str = ""

    @property
    def models(self) -> tuple[str, ...]:
        """Every model named, in order, each once."""
        named = [self.base] if self.base else []
        named += [source.model for part in self.slices for source in part.sources]
        return tuple(dict.fromkeys(named))


def value_of(setting: Setting, tensor: str, t: float) -> Any:
    """What a setting is for a tensor at a place t (0 first layer of its slice, 1 last); None where no filter fits.

    Source: mergekit's rules for gradients and filters: straight lines between the points; the first filter in the name wins.
    """
    if not isinstance(setting, Sequence) or isinstance(setting, str):
        return setting
    if all(isinstance(point, (int, float)) for point in setting):
        if not setting:
            return None
        scaled = t * (len(setting) - 1)
        low = int(scaled)
        high = min(len(setting) - 1, low + 1)
        return (1 - (scaled - low)) * setting[low] + (scaled - low) * setting[high]
    for point in setting:
        wanted = point.get("filter")
        if wanted in (None, "*") or wanted in tensor:
            return value_of(point["value"], tensor, t)
    return None


def parameter(plan: MergePlan, part: Slice, name: str, tensor: str, t: float, *, model: str = "", default: Any = None) -> Any:
    """A parameter for one tensor: the source's own, else the slice's, else the whole merge's, else the default."""
    layers = [source.parameters for source in part.sources if model and source.model == model]
    for given in (*layers, part.parameters, plan.parameters):
        if name in given and (found := value_of(given[name], tensor, t)) is not None:
            return found
    return default
