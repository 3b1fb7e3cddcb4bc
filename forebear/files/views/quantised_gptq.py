"""X.qweight with X.qzeros and X.scales: GPTQ and the layouts of AWQ, told apart by shapes; two conventions of GPTQ by its codes.

Source: as quantised_packed.py. AutoGPTQ stores zero points less one ("gptq"), GPTQModel may store them as they are ("gptq_v2"), and
configurations are known to be silent or wrong about it: decision 0020.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from forebear.files.views.quantised_find import Recognised
from forebear.files.views.quantised_nibbles import order_by_values, stated_order
from forebear.files.views.quantised_packed import (
    AWQ_ORDER,
    PLAIN_ORDER,
    Awq,
    AwqRows,
    Gptq,
    stated_groups,
    unpack_across,
    unpack_down,
    words,
)

SAMPLED_BYTES = 2**20
"""Packed codes that are read to tell the convention of zero points, of all matrices together; half a MiB of one at most."""
LEAST_GAP = 0.2
"""How far, in steps, the middle offset must lie from half a step for the codes to decide (decision 0020)."""
ERRORS = 4.0
"""And its interval, by order of the offsets, reaches this many standard errors to both sides."""
_PARTS = ("qweight", "qzeros", "scales", "g_idx")


def recognise_qweight(found: Recognised, name: str, stem: str) -> None:
    """One matrix of GPTQ or AWQ."""
    packed, scales = found.shape(name, 2), found.shape(f"{stem}.scales", 2)
    zeros = found.shape(f"{stem}.qzeros", 2)
    if packed is None or scales is None or zeros is None or found.dtype(name) != "I32" or not found.floats(f"{stem}.scales"):
        return
    if found.dtype(f"{stem}.qzeros") != "I32":
        raise found.refuse(stem, "zero_words")
    parts = [f"{stem}.{part}" for part in _PARTS]
    if packed[1] * 8 == scales[1]:
        if packed[0] % scales[0] or zeros != (scales[0], packed[1]):
            raise found.refuse(stem, "divide", scales=scales, inputs=packed[0])
        _columns_of_awq(found, stem, (scales[1], packed[0]), parts)
    elif found.settings.get("quant_method") == "awq":
        _rows_of_awq(found, stem, packed, scales, zeros)
    else:
        _gptq(found, stem, packed, scales, zeros)


def _columns_of_awq(found: Recognised, stem: str, shape: tuple[int, int], parts: list[str]) -> None:
    """The usual layout; where neither the file nor its values say in which order its nibbles stand, it is left undecoded."""
    if found.nibbles is None:
        stated, told = stated_order(found.settings), order_by_values(found)
        found.nibbles = (told or stated, told not in (None, stated or AWQ_ORDER))
    order, against = found.nibbles
    if order is None:
        found.note("awq.nibbles_open", stem)
        return
    if against:
        found.note("awq.nibbles_plain" if order == PLAIN_ORDER else "awq.nibbles_awq", stem)
    found.add(f"{stem}.weight", Awq(stem, shape, order), *parts)


def _rows_of_awq(
    found: Recognised, stem: str, packed: tuple[int, ...], scales: tuple[int, ...], zeros: tuple[int, ...]
) -> None:
    """The layout for products with one vector; what breaks its rules of padding is left undecoded."""
    group, inputs = found.number("group_size", "q_group_size") or 0, packed[1] * 8
    fits = scales[0] == zeros[0] == packed[0] and scales[1] == zeros[1] * 8
    if fits and group and inputs % group == 0 and inputs // group <= scales[1]:
        parts = [f"{stem}.{part}" for part in _PARTS]
        found.add(f"{stem}.weight", AwqRows(stem, group, (packed[0], inputs)), *parts)


def _gptq(
    found: Recognised, stem: str, packed: tuple[int, ...], scales: tuple[int, ...], zeros: tuple[int, ...]
) -> None:
    groups, outputs = scales
    bits = _bits(found, packed, scales, zeros)
    if not bits:
        raise found.refuse(stem, "three", packed=packed, zeros=zeros, scales=scales)
    plus_one, told = _convention(found)
    if told:
        found.note("limit.zeros_less_one" if plus_one else "limit.zeros_as_stored", stem)
    if f"{stem}.g_idx" in found.tensors and groups > 1 and _never_filled(found, stem, groups):
        found.note("limit.groups_in_order", stem)
    found.add(f"{stem}.weight", Gptq(stem, bits, plus_one, (outputs, packed[0] * 32 // bits)),
              *(f"{stem}.{part}" for part in _PARTS))  # fmt: skip


def _bits(found: Recognised, packed: tuple[int, ...], scales: tuple[int, ...], zeros: tuple[int, ...]) -> int:
    """Bits of a code: those stated if the shapes allow them, else those that the zero points imply; 0: neither fits."""
    groups, outputs = scales
    for bits in (found.number("bits") or 0, zeros[1] * 32 // outputs):
        if (
            bits in (2, 3, 4, 8)
            and packed[1] == outputs
            and zeros == (groups, -(-outputs * bits // 32))
            and packed[0] * 32 // bits >= groups
        ):
            return bits
    return 0


def _never_filled(found: Recognised, stem: str, groups: int) -> bool:
    return stated_groups(found.container, stem, groups) is None


def _convention(found: Recognised) -> tuple[bool, bool]:
    """(whether zero points are stored less one, whether the codes said so against what is stated or usual)."""
    if found.zeros_less_one is None:
        stated = found.settings.get("checkpoint_format") != "gptq_v2"
        by_codes = zeros_less_one(found)
        found.zeros_less_one = (stated, False) if by_codes in (None, stated) else (not stated, True)
    return found.zeros_less_one


def zeros_less_one(found: Recognised) -> bool | None:
    """The convention that the codes show; None where they do not decide.

    Weights lie around zero, so codes lie around their zero point: codes less stored zero points are about 0 in the middle where
    these are stored as they are, about 1 where they are stored less one.
    Null:    of the two conventions, that nearer to the middle offset; assumes that outputs of positive and negative mean are alike
             in number. Thresholds: decision 0020.
    """
    offsets = np.sort(np.concatenate([np.zeros(0), *_offsets(found)]))
    reach = ERRORS * offsets.size**0.5 / 2
    first, last = int(offsets.size / 2 - reach), int(offsets.size / 2 + reach)
    if first < 0 or last >= offsets.size or abs(float(np.median(offsets)) - 0.5) < LEAST_GAP:
        return None
    return True if offsets[first] > 0.5 else False if offsets[last] < 0.5 else None


def _offsets(found: Recognised) -> Iterator[NDArray[np.float64]]:
    """For some matrices, the mean of codes less stored zero points of every output, over the inputs that were read."""
    left = SAMPLED_BYTES
    for name in found.tensors:
        stem = name.removesuffix(".qweight")
        packed, scales, zeros = (found.shape(f"{stem}.{part}", 2) for part in ("qweight", "scales", "qzeros"))
        if name == stem or left <= 0 or packed is None or scales is None or zeros is None:
            continue
        bits = _bits(found, packed, scales, zeros)
        if not bits or found.dtype(name) != "I32" or found.dtype(f"{stem}.qzeros") != "I32":
            continue
        unit = 1 if 32 % bits == 0 else bits
        rows = min(packed[0], max(1, SAMPLED_BYTES // 2 // (4 * packed[1]) // unit) * unit)
        left -= rows * packed[1] * 4
        yield _offset(found, stem, bits, rows, scales[0], packed[0] * 32 // bits)


def _offset(found: Recognised, stem: str, bits: int, rows: int, count: int, inputs: int) -> NDArray[np.float64]:
    codes = unpack_down(words(found.container, f"{stem}.qweight", 0, rows), bits)  # (some inputs, outputs)
    zeros = unpack_across(words(found.container, f"{stem}.qzeros"), bits)[:, : codes.shape[1]]
    groups = stated_groups(found.container, stem, count)
    if groups is None or groups.shape != (inputs,) or groups.min() < 0 or groups.max() >= count:
        groups = np.arange(inputs, dtype=np.intp) // -(-inputs // count)
    stored = zeros[groups[: codes.shape[0]]]
    known = stored < 2**bits - 1  # all ones is also what 0 less one becomes
    total = known.sum(axis=0)
    sums = np.where(known, codes - stored, 0).sum(axis=0, dtype=np.float64)
    kept: NDArray[np.float64] = sums[total > 0] / total[total > 0]
    return kept
