"""A model saved with its low-rank adapter beside every base layer (PEFT, loralib): base plus change, one whole model.

Source: peft/tuners/tuners_utils.py (base_layer), peft/utils/other.py (modules_to_save, original_module); loralib/layers.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from forebear.core.errors import printable
from forebear.core.messages import Message, message
from forebear.files.base import Container
from forebear.files.view import View, renamed
from forebear.models.adapter import CONFIG, adapted, adapter_settings

_SIDE = re.compile(r"(.+?)\.lora_[A-Za-z_]+(?:\.(?!weight$|bias$)([A-Za-z0-9_-]{1,64}))?(?:\.weight|\.bias)?")
_SAVED = re.compile(r"(.+)\.modules_to_save\.([A-Za-z0-9_-]{1,64})\.(.+)")
_PREFIX = "base_model.model."
_ADAPTER_FILE = "adapter_model."
DEFAULT = "default"


def is_whole(container: Container) -> bool:
    """Whether every matrix that a low-rank pair changes is in the same checkpoint, which is not what PEFT calls an adapter.

    PEFT saves embeddings and heads that an adapter changes beside it, and biases that were trained under `base_layer`.
    """
    if any(Path(path).name.startswith(_ADAPTER_FILE) for path in container.paths):
        return False
    stored = set(container.tensors)
    modules = {found[1] for name in stored if (found := _SIDE.fullmatch(name))}
    under = {name.partition(".base_layer.")[0] for name in stored if ".base_layer." in name and not name.endswith(".bias")}
    return bool(modules) and all(module in under or f"{module}.weight" in stored for module in modules)


class _Beside(View):
    """Tensors of a container that another view of it counts and closes."""

    @property
    def bytes_read(self) -> int:
        """Nothing: the other view counts what is read."""
        return 0

    @bytes_read.setter
    def bytes_read(self, value: int) -> None:
        pass

    def close(self) -> None:
        """Leave the file to the other view."""


def merged(container: Container, folder: Path) -> tuple[Container, list[Message]]:
    """The base with its adapter's change added, under the base's names, and what is to be said.

    Several adapters in one file: the one called "default"; without it the base alone, since the file does not say which one
    is in use.
    Raises: RefusedError for a half of a pair, or shapes that do not meet.
    """
    sides = {name: found[2] or "" for name in container.tensors if (found := _SIDE.fullmatch(name))}
    saved = {name: found for name in container.tensors if (found := _SAVED.fullmatch(name))}
    adapters = sorted({*sides.values(), *(found[2] for found in saved.values())})
    active = adapters[0] if len(adapters) == 1 else DEFAULT if DEFAULT in adapters else None
    base = View(container, renamed(_base_names(container, sides, saved, active)))
    if active is None:
        shown = [printable(name, 40) for name in adapters[:4]]
        return base, [message("opening.adapters_unclear", count=len(adapters), names=shown)]
    beside = _Beside(container, renamed({name: name for name, adapter in sides.items() if adapter == active}))
    beside.paths, beside.odd = (), []
    config, said = adapter_settings(folder)
    if not (folder / CONFIG).is_file():
        said = [message("opening.merged_no_config", file=CONFIG)]
    config.pop("init_lora_weights", None)  # whatever it took from the base is gone from the base beside it
    both, changed = adapted(base, beside, config)
    others = [message("opening.adapters_left", count=len(adapters) - 1)] if len(adapters) > 1 else []
    return both, [message("opening.merged"), *changed, *others, *said]


def _base_names(
    container: Container, sides: Mapping[str, str], saved: Mapping[str, re.Match[str]], active: str | None
) -> dict[str, str]:
    """Name without PEFT's words -> stored name, of the base and of modules saved whole in place of the base's."""
    names: dict[str, str] = {}
    for name in container.tensors:
        if name in sides or name in saved:
            continue
        bare = name.replace(".base_layer.", ".").replace(".original_module.", ".")
        names[bare.removeprefix(_PREFIX)] = name
    for name, found in saved.items():
        if found[2] == active:
            names[f"{found[1]}.{found[3]}".removeprefix(_PREFIX)] = name
    return names
