"""Weights held in memory as a container, so that a start made of a seed is read like any checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from forebear.attest.torch_cpu import F32
from forebear.core.limits import READ_BLOCK_BYTES
from forebear.files.base import TensorEntry
from forebear.files.rowwise import RowwiseContainer, row_count
from forebear.models.checkpoint import Checkpoint, open_checkpoint_from


class HeldContainer(RowwiseContainer):
    """Arrays by name, float32."""

    def __init__(self, arrays: Mapping[str, F32]) -> None:
        self._arrays = {name: np.ascontiguousarray(array, dtype=np.float32) for name, array in arrays.items()}
        entries = {name: TensorEntry(name, "F32", array.shape, array.nbytes) for name, array in self._arrays.items()}
        super().__init__("memory", (), entries)

    def _run(self, entry: TensorEntry, first: int, last: int) -> F32:
        rows, width = row_count(entry)
        return self._arrays[entry.name].reshape(rows, width)[first:last]

    def stored(self, name: str) -> Iterator[memoryview]:
        """See `Container.stored`."""
        flat = self._arrays[name].reshape(-1)
        step = READ_BLOCK_BYTES // 4
        for start in range(0, flat.size, step):
            yield flat[start : start + step].data.cast("B")

    def close(self) -> None:
        """Nothing to release."""


def held(arrays: Mapping[str, F32], config: Mapping[str, Any]) -> Checkpoint:
    """A checkpoint over arrays in memory."""
    return open_checkpoint_from(HeldContainer(arrays), config)
