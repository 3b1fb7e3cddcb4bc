"""config.json as hostile data: read within bounds, looked up by dotted keys, never trusted to hold the right type."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from forebear.core.bounded import parse_json, read_bounded
from forebear.core.errors import refusal
from forebear.core.limits import MAX_CONFIG_BYTES
from forebear.core.messages import message

MAX_CONFIG_VALUES = 1_000_000


def read_config(path: Path) -> dict[str, Any]:
    """The object in a configuration file.

    Raises: RefusedError when it is missing, too large, not strict JSON, or not an object.
    """
    return parse_config(read_bounded(path, MAX_CONFIG_BYTES), where=str(path))


def parse_config(data: bytes, *, where: str) -> dict[str, Any]:
    """The object in a configuration's bytes. Raises: RefusedError when it is not strict JSON, or not an object."""
    raw = parse_json(data, where=where, max_values=MAX_CONFIG_VALUES)
    if not isinstance(raw, dict):
        raise refusal(message("refused.no_object"), where=where, todo=message("advice.one_object"))
    return raw


class Settings(NamedTuple):
    """A configuration seen through the roots under which a family keeps its keys ("" first, then "text_config"...)."""

    config: Mapping[str, Any]
    roots: tuple[str, ...] = ("",)

    def raw(self, key: str) -> Any:
        """The value under a dotted key (numbers count into lists) in the first root that has one; None without."""
        for root in self.roots:
            found: Any = self.config
            for step in (*root.split("."), *key.split(".")) if root else key.split("."):
                if isinstance(found, Mapping):
                    found = found.get(step)
                else:
                    at = int(step) if step.isdecimal() and len(step) < 4 else -1
                    found = found[at] if isinstance(found, list) and 0 <= at < len(found) else None
            if found is not None:
                return found
        return None

    def number(self, key: str) -> int | float | None:
        """A finite number of sensible size under a key; None for anything else (text, truth values, lists, huge)."""
        found = self.raw(key)
        if isinstance(found, bool) or not isinstance(found, int | float):
            return None
        return found if abs(found) < 2**40 and math.isfinite(found) else None

    def text(self, key: str) -> str | None:
        """A string under a key; None for anything else."""
        found = self.raw(key)
        return found if isinstance(found, str) else None
