"""Layouts told by names and types of tensors: compressed-tensors, scaled small floats and bytes, bitsandbytes, gpt-oss."""

from __future__ import annotations

import math

import numpy as np

from forebear.files.views.quantised_blocks import FourBitFloat, Microscaled, Scaled, fits, read_state, stated_shape
from forebear.files.views.quantised_find import Recognised, small_values
from forebear.files.views.quantised_halves import recognise_bitnet
from forebear.files.views.quantised_modelopt import recognise_row_pairs
from forebear.files.views.quantised_packed import Packed

_SMALL = ("F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "I8")
USUAL_BLOCK = (128, 128)
POWERS = (16, 32, 64, 128, 256, 512)


def recognise_packed_weight(found: Recognised, name: str, stem: str) -> None:
    """compressed-tensors: words of whole numbers, or bytes of four-bit floats."""
    packed, scales = found.shape(name, 2), found.shape(f"{stem}.weight_scale", 2)
    if packed is None or scales is None or packed[0] != scales[0]:
        return
    parts = [f"{stem}.{part}" for part in ("weight_packed", "weight_scale", "weight_shape", "weight_zero_point",
                                           "weight_g_idx", "weight_global_scale")]  # fmt: skip
    if found.tensors[name].dtype == "U8":
        shape = (packed[0], packed[1] * 2)
        if shape[1] % scales[1]:
            raise found.refuse(stem, "divide", scales=scales, inputs=shape[1])
        whole = found.tensors.get(f"{stem}.weight_global_scale")
        if whole is not None and whole.parameters != 1:
            raise found.refuse(stem, "globals", count=whole.parameters)
        kind = "MXFP4" if found.dtype(f"{stem}.weight_scale") == "U8" else "NVFP4"
        of_all = f"{stem}.weight_global_scale" if whole is not None else ""
        found.add(f"{stem}.weight", FourBitFloat(name, f"{stem}.weight_scale", shape, kind, of_all), *parts)
        return
    stated = found.shape(f"{stem}.weight_shape", 1)
    if found.tensors[name].dtype != "I32" or stated != (2,) or not found.floats(f"{stem}.weight_scale"):
        return
    sizes = found.container.read(f"{stem}.weight_shape")
    if not (np.abs(sizes) < 2**32).all():  # no number, or none that fits
        raise found.refuse(stem, "stated")
    outputs, inputs = (int(size) for size in sizes)
    bits = next((b for b in (4, 8, 2, 3, 5, 6, 7) if packed[1] == -(-inputs * b // 32)), 0)
    if outputs != packed[0] or not bits or not 0 < inputs < 2**32:
        raise found.refuse(stem, "words", packed=packed, shape=(outputs, inputs))
    if scales[1] > inputs:
        raise found.refuse(stem, "divide", scales=scales, inputs=inputs)
    zeros = found.tensors.get(f"{stem}.weight_zero_point")
    if zeros is not None and (zeros.dtype != "I32" or zeros.shape != (-(-outputs * bits // 32), scales[1])):
        raise found.refuse(stem, "zeros", zeros=zeros.shape, scales=scales)
    found.add(f"{stem}.weight", Packed(stem, bits, (outputs, inputs)), *parts)


def recognise_scale(found: Recognised, name: str, stem: str) -> None:
    """A float or whole-number matrix X.weight with X.weight_scale, X.weight_scale_inv or X.scale_weight."""
    stored = found.tensors.get(f"{stem}.weight")
    if stored is not None and stored.dtype == "U8" and name.endswith(".weight_scale"):
        recognise_bytes(found, name, stem)
        return
    if stored is None or stored.dtype not in _SMALL or not stored.shape:
        return
    scale = found.tensors[name].shape
    exponent = found.dtype(name) == "U8"
    if not exponent and not found.floats(name):
        return
    block = _block(found, exponent) if name.endswith("_inv") else (0, 0)
    if block == USUAL_BLOCK and not _stated_block(found) and not fits(stored.shape, scale, block) and _even(stored.shape, scale):
        block = (0, 0)
    if not fits(stored.shape, scale, block):
        raise found.refuse(f"{stem}.weight", "scales", shape=stored.shape, scales=scale)
    zero = f"{stem}.weight_zero_point" if f"{stem}.weight_zero_point" in found.tensors else ""
    if zero and not fits(stored.shape, found.tensors[zero].shape, block):
        raise found.refuse(f"{stem}.weight", "zero_shape", shape=stored.shape, zeros=found.tensors[zero].shape)
    if exponent and not stored.dtype.startswith("F8"):
        return
    kind = "MXFP8" if exponent else "FP8 scaled" if stored.dtype.startswith("F8") else "int8 scaled"
    decoder = Scaled(f"{stem}.weight", name, stored.shape, kind, block, 1.0, zero)
    others = (f"{stem}.{part}" for part in ("scale_input", "input_scale"))
    found.add(f"{stem}.weight", decoder, f"{stem}.weight", name, zero, *others)


def _block(found: Recognised, exponent: bool) -> tuple[int, int]:
    """The block a scale covers: as stated, else 128 x 128; exponents cover equal parts of a row."""
    return _stated_block(found) or ((0, 0) if exponent else USUAL_BLOCK)


def _even(shape: tuple[int, ...], scale: tuple[int, ...]) -> bool:
    """Whether unstated scales can only be one a row, one a column, or a grid of blocks whose sides are powers of two."""
    if len(shape) != 2 or not math.prod(scale):
        return False
    sides = zip(shape, (scale[0], math.prod(scale[1:])), strict=True)
    return all(parts in (1, size) or (size % parts == 0 and size // parts in POWERS) for size, parts in sides)


def _stated_block(found: Recognised) -> tuple[int, int] | None:
    stated = found.settings.get("weight_block_size")
    if isinstance(stated, list) and len(stated) == 2 and all(type(s) is int and 0 < s < 2**20 for s in stated):
        return stated[0], stated[1]
    return None


def recognise_bytes(found: Recognised, name: str, stem: str) -> None:
    """Two four-bit floats or whole numbers a byte, as ModelOpt names them, or four ternary digits a byte (BitNet)."""
    packed, scale = found.shape(f"{stem}.weight", 2), found.tensors[name]
    if packed is None or not scale.parameters:
        return
    if scale.parameters == 1:
        recognise_bitnet(found, name, stem)
        return
    shape, of_all = (packed[0], packed[1] * 2), f"{stem}.weight_scale_2"
    group = shape[1] // scale.shape[-1]
    recognise_row_pairs(found, stem, packed, name)
    if len(scale.shape) != 2 or scale.shape[0] != packed[0] or group * scale.shape[1] != shape[1]:
        return
    parts = (f"{stem}.weight", name, of_all, f"{stem}.input_scale")
    if scale.dtype == "U8" and group == 32:
        found.add(f"{stem}.weight", FourBitFloat(f"{stem}.weight", name, shape, "MXFP4"), *parts)
    elif scale.dtype == "F8_E4M3" and group == 16 and of_all in found.tensors and found.tensors[of_all].parameters == 1:
        found.add(f"{stem}.weight", FourBitFloat(f"{stem}.weight", name, shape, "NVFP4", of_all, True), *parts)


def recognise_row_maxima(found: Recognised, name: str, stem: str) -> None:
    """bitsandbytes, eight bits: X.weight with the largest absolute value of each row, X.SCB.

    X.weight_format other than 0 says that the codes lie in tiles of a GPU (bitsandbytes before 0.45, nn/modules.py): undecoded.
    """
    stored, largest = found.tensors.get(f"{stem}.weight"), found.tensors[name]
    if stored is None or stored.dtype != "I8" or len(stored.shape) != 2 or not found.floats(name):
        return
    if largest.shape != (stored.shape[0],):
        raise found.refuse(f"{stem}.weight", "maxima", rows=stored.shape[0], maxima=largest.parameters)
    if f"{stem}.weight_format" in found.tensors and small_values(found.container, f"{stem}.weight_format", 1) != [0]:
        return
    decoder = Scaled(f"{stem}.weight", name, stored.shape, "bitsandbytes int8", divide=127.0)
    found.add(f"{stem}.weight", decoder, f"{stem}.weight", name, f"{stem}.weight_format")


def recognise_four_bits(found: Recognised, name: str, stem: str) -> None:
    """bitsandbytes, four bits: the state names the tensor it belongs to, whose bytes are codes whatever its type is called.

    Where parameters are cut over ranks, training wants codes stored as a float (`bnb_4bit_quant_storage`); a float tensor of
    another size is a weight that somebody decoded, beside a state that stayed.
    """
    stored = found.tensors.get(stem)
    if stored is None or (stored.dtype != "U8" and math.prod(stated_shape(found.container, name)) != 2 * stored.stored_bytes):
        return
    parts = [f"{stem}.{part}" for part in ("absmax", "quant_map", "nested_absmax", "nested_quant_map")]
    found.add(stem, read_state(found.container, name, stem), stem, *parts, name)


def recognise_blocks(found: Recognised, name: str, stem: str) -> None:
    """gpt-oss: X_blocks and X_scales."""
    blocks, scales = found.shape(name, 4), found.shape(f"{stem}_scales", 3)
    if blocks is None or scales is None or {found.tensors[n].dtype for n in (name, f"{stem}_scales")} != {"U8"}:
        return
    if blocks[:3] != scales or blocks[3] != 16:
        raise found.refuse(stem, "blocks", blocks=blocks, scales=scales)
    found.add(stem, Microscaled(stem, (blocks[0], blocks[2] * 32, blocks[1])), name, f"{stem}_scales")
