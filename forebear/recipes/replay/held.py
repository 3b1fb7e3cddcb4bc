"""Models that replay holds in memory, seen as checkpoints; checkpoints read into models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import refusal
from forebear.core.messages import message
from forebear.core.sizes import show_size
from forebear.files.base import Container, Float32, TensorEntry
from forebear.models.checkpoint import Checkpoint, open_checkpoint_from
from forebear.recipes.narrow import to_bfloat16, to_half
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.storage import NATIVE, encode, tag_of


class ModelContainer(Container):
    """The arrays of a model as a container; nothing is copied until rows are asked for."""

    def __init__(self, model: Model) -> None:
        self._arrays = model.arrays
        tags = {name: model.dtypes.get(name) or tag_of(array) for name, array in model.arrays.items()}
        entries = {
            name: TensorEntry(name, tags[name], tuple(array.shape), array.nbytes)
            for name, array in model.arrays.items()
        }
        super().__init__("memory", (), entries, {})

    def rows(self, name: str, start: int = 0, stop: int | None = None) -> Float32:
        """See `Container.rows`."""
        array = self._arrays[name]
        return np.ascontiguousarray(array.reshape(1) if array.ndim == 0 else array[start:stop], dtype=np.float32)

    def take(self, name: str, indices: Sequence[int] | NDArray[np.intp]) -> Float32:
        """See `Container.take`."""
        return np.ascontiguousarray(self._arrays[name][np.asarray(indices, dtype=np.intp)], dtype=np.float32)

    def stored(self, name: str) -> Iterator[memoryview]:
        """See `Container.stored`."""
        yield memoryview(np.ascontiguousarray(encode(self._arrays[name], self.tensors[name].dtype)).tobytes())

    def close(self) -> None:
        """Nothing to release."""


def as_checkpoint(model: Model) -> Checkpoint:
    """A model held in memory, seen through its family's definition."""
    return open_checkpoint_from(ModelContainer(model), model.config)


def check_size(checkpoint: Checkpoint, most_bytes: int) -> None:
    """Refuse a model that takes more than `most_bytes` in float32. Raises: RefusedError."""
    needed = 4 * sum(entry.parameters for entry in checkpoint.container.tensors.values())
    if needed > most_bytes:
        raise refusal(
            message("recipe_refused.memory", needed=show_size(needed), most=show_size(most_bytes)),
            where=str(checkpoint.folder or ""),
            todo=message("recipe_refused.budget"),
        )


def as_model(checkpoint: Checkpoint, most_bytes: int) -> Model:
    """Every tensor of a checkpoint in memory, float32 but for whole numbers and 64-bit values.

    Raises: RefusedError where that takes more than `most_bytes`.
    """
    check_size(checkpoint, most_bytes)
    tensors = checkpoint.container.tensors
    arrays: dict[str, Any] = {}
    held: dict[str, str] = {}
    for name, entry in tensors.items():
        if entry.dtype in NATIVE and entry.dtype not in ("F16", "F32"):
            stored = b"".join(checkpoint.container.stored(name))
            arrays[name] = np.frombuffer(stored, dtype=NATIVE[entry.dtype]).reshape(entry.shape)
        else:
            arrays[name] = checkpoint.container.read(name)
            if entry.dtype in ("BF16", "F16"):
                held[name] = entry.dtype
    return Model(arrays, dict(checkpoint.config), None, held)


def narrower_type(subject: Model, candidate: Model) -> str:
    """The narrower type that every matrix of the subject stands in and not every one of the candidate's; "" without one."""
    for dtype, cast in (("F16", to_half), ("BF16", to_bfloat16)):
        mine, theirs = (
            all(np.array_equal(a, cast(a)) for a in model.arrays.values() if a.ndim == 2 and a.dtype.kind == "f")
            for model in (subject, candidate)
        )
        if mine and not theirs:
            return dtype
    return ""
