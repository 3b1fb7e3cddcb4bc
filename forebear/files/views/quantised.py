"""Quantised safetensors checkpoints under the names of the matrices they stand for: recognised by their tensors."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import RefusedError
from forebear.core.messages import Message, message
from forebear.files.base import Container, Float32, TensorEntry, quoted
from forebear.files.rowwise import RowwiseContainer, row_count
from forebear.files.views.quantised_blocks import FourBitFloat, Microscaled, Scaled, fits, read_state
from forebear.files.views.quantised_packed import Awq, Gptq, Packed

KEPT_BYTES = 64 * 2**20
"""Matrices kept decoded, all together: GPTQ and AWQ store outputs across words, so that one row costs a whole read."""
_SMALL = ("F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "I8")


class Decoder(Protocol):
    """How one tensor is made of several stored ones."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the tensor it makes."""

    @property
    def dtype(self) -> str:
        """Shown as its type."""

    def take(self, container: Container, rows: NDArray[np.intp]) -> Float32:
        """Rows of the tensor. Shape (len(rows), width)."""


class QuantisedContainer(RowwiseContainer):
    """A checkpoint with quantised matrices shown as float; everything else as it is.

    parts: tensor -> the stored tensors it is made of; the first of them is what `stored` gives.
    """

    def __init__(
        self, original: Container, decoders: Mapping[str, Decoder], parts: Mapping[str, tuple[str, ...]]
    ) -> None:
        self._original, self._decoders, self._parts = original, dict(decoders), dict(parts)
        self._kept: OrderedDict[str, Float32] = OrderedDict()
        hidden = {part for names in parts.values() for part in names}
        entries = {name: entry for name, entry in original.tensors.items() if name not in hidden}
        for name, decoder in decoders.items():
            stored = sum(original.tensors[part].stored_bytes for part in parts[name])
            entries[name] = TensorEntry(name, decoder.dtype, decoder.shape, stored)
        super().__init__(original.kind, original.paths, entries, original.metadata, original.odd)
        self.header_digest, self.beside = original.header_digest, original.beside
        self.grain_bytes = original.grain_bytes

    @property
    def bytes_read(self) -> int:
        """Bytes read from the original."""
        return self._original.bytes_read

    @bytes_read.setter
    def bytes_read(self, value: int) -> None:
        if value:
            self._original.bytes_read = value

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
        if not isinstance(decoder, Gptq | Awq) or 4 * entry.parameters > KEPT_BYTES:
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
        self._original.close()


class _Recognised:
    """The decoders found so far."""

    def __init__(self, container: Container, settings: Mapping[str, Any]) -> None:
        self.container, self.tensors, self.settings = container, container.tensors, settings
        self.decoders: dict[str, Decoder] = {}
        self.parts: dict[str, tuple[str, ...]] = {}

    def add(self, name: str, decoder: Decoder, *parts: str) -> None:
        self.decoders[name] = decoder
        self.parts[name] = tuple(part for part in parts if part in self.tensors)

    def shape(self, name: str, rank: int) -> tuple[int, ...] | None:
        entry = self.tensors.get(name)
        return entry.shape if entry is not None and len(entry.shape) == rank and entry.parameters else None

    def refuse(self, stem: str, what: str) -> RefusedError:
        return RefusedError(f"tensor {quoted(stem)} {what}",
                            where=str(self.container.paths[0]) if self.container.paths else "",
                            todo="The checkpoint is damaged or of a kind this version does not know.")  # fmt: skip


def dequantised(container: Container, config: Mapping[str, Any]) -> tuple[Container, list[Message]]:
    """The container with every quantised matrix this version knows shown as float32, and what is to be said.

    config: the checkpoint's configuration; its `quantization_config` settles what the tensors leave open.
    Raises: RefusedError when parts of a quantised matrix contradict each other.
    """
    settings = config.get("quantization_config") or config.get("compression_config") or {}
    found = _Recognised(container, settings if isinstance(settings, Mapping) else {})
    for name in list(container.tensors):
        for ending, recognise in _ENDINGS:
            if name.endswith(ending):
                recognise(found, name, name[: -len(ending)])
                break
    if not found.decoders:
        return container, []
    kinds = sorted({decoder.dtype for decoder in found.decoders.values()})
    said = message("opening.quantised", count=len(found.decoders), names=kinds[:4])
    return QuantisedContainer(container, found.decoders, found.parts), [said]


def _qweight(found: _Recognised, name: str, stem: str) -> None:
    """GPTQ or AWQ, told apart by which side of the matrix is packed."""
    packed, scales = found.shape(name, 2), found.shape(f"{stem}.scales", 2)
    zeros = found.shape(f"{stem}.qzeros", 2)
    if packed is None or scales is None or zeros is None or found.tensors[name].dtype != "I32":
        return
    if found.tensors[f"{stem}.qzeros"].dtype != "I32":
        raise found.refuse(stem, "has zero points that are no words of 32 bits")
    outputs, groups = scales[1], scales[0]
    parts = [f"{stem}.{part}" for part in ("qweight", "qzeros", "scales", "g_idx")]
    if packed[1] * 8 == outputs:
        if packed[0] % groups or zeros != (groups, packed[1]):
            raise found.refuse(stem, "has scales that do not divide its inputs")
        found.add(f"{stem}.weight", Awq(stem, (outputs, packed[0])), *parts)
        return
    bits = _bits(found, zeros[1] * 32 // outputs if outputs else 0)
    inputs = packed[0] * 32 // bits if bits else 0
    if (
        packed[1] != outputs
        or bits not in (2, 3, 4, 8)
        or zeros != (groups, -(-outputs * bits // 32))
        or inputs < groups
    ):
        raise found.refuse(stem, "has packed values, zero points and scales of shapes that do not fit")
    plus_one = str(found.settings.get("checkpoint_format", "gptq")) != "gptq_v2"
    found.add(f"{stem}.weight", Gptq(stem, bits, plus_one, (outputs, inputs)), *parts)


def _bits(found: _Recognised, implied: int) -> int:
    stated = found.settings.get("bits")
    return stated if isinstance(stated, int) and not isinstance(stated, bool) and 0 < stated < 32 else implied


def _packed_weight(found: _Recognised, name: str, stem: str) -> None:
    """compressed-tensors: words of whole numbers, or bytes of four-bit floats."""
    packed, scales = found.shape(name, 2), found.shape(f"{stem}.weight_scale", 2)
    if packed is None or scales is None or packed[0] != scales[0]:
        return
    parts = [f"{stem}.{part}" for part in ("weight_packed", "weight_scale", "weight_shape", "weight_zero_point",
                                           "weight_g_idx", "weight_global_scale")]  # fmt: skip
    if found.tensors[name].dtype == "U8":
        shape = (packed[0], packed[1] * 2)
        if shape[1] % scales[1]:
            raise found.refuse(stem, "has scales that do not divide its inputs")
        whole = found.tensors.get(f"{stem}.weight_global_scale")
        if whole is not None and whole.parameters != 1:
            raise found.refuse(stem, f"has {whole.parameters:,} global scales")
        kind = "MXFP4" if found.tensors[f"{stem}.weight_scale"].dtype == "U8" else "NVFP4"
        found.add(f"{stem}.weight", FourBitFloat(stem, shape, kind), *parts)
        return
    stated = found.shape(f"{stem}.weight_shape", 1)
    if found.tensors[name].dtype != "I32" or stated != (2,):
        return
    sizes = found.container.read(f"{stem}.weight_shape")
    if not (np.abs(sizes) < 2**32).all():  # no number, or none that fits
        raise found.refuse(stem, "states a shape that is none")
    outputs, inputs = (int(size) for size in sizes)
    bits = next((b for b in (4, 8, 2, 3, 5, 6, 7) if packed[1] == -(-inputs * b // 32)), 0)
    if outputs != packed[0] or not bits or not 0 < inputs < 2**32:
        raise found.refuse(stem, "is packed in words that do not fit its stated shape")
    zeros = found.tensors.get(f"{stem}.weight_zero_point")
    if zeros is not None and (zeros.dtype != "I32" or zeros.shape != (-(-outputs * bits // 32), scales[1])):
        raise found.refuse(stem, "has zero points that do not fit its scales")
    found.add(f"{stem}.weight", Packed(stem, bits, (outputs, inputs)), *parts)


def _scale_of(found: _Recognised, name: str, stem: str) -> None:
    """A float or whole-number matrix with scales beside it: X.weight with X.weight_scale or X.weight_scale_inv."""
    stored = found.tensors.get(f"{stem}.weight")
    if stored is None or stored.dtype not in _SMALL or not stored.shape:
        return
    block = _block(found) if name.endswith("_inv") else (0, 0)
    scale = found.tensors[name].shape
    if not fits(stored.shape, scale, block):
        raise found.refuse(f"{stem}.weight", f"of shape {stored.shape} has scales of shape {scale}")
    zero = f"{stem}.weight_zero_point" if f"{stem}.weight_zero_point" in found.tensors else ""
    if zero and not fits(stored.shape, found.tensors[zero].shape, block):
        raise found.refuse(f"{stem}.weight", f"of shape {stored.shape} has zero points of another shape")
    kind = "FP8" if stored.dtype.startswith("F8") else "int8"
    decoder = Scaled(f"{stem}.weight", name, stored.shape, f"{kind} scaled", block, 1.0, zero)
    found.add(f"{stem}.weight", decoder, f"{stem}.weight", name, zero)


def _block(found: _Recognised) -> tuple[int, int]:
    stated = found.settings.get("weight_block_size")
    if isinstance(stated, list) and len(stated) == 2 and all(type(s) is int and 0 < s < 2**20 for s in stated):
        return stated[0], stated[1]
    return 128, 128


def _rowwise(found: _Recognised, name: str, stem: str) -> None:
    """bitsandbytes, eight bits: X.weight with the largest absolute value of each row, X.SCB."""
    stored, largest = found.tensors.get(f"{stem}.weight"), found.tensors[name]
    if stored is None or stored.dtype != "I8" or len(stored.shape) != 2:
        return
    if largest.shape != (stored.shape[0],):
        raise found.refuse(f"{stem}.weight", f"has {stored.shape[0]:,} rows and {largest.parameters:,} row maxima")
    decoder = Scaled(f"{stem}.weight", name, stored.shape, "bitsandbytes int8", divide=127.0)
    found.add(f"{stem}.weight", decoder, f"{stem}.weight", name, f"{stem}.weight_format")


def _four_bits(found: _Recognised, name: str, stem: str) -> None:
    """bitsandbytes, four bits: the state names the tensor it belongs to."""
    if stem not in found.tensors or found.tensors[stem].dtype != "U8":
        return
    parts = [f"{stem}.{part}" for part in ("absmax", "quant_map", "nested_absmax", "nested_quant_map")]
    found.add(stem, read_state(found.container, name, stem), stem, *parts, name)


def _blocks(found: _Recognised, name: str, stem: str) -> None:
    """gpt-oss: X_blocks and X_scales."""
    blocks, scales = found.shape(name, 4), found.shape(f"{stem}_scales", 3)
    if blocks is None or scales is None or {found.tensors[n].dtype for n in (name, f"{stem}_scales")} != {"U8"}:
        return
    if blocks[:3] != scales or blocks[3] != 16:
        raise found.refuse(stem, f"has blocks of shape {blocks} and scales of shape {scales}")
    found.add(stem, Microscaled(stem, (blocks[0], blocks[2] * 32, blocks[1])), name, f"{stem}_scales")


_ENDINGS: tuple[tuple[str, Callable[[_Recognised, str, str], None]], ...] = (
    (".qweight", _qweight),
    (".weight_packed", _packed_weight),
    (".weight_scale_inv", _scale_of),
    (".weight_scale", _scale_of),
    (".SCB", _rowwise),
    (".quant_state.bitsandbytes__nf4", _four_bits),
    (".quant_state.bitsandbytes__fp4", _four_bits),
    ("_blocks", _blocks),
)
"""By the ending of one stored tensor's name; what comes before it is the stem."""
