"""What a PEFT adapter says of itself, and its change on a given base."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forebear.core.errors import RefusedError, printable
from forebear.core.messages import Message, message
from forebear.files.base import Container
from forebear.files.views.adapters import AdaptedContainer, Change, LowRank, low_rank_changes
from forebear.models.architecture.matching import MAX_NAME
from forebear.models.architecture.settings import Settings, read_config

CONFIG = "adapter_config.json"


def adapter_settings(folder: Path) -> tuple[dict[str, Any], list[Message]]:
    """The adapter's configuration, its base as the claim `base_model`, and what is to be said."""
    if not (folder / CONFIG).is_file():
        return {}, [message("opening.adapter_no_config", file=CONFIG)]
    try:
        config = read_config(folder / CONFIG)
    except RefusedError as error:
        return {}, [message("opening.adapter_config_refused", why=error.message())]
    base = Settings(config).text("base_model_name_or_path")
    if not base:
        return config, []
    return {**config, "base_model": base}, [message("opening.adapter_base", base=printable(base, 120))]


def adapted(base: Container, adapter: Container, config: Mapping[str, Any]) -> tuple[AdaptedContainer, list[Message]]:
    """The base with the adapter's change added, and what is to be said.

    config: the adapter's (adapter_config.json).
    Raises: RefusedError for an adapter that is not low-rank, modules the base lacks, or shapes that do not meet.
    """
    settings = Settings(config)
    kind = settings.text("peft_type") or "LORA"
    if kind != "LORA":
        raise _refuse(adapter, f"the adapter is of kind {printable(kind, 40)!r}; LORA is added to a base")
    pairs, whole = low_rank_changes(adapter)
    if not pairs:
        raise _refuse(adapter, "the adapter holds no low-rank pair")
    changes = {}
    patterns = _Patterns(settings.raw("alpha_pattern"))
    for pair in pairs:
        name = _target(base, f"{pair.module}.weight")
        if name is None:
            raise _refuse(adapter, f"the base has no module {printable(pair.module, 80)!r}")
        changes[name] = _change(base, adapter, pair, name, settings, patterns)
    placed = {_target(base, name) or name: source for name, source in whole.items()}
    container = AdaptedContainer(base, adapter, changes, placed)
    if placed:
        return container, [message("opening.adapter_added_placed", count=len(changes), placed=len(placed))]
    return container, [message("opening.adapter_added", count=len(changes))]


def _target(base: Container, name: str) -> str | None:
    """The base's own name for a module's tensor: prefixes differ between a model and its inner model."""
    for candidate in (name, name.removeprefix("model."), f"model.{name}", name.removeprefix("transformer."),
                      f"transformer.{name}"):  # fmt: skip
        if candidate in base.tensors:
            return candidate
    return None


def _change(
    base: Container, adapter: Container, pair: LowRank, name: str, settings: Settings, patterns: _Patterns
) -> Change:
    shape = base.tensors[name].shape
    change = (adapter.tensors[pair.up].shape[0], adapter.tensors[pair.down].shape[1])
    turned = pair.embedding or bool(settings.raw("fan_in_fan_out"))
    if shape != (change[::-1] if turned else change):
        if turned or shape != change[::-1]:
            raise _refuse(adapter, f"the change of {printable(name, 80)!r} has shape {change}, the base's has {shape}")
        turned = True
    if pair.magnitude and (turned or adapter.tensors[pair.magnitude].parameters != shape[0]):
        raise _refuse(adapter, f"the magnitudes of {printable(name, 80)!r} do not fit its rows")
    return Change(pair, _scale(settings, pair, patterns), turned)


class _Patterns:
    """alpha by module: patterns are compared as endings after a dot, never run as expressions; the last that fits counts."""

    def __init__(self, stated: Any) -> None:
        items = stated.items() if isinstance(stated, Mapping) else ()
        self._found = {
            pattern: (order, float(value))
            for order, (pattern, value) in enumerate(items)
            if type(value) in (int, float) and len(pattern) <= MAX_NAME
        }

    def alpha(self, module: str) -> float | None:
        """The alpha for a module; None when no pattern fits. Looks at each ending once, whatever the number of patterns."""
        if not self._found:
            return None
        parts = module[-MAX_NAME - 1 :].split(".")
        if len(module) > MAX_NAME + 1:
            parts = parts[1:]  # its beginning was cut off
        fits = [self._found.get(".".join(parts[at:])) for at in range(len(parts))]
        return max((found for found in fits if found is not None), default=(0, None))[1]


def _scale(settings: Settings, pair: LowRank, patterns: _Patterns) -> float:
    """alpha / rank, or alpha / sqrt(rank) when rank-stabilised; alpha by module where the configuration says so."""
    alpha = patterns.alpha(pair.module)
    if alpha is None:
        stated = settings.number("lora_alpha")
        alpha = 8.0 if stated is None else float(stated)
    return alpha / (math.sqrt(pair.rank) if settings.raw("use_rslora") is True else pair.rank)


def _refuse(adapter: Container, what: str) -> RefusedError:
    return RefusedError(what, where=str(adapter.paths[0]) if adapter.paths else "",
                        todo="Give the base this adapter was trained on.")  # fmt: skip
