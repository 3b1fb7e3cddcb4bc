"""Quantised safetensors checkpoints under the names of the matrices they stand for: recognised by their tensors."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.core.messages import Message, message
from forebear.files.base import Container, CountedBelow, Float32, TensorEntry
from forebear.files.rowwise import RowwiseContainer, row_count
from forebear.files.views import quantised_known as known
from forebear.files.views.quantised_bare import bare_codes, drop_too_large
from forebear.files.views.quantised_exl2 import recognise_exl2
from forebear.files.views.quantised_find import Decoder, Recognised, ShapeOf
from forebear.files.views.quantised_gptq import recognise_qweight
from forebear.files.views.quantised_halves import recognise_hqq, recognise_quanto_bits
from forebear.files.views.quantised_mlx import recognise_mlx
from forebear.files.views.quantised_modelopt import smooth
from forebear.files.views.quantised_named import recognise_quanto_bytes, recognise_torchao
from forebear.files.views.quantised_sparse import recognise_bitmask

KEPT_BYTES = 64 * 2**20
"""Matrices kept decoded, all together, of layouts in which one row costs a whole read."""


class QuantisedContainer(CountedBelow, RowwiseContainer):
    """A checkpoint with quantised matrices shown as float; everything else as it is.

    parts: tensor -> the stored tensors it is made of; the first of them is what `stored` gives.
    codes: entries of tensors that are codes although no decoder is known.
    """

    def __init__(
        self,
        original: Container,
        decoders: Mapping[str, Decoder],
        parts: Mapping[str, tuple[str, ...]],
        codes: Mapping[str, TensorEntry],
    ) -> None:
        self._original, self._decoders, self._parts = original, dict(decoders), dict(parts)
        self._sources = (original,)
        self._kept: OrderedDict[str, Float32] = OrderedDict()
        hidden = {part for names in parts.values() for part in names}
        entries = {name: entry for name, entry in original.tensors.items() if name not in hidden}
        entries |= codes
        for name, decoder in decoders.items():
            stored = sum(original.tensors[part].stored_bytes for part in parts[name])
            entries[name] = TensorEntry(name, decoder.dtype, decoder.shape, stored)
        super().__init__(original.kind, original.paths, entries, original.metadata, original.odd)
        self.header_digest, self.beside = original.header_digest, original.beside
        self.grain_bytes = original.grain_bytes

    def _run(self, entry: TensorEntry, first: int, last: int) -> Float32:
        if entry.name not in self._decoders:
            return self._original.rows(entry.name, first, last)
        return self._decoded(entry, np.arange(first, last, dtype=np.intp))

    def _some(self, entry: TensorEntry, rows: NDArray[np.intp], out: Float32) -> None:
        if entry.name not in self._decoders:
            out[...] = self._original.take(entry.name, rows).reshape(out.shape)
        else:
            out[...] = self._decoded(entry, rows).reshape(out.shape)

    def _decoded(self, entry: TensorEntry, rows: NDArray[np.intp]) -> Float32:
        decoder = self._decoders[entry.name]
        if not decoder.whole or 4 * entry.parameters > KEPT_BYTES:
            return decoder.take(self._original, rows)
        if entry.name not in self._kept:
            self._kept[entry.name] = decoder.take(self._original, np.arange(row_count(entry)[0], dtype=np.intp))
            while sum(values.nbytes for values in self._kept.values()) > KEPT_BYTES:
                self._kept.popitem(last=False)
        self._kept.move_to_end(entry.name)
        return self._kept[entry.name][rows]

    def prefetch(self, wanted: Iterable[tuple[str, NDArray[np.intp]]]) -> None:
        """See `Container.prefetch`; quantised matrices are left to be read when needed."""
        self._original.prefetch((name, rows) for name, rows in wanted if name not in self._decoders)

    def cost(self, name: str, rows: NDArray[np.intp]) -> int:
        """See `Container.cost`; of a quantised matrix, its parts in proportion."""
        return self._original.cost(name, rows) if name not in self._decoders else super().cost(name, rows)

    def stored(self, name: str) -> Iterator[memoryview]:
        """See `Container.stored`; of a quantised matrix, its codes without scales."""
        self._entry(name)
        yield from self._original.stored(self._parts[name][0] if name in self._parts else name)

    def close(self) -> None:
        """Close the original."""
        self._kept.clear()
        super().close()


def _no_shape(name: str) -> None:
    """Nothing is stated."""


def dequantised(
    container: Container, config: Mapping[str, Any], shape_of: ShapeOf = _no_shape
) -> tuple[Container, list[Message]]:
    """The container with every quantised matrix this version knows shown as float32, and what is to be said.

    config: the checkpoint's configuration; its `quantization_config` settles what the tensors leave open.
    shape_of: the shape that the configuration gives a matrix, for layouts that do not store it.
    Raises: RefusedError when parts of a quantised matrix contradict each other.
    """
    found = Recognised(container, config, shape_of)
    for name in list(container.tensors):
        for ending, recognise in ENDINGS:
            if name.endswith(ending):
                recognise(found, name, name[: -len(ending)])
                break
    smooth(found)
    drop_too_large(found)
    codes = bare_codes(found)
    if not found.decoders:
        return (QuantisedContainer(container, {}, {}, codes) if codes else container), found.messages()
    kinds = sorted({decoder.dtype for decoder in found.decoders.values()})
    said = message("opening.quantised", count=len(found.decoders), names=kinds[:4])
    return QuantisedContainer(container, found.decoders, found.parts, codes), [said, *found.messages()]


ENDINGS: tuple[tuple[str, Callable[[Recognised, str, str], None]], ...] = (
    (".qweight", recognise_qweight),
    (".weight_packed", known.recognise_packed_weight),
    (".weight_scale_inv", known.recognise_scale),
    (".weight_scale", known.recognise_scale),
    (".scale_weight", known.recognise_scale),
    (".SCB", known.recognise_row_maxima),
    (".quant_state.bitsandbytes__nf4", known.recognise_four_bits),
    (".quant_state.bitsandbytes__fp4", known.recognise_four_bits),
    ("_blocks", known.recognise_blocks),
    (".scales", recognise_mlx),
    (".W_q", recognise_hqq),
    (".q_weight", recognise_exl2),
    ("_qdata", recognise_torchao),
    ("._data._data", recognise_quanto_bits),
    ("._data", recognise_quanto_bytes),
    (".bitmask", recognise_bitmask),
)
"""One line per layout, by the ending of one stored tensor's name; what comes before it is the stem."""
