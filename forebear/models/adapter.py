"""What a PEFT adapter says of itself, and its change on a given base."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import RefusedError, printable, refusal
from forebear.core.messages import Message, message
from forebear.files.base import Container, quoted
from forebear.files.views.adapters import ADDED, AdaptedContainer, Change, LowRank, adapter_kind, parts_of
from forebear.models.adapter_patterns import ByModule
from forebear.models.architecture.settings import Settings, read_config

CONFIG = "adapter_config.json"
TAKEN_AWAY = ("pissa", "corda", "olora", "loftq", "lora_ga")
"""Starts (`init_lora_weights`) for which PEFT takes a part of the base away before it adds (tuners/lora/layer.py)."""
OTHER_SUMS = {
    "use_qalora": "adapter_alone", "alora_invocation_tokens": "adapter_alone", "arrow_config": "adapter_alone",
    "use_bdlora": "merge", "kasa_config": "merge", "layer_replication": "merge", "target_parameters": "merge",
}  # fmt: skip
"""Settings under which PEFT's change is another one than up @ down on a module's weight -> what to do then: some it cannot
merge either (tuners/lora/variants.py)."""


def alone(container: Container, config: Mapping[str, Any]) -> Message:
    """What is said of an adapter opened without its base: its kind where its factors are not added to weights, else that."""
    kind = Settings(config).text("peft_type") or adapter_kind(container.tensors)
    if kind and kind not in ADDED:
        return message("limit.adapter_kind", kind=printable(kind, 40))
    return message("opening.adapter_alone")


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


MOST_MODULES = 40


def adapter_facts(container: Container, config: Mapping[str, Any]) -> tuple[dict[str, Any], list[Message]]:
    """What an adapter opened by itself is, and what is odd: its kind, ranks and modules as its tensors show them, alpha and base
    as its configuration states them.

    Returns: {"kind", "ranks", "alpha", "modules", "matrices", "base"}; None or empty where it is not known; {} for no adapter.
    """
    settings = Settings(config)
    found = adapter_kind(container.tensors)
    if not found:
        return {}, []
    facts: dict[str, Any] = {
        "kind": printable(settings.text("peft_type") or found, 40), "ranks": [], "alpha": settings.number("lora_alpha"),
        "modules": [], "matrices": 0, "base": printable(settings.text("base_model_name_or_path") or "", 120) or None,
    }  # fmt: skip
    if found not in ADDED:
        return facts, []
    try:
        changes = parts_of(container).changes
    except RefusedError as error:
        return facts, [error.message()]
    ranks, stated = sorted({change.rank for change in changes}), settings.number("r")
    modules = sorted({change.module.rpartition(".")[2] for change in changes})
    facts |= {"ranks": ranks, "matrices": len(changes), "modules": [printable(name, 60) for name in modules[:MOST_MODULES]]}
    other = stated is not None and changes and ranks != [stated] and not settings.raw("rank_pattern")
    return facts, [message("adapters.other_rank", stated=stated, ranks=ranks)] if other else []


_OTHER_BASE = message("advice.trained_base")


def adapted(base: Container, adapter: Container, config: Mapping[str, Any]) -> tuple[AdaptedContainer, list[Message]]:
    """The base with the adapter's change added, and what is to be said.

    config: the adapter's (adapter_config.json).
    Raises: RefusedError for an adapter that is not low-rank, modules the base lacks, or shapes that do not meet.
    """
    settings = Settings(config)
    kind = settings.text("peft_type") or adapter_kind(adapter.tensors)
    if kind and kind not in ADDED:
        other = message("adapter.kind", kind=repr(printable(kind, 40)), names=" and ".join(ADDED))
        raise _refuse(adapter, other, message("advice.merge"))
    _refuse_other_sums(adapter, settings)
    parts = parts_of(adapter)
    if not parts.changes and not parts.tokens:
        raise _refuse(adapter, message("adapter.no_pair"))
    changes = {}
    patterns = ByModule(settings.raw("alpha_pattern"), str(adapter.paths[0]) if adapter.paths else "", "alpha_pattern")
    turned = _inputs_first(base)
    for pair in parts.changes:
        name = _target(base, f"{pair.module}.weight")
        if name is None:
            raise _refuse(adapter, message("adapter.no_module", name=quoted(pair.module)))
        changes[name] = _change(base, adapter, pair, name, turned, _scale(settings, pair, patterns))
    placed = {_target(base, name) or name: source for name, source in parts.whole.items()}
    tokens = {}
    for module, source in parts.tokens.items():
        name, rows = _token_rows(base, adapter, module, source, settings)
        tokens[name] = source, rows
    said = [message("opening.adapter_added", count=len(changes))] if not placed else [
        message("opening.adapter_added_placed", count=len(changes), placed=len(placed))]  # fmt: skip
    said += [message("limit.adapter_rows", count=rows.size, name=printable(name, 80)) for name, (_, rows) in tokens.items()]
    if parts.left:
        said.append(message("limit.adapter_left", count=len(parts.left), name=printable(parts.left[0], 80)))
    return AdaptedContainer(base, adapter, changes, placed, tokens), said


def unties(base: Container, adapter: Container, embedding: str, head: str) -> bool:
    """Whether an adapter changes one of two uses of a matrix: PEFT wraps one module, and the other keeps what the base had.

    base: with the matrix under both names. Rows of tokens of the embedding count for both (PEFT ties them itself).
    """
    parts = parts_of(adapter)
    touched = {_target(base, f"{pair.module}.weight") for pair in parts.changes} | {_target(base, name) for name in parts.whole}
    return embedding in touched or head in touched | {_target(base, f"{module}.weight") for module in parts.tokens}


def _refuse_other_sums(adapter: Container, settings: Settings) -> None:
    """Low-rank adapters that their library does not simply add: to the base given, or at all."""
    how = settings.raw("init_lora_weights")
    if isinstance(how, str) and how.lower().startswith(TAKEN_AWAY):
        raise _refuse(adapter, message("adapter.taken_away", how=repr(printable(how, 40))), message("advice.merge"))
    key = next((key for key in OTHER_SUMS if settings.raw(key)), None)
    if key is not None:
        raise _refuse(adapter, message("adapter.other_sum", key=key), message(f"advice.{OTHER_SUMS[key]}"))


def _token_rows(
    base: Container, adapter: Container, module: str, source: str, settings: Settings
) -> tuple[str, NDArray[np.intp]]:
    """The base's tensor whose rows are replaced, and which: `trainable_token_indices` of the embedding or by module."""
    name = _target(base, f"{module}.weight")
    if name is None:
        raise _refuse(adapter, message("adapter.no_module", name=quoted(module)))
    stated = settings.raw("trainable_token_indices") or settings.raw("token_indices")
    if isinstance(stated, Mapping):
        stated = next((rows for key, rows in stated.items() if module == key or module.endswith(f".{key}")), None)
    shape, rows = base.tensors[name].shape, adapter.tensors[source].shape
    found = rows[0] if rows else 0
    if not isinstance(stated, list) or len(stated) != found:
        count = len(stated) if isinstance(stated, list) else 0
        raise _refuse(adapter, message("adapter.tokens", stated=count, name=quoted(name), found=found))
    if len(shape) != 2 or rows[1:] != shape[1:] or not all(type(t) is int and 0 <= t < shape[0] for t in stated):
        raise _refuse(adapter, message("adapter.rows", rows=str(rows), name=quoted(name), shape=str(shape)))
    return name, np.array(stated, dtype=np.intp)


def _target(base: Container, name: str) -> str | None:
    """The base's own name for a module's tensor: prefixes differ between a model and its inner model."""
    for candidate in (name, name.removeprefix("model."), f"model.{name}", name.removeprefix("transformer."),
                      f"transformer.{name}"):  # fmt: skip
        if candidate in base.tensors:
            return candidate
    return None


def _inputs_first(base: Container) -> bool:
    """Whether the base's matrices lie turned (transformers' Conv1D), as those that are not square show by their biases.

    PEFT goes by the module too and overrides `fan_in_fan_out` where it says otherwise (tuners/lora/layer.py, dispatch_default).
    """
    sides = [0, 0]
    for name, entry in base.tensors.items():
        bias = base.tensors.get(f"{name.removesuffix('weight')}bias") if name.endswith(".weight") else None
        if bias is None or len(bias.shape) != 1 or len(entry.shape) != 2 or entry.shape[0] == entry.shape[1]:
            continue
        if bias.shape[0] in entry.shape:
            sides[entry.shape.index(bias.shape[0])] += 1
    return sides[1] > sides[0]


def _change(base: Container, adapter: Container, pair: LowRank, name: str, inputs_first: bool, scale: float) -> Change:
    """inputs_first: how square matrices of the base lie; others show it themselves."""
    shape = base.tensors[name].shape
    change = (adapter.tensors[pair.up].shape[0], adapter.tensors[pair.down].shape[1])
    turned = pair.embedding or (inputs_first if change[0] == change[1] else shape == change[::-1])
    if shape != (change[::-1] if turned else change):
        raise _refuse(adapter, message("adapter.change", name=quoted(name), change=str(change), shape=str(shape)))
    if pair.magnitude and adapter.tensors[pair.magnitude].parameters != shape[1 if turned else 0]:
        raise _refuse(adapter, message("adapter.magnitudes", name=quoted(name)))
    return Change(pair, scale, turned)


def _scale(settings: Settings, pair: LowRank, patterns: ByModule) -> float:
    """alpha / rank, or alpha / sqrt(rank) when rank-stabilised; alpha by module where the configuration says so."""
    alpha = patterns.number(pair.module)
    if alpha is None:
        stated = settings.number("lora_alpha")
        alpha = 8.0 if stated is None else float(stated)
    return alpha / (math.sqrt(pair.rank) if settings.raw("use_rslora") else pair.rank)


def _refuse(adapter: Container, what: Message, todo: Message = _OTHER_BASE) -> RefusedError:
    return refusal(what, where=str(adapter.paths[0]) if adapter.paths else "", todo=todo)
