"""What a decoder of quantised matrices is, and what those that look for them share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import RefusedError
from forebear.core.messages import Message, message
from forebear.files.base import Container, Float32, quoted
from forebear.files.refusing import refuse_tensor

Rows = NDArray[np.intp]
ShapeOf = Callable[[str], "tuple[int, ...] | None"]
"""The shape that a checkpoint's configuration gives a tensor; None where it gives none."""


_FACTORS = ("F16", "BF16", "F32", "F64", "F8_E4M3", "F8_E5M2", "F8_E8M0")


class Decoder(Protocol):
    """How one tensor is made of several stored ones."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the tensor it makes."""

    @property
    def dtype(self) -> str:
        """Shown as its type."""

    @property
    def whole(self) -> bool:
        """Whether reading one row costs reading all: such a matrix is kept decoded for a while."""

    def take(self, container: Container, rows: Rows) -> Float32:
        """Rows of the tensor. Shape (len(rows), width)."""


class Recognised:
    """The decoders found so far, and what is said of them."""

    def __init__(self, container: Container, config: Mapping[str, Any], shape_of: ShapeOf) -> None:
        stated = (
            config.get("quantization_config") or config.get("compression_config") or config.get("quantization") or {}
        )
        self.container, self.tensors, self.shape_of = container, container.tensors, shape_of
        self.settings: Mapping[str, Any] = stated if isinstance(stated, Mapping) else {}
        self.decoders: dict[str, Decoder] = {}
        self.parts: dict[str, tuple[str, ...]] = {}
        self.said: dict[str, list[str]] = {}
        self.zeros_less_one: tuple[bool, bool] | None = None
        """GPTQ's convention of zero points, once looked for (quantised_gptq.py)."""
        self.nibbles: tuple[tuple[int, ...] | None, bool] | None = None
        """The order of AWQ's nibbles (None: not told) and whether values said so against what is stated, once looked for."""

    def add(self, name: str, decoder: Decoder, *parts: str) -> None:
        """A tensor, how it is made, and the stored ones it is made of; what the file lacks of them is passed over."""
        self.decoders[name] = decoder
        self.parts[name] = tuple(part for part in parts if part in self.tensors)

    def shape(self, name: str, rank: int) -> tuple[int, ...] | None:
        """The shape of a stored tensor that has this many dimensions and some values."""
        entry = self.tensors.get(name)
        return entry.shape if entry is not None and len(entry.shape) == rank and entry.parameters else None

    def dtype(self, name: str) -> str:
        """The type of a stored tensor; "" when there is none."""
        entry = self.tensors.get(name)
        return "" if entry is None else entry.dtype

    def floats(self, *names: str) -> bool:
        """Whether stored tensors are of a type that scales have: whole numbers in their place are another layout's."""
        return all(self.dtype(name) in _FACTORS for name in names)

    def number(self, *keys: str) -> int | None:
        """The first whole number of sensible size that the settings have under one of the keys."""
        for key in keys:
            found = self.settings.get(key)
            if type(found) is int and 0 < found < 2**20:
                return found
        return None

    def note(self, key: str, name: str) -> None:
        """Something told from the data of this tensor, said once with how many it holds for. key: of a message."""
        self.said.setdefault(key, []).append(name)

    def messages(self) -> list[Message]:
        """What was told from the data."""
        return [message(key, count=len(names), name=quoted(names[0])) for key, names in self.said.items()]

    def refuse(self, stem: str, key: str, /, **values: Any) -> RefusedError:
        """A refusal of this matrix. key: of the table `quant`; shapes among the values are shown as lists of sizes."""
        shown = {name: str(value) if isinstance(value, tuple) else value for name, value in values.items()}
        return refuse_tensor(self.container, stem, message(f"quant.{key}", **shown), message("advice.layout"))


def small_values(container: Container, name: str, most: int = 64) -> list[int] | None:
    """The whole numbers of a small tensor; None where it is missing, larger than `most` or holds something else."""
    entry = container.tensors.get(name)
    if entry is None or not 0 < entry.parameters <= most:
        return None
    with np.errstate(invalid="ignore"):  # NaN that signals
        values = container.read(name).reshape(-1).astype(np.float64)
    whole = (
        bool(np.isfinite(values).all())
        and bool((np.abs(values) < 2**40).all())
        and bool((values == np.rint(values)).all())
    )
    return [int(value) for value in values] if whole else None


def fills(shape: tuple[int, ...] | list[int], count: int) -> bool:
    """Whether a stated shape has two or more sizes from 1 up, and this many values."""
    return len(shape) >= 2 and all(0 < size < 2**31 for size in shape) and math.prod(shape) == count
