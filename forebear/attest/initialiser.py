"""Initial weights as a named program draws them: data in `initialisers/*.toml`, the generator in `torch_cpu.py` (METHODS §19).

A model is made in stages: the parts of a stage are built in order (each draws what its constructor draws, which is thrown away),
then initialised in the same order. What a family starts as is read there and nowhere else; an initialiser that is not named
there is refused, since a start that somebody may write freely can hold another model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np

from forebear.attest.torch_cpu import F32, TorchCpu
from forebear.core.errors import printable, refusal
from forebear.core.messages import message
from forebear.core.strict import read_table
from forebear.core.toml import load_toml
from forebear.models.architecture.expressions import parse_expression
from forebear.models.architecture.settings import Settings

FOLDER = Path(__file__).parent / "initialisers"
MAX_PARAMETERS = 2**31
"""Most numbers one start may hold: they are drawn one after the other."""
MAX_LAYERS = 1024
MAX_EXPERTS = 1024
CONSTRUCTED = {"linear": "uniform", "skipped": "uniform", "embedding": "unit", "conv1d": "unit"}
"""What the constructor of a part draws before anything is initialised; parts that are not listed draw nothing."""
DRAWN = ("linear", "embedding", "conv1d", "drawn", "by-depth", "skipped")
KINDS = (*DRAWN, "gain", "zeros")


@dataclass(frozen=True)
class Part:
    """One module. kind: see KINDS; shape: names of sizes; bias: "true", a name under [keys], or "" for none.

    beside: for experts drawn as one tensor of twice the rows, where the second half of each goes. unless: a configuration key.
    """

    kind: str
    name: str
    shape: tuple[str, ...]
    bias: str = ""
    beside: str = ""
    unless: str = ""


@dataclass(frozen=True)
class Stage:
    """Parts that are built together, then initialised together; `layer` once for each layer, between first and last."""

    first: tuple[Part, ...] = ()
    layer: tuple[Part, ...] = ()
    last: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Initialiser:
    """One named program. models: values of `model_type`; std, layers, padding: configuration keys."""

    name: str
    models: tuple[str, ...]
    std: str
    layers: str
    source: str
    sizes: Mapping[str, str]
    stage: tuple[Stage, ...]
    padding: str = ""
    padding_default: int | None = None
    keys: Mapping[str, str] = field(default_factory=dict)


@cache
def initialisers() -> Mapping[str, Initialiser]:
    """Name -> initialiser, of those that ship with forebear.

    >>> sorted(initialisers())
    ['transformers-bert', 'transformers-gpt2', 'transformers-llama', 'transformers-mixtral', 'transformers-qwen2']
    """
    found = (read_table(Initialiser, load_toml(path), path.name) for path in sorted(FOLDER.glob("*.toml")))
    return {one.name: one for one in found}


def initialiser_for(config: Mapping[str, Any], name: str | None = None) -> Initialiser:
    """The initialiser of a configuration, by its `model_type`; or the one named.

    Raises: RefusedError for a family that none covers, and for a name that is none of ours (custom initialisers are refused).
    """
    kind = Settings(config).text("model_type") or ""
    known = initialisers()
    if name is not None and name not in known:
        said = message("attest_form.no_initialiser", name=printable(name, 60))
        raise refusal(said, where="--initialiser", todo=message("attest_form.one_of", names=sorted(known)))
    fitting = [one for one in known.values() if kind in one.models and name in (None, one.name)]
    if not fitting:
        models = ", ".join(sorted(m for one in known.values() for m in one.models))
        said = message("attest_form.no_family", kind=printable(kind, 60))
        raise refusal(said, where="config.json", todo=message("attest_form.covered", names=models))
    return fitting[0]


@dataclass(frozen=True)
class _Plan:
    """An initialiser with the sizes of one configuration."""

    made: Initialiser
    sizes: Mapping[str, int]
    layers: int
    std: float
    settings: Settings

    def shape(self, part: Part) -> tuple[int, ...]:
        return tuple(self.sizes[name] for name in part.shape)

    def has_bias(self, part: Part) -> bool:
        if part.bias in ("", "true"):
            return bool(part.bias)
        return bool(self.settings.raw(self.made.keys[part.bias]))

    def parts(self, stage: Stage) -> Iterator[tuple[Part, int]]:
        listed = [(part, 0) for part in stage.first]
        listed += [(part, layer) for layer in range(self.layers) for part in stage.layer]
        listed += [(part, 0) for part in stage.last]
        return (one for one in listed if not (one[0].unless and self.settings.raw(one[0].unless)))


def planned(config: Mapping[str, Any], name: str | None = None) -> _Plan:
    """Sizes read and bounded, before anything is drawn.

    Raises: RefusedError naming the key that is missing, no size, or larger than the bounds.
    """
    made, settings = initialiser_for(config, name), Settings(config)
    sizes = {word: _size(text, settings, word) for word, text in made.sizes.items()}
    layers = _size(made.layers, settings, "layers")
    std = settings.number(made.std)
    std = 0.02 if std is None else float(std)
    if not 0 < std <= 10:
        raise refusal(
            message("attest_form.deviation"), where=f"config.json: {made.std}", todo=message("attest_form.deviations")
        )
    if layers > MAX_LAYERS or sizes.get("experts", 0) > MAX_EXPERTS:
        raise refusal(message("attest_form.layers", layers=MAX_LAYERS, experts=MAX_EXPERTS), where="config.json")
    plan = _Plan(made, sizes, layers, std, settings)
    each = [sum(int(np.prod(plan.shape(p), dtype=object)) for p in (*s.first, *s.last)) for s in made.stage]
    each += [layers * sum(int(np.prod(plan.shape(p), dtype=object)) for p in s.layer) for s in made.stage]
    if sum(each) > MAX_PARAMETERS:
        said = message("attest_form.large", most=MAX_PARAMETERS)
        raise refusal(said, where="config.json", todo=message("attest_form.not_drawn"))
    return plan


def _size(text: str, settings: Settings, what: str) -> int:
    value = parse_expression(text, what).value(settings.number)
    if value is None or value < 1:
        said = message("attest_form.no_size", what=what, text=text)
        raise refusal(said, where="config.json", todo=message("attest_form.whole"))
    return value


def initial_weights(config: Mapping[str, Any], seed: int, name: str | None = None) -> dict[str, F32]:
    """The start: every tensor under its published name, in the order of the program.

    seed: as `torch.manual_seed` takes it, of which the generator keeps 32 bits. Shapes: as published checkpoints have them.
    Raises: RefusedError for a configuration that no initialiser covers, or too large.
    Source: METHODS §19.

    >>> tiny = {"model_type": "gpt2", "n_embd": 8, "n_layer": 1, "n_head": 2, "vocab_size": 11, "n_positions": 4}
    >>> initial_weights(tiny, 0)["transformer.wte.weight"].shape
    (11, 8)
    """
    return dict(drawn_weights(config, seed, name))


def drawn_weights(config: Mapping[str, Any], seed: int, name: str | None = None) -> Iterator[tuple[str, F32]]:
    """The same a part at a time, so that a start need not lie in memory whole."""
    plan, draws = planned(config, name), TorchCpu(seed)
    for stage in plan.made.stage:
        for part, _ in plan.parts(stage):
            _construct(plan, part, draws)
        for part, layer in plan.parts(stage):
            found: dict[str, F32] = {}
            _initialise(plan, part, layer, draws, found)
            yield from found.items()


def _construct(plan: _Plan, part: Part, draws: TorchCpu) -> None:
    shape, how = plan.shape(part), CONSTRUCTED.get(part.kind)
    if how == "unit":
        draws.skip_normal(int(np.prod(shape)))
    elif how == "uniform":
        draws.skip_uniform(int(np.prod(shape)))
        if plan.has_bias(part):
            draws.skip_uniform(shape[0])


def _initialise(plan: _Plan, part: Part, layer: int, draws: TorchCpu, found: dict[str, F32]) -> None:
    shape, name = plan.shape(part), part.name.replace("{layer}", str(layer))
    if part.kind == "skipped":
        draws.skip_normal(int(np.prod(shape)))
        return
    if part.kind == "zeros":
        found[name] = np.zeros(shape, dtype=np.float32)
        return
    if plan.has_bias(part):
        found[f"{name}.bias"] = np.zeros(shape[-1:] if part.kind == "conv1d" else shape[:1], dtype=np.float32)
    if part.kind == "gain":
        found[f"{name}.weight"] = np.ones(shape, dtype=np.float32)
        return
    std = plan.std / sqrt(2 * plan.layers) if part.kind == "by-depth" else plan.std
    if len(shape) == 3:
        _experts(part, name, shape, draws, std, found)
        return
    values = draws.normal(int(np.prod(shape)), std).reshape(shape)
    if part.kind == "embedding" and part is plan.made.stage[0].first[0]:
        _pad(plan, values)
    found[f"{name}.weight"] = values


def _experts(part: Part, name: str, shape: tuple[int, ...], draws: TorchCpu, std: float, found: dict[str, F32]) -> None:
    """All experts in one tensor; with `beside`, the rows of two matrices one after the other."""
    experts, rows, columns = shape
    both = rows * (2 if part.beside else 1)
    values = draws.normal(experts * both * columns, std).reshape(experts, both, columns)
    for expert in range(experts):
        found[f"{name.replace('{expert}', str(expert))}.weight"] = values[expert, :rows]
        if part.beside:
            other = part.beside.replace("{layer}", name.split(".")[2]).replace("{expert}", str(expert))
            found[f"{other}.weight"] = values[expert, rows:]


def _pad(plan: _Plan, values: F32) -> None:
    """The row of the padding token starts at zero, and stays there."""
    if not plan.made.padding:
        return
    stated = plan.settings.number(plan.made.padding)
    at = plan.made.padding_default if stated is None else int(stated)
    if at is not None and -len(values) <= at < len(values):
        values[at] = 0.0
