"""In which order the nibbles of AWQ matrices stand, AWQ's or plain: told from codes and scales (decision 0126), else as stated.

Sources of what is stated: AutoAWQ (`version`), AMD Quark (`pack_method`: "reorder" is AWQ's order, "order" is plain), AutoRound
(`packing_format`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from forebear.files.views.quantised_find import Recognised
from forebear.files.views.quantised_packed import AWQ_ORDER, PLAIN_ORDER, Order, unpack_across, words

SAMPLED_BYTES = 2**21
"""Packed codes that are read, of all matrices together; half of it of one at most."""
LEAST_WORDS = 32
"""Words across the outputs, of all matrices together, below which nothing is told."""
ERRORS = 6.0
"""Standard errors by which one order must be the better one."""
LEAST_SPREAD = 0.25
"""Spread of a group's codes, in steps, below which it counts as this: a group of equal codes has none."""


def stated_order(settings: Mapping[str, object]) -> Order | None:
    """The order that a configuration's `quantization_config` states; None where it says nothing of it."""
    export = settings.get("export")
    method = (export if isinstance(export, Mapping) else settings).get("pack_method")
    if method in ("order", "reorder"):
        return PLAIN_ORDER if method == "order" else AWQ_ORDER
    awq = settings.get("quant_method") == "awq" or "awq" in str(settings.get("packing_format", ""))
    return AWQ_ORDER if awq else None


def order_by_values(found: Recognised) -> Order | None:
    """The order to which the scales belong; None where both fit as well, or too little is there.

    A group with one far value has a large scale and codes that lie close together, so over the groups of one output the
    scale falls as the spread of its codes grows. The right order shows this; under the other a scale meets the codes of
    another output.
    Null:    no order to be seen: either is as good. Words are taken as independent. Thresholds: decision 0126.
    """
    units = np.concatenate([np.zeros(0), *_units(found)])
    if units.size < LEAST_WORDS or not (spread := float(units.std(ddof=1))):
        return None
    errors = float(units.mean()) * units.size**0.5 / spread
    return None if abs(errors) < ERRORS else PLAIN_ORDER if errors > 0 else AWQ_ORDER


def _units(found: Recognised) -> Iterator[NDArray[np.float64]]:
    """For some matrices, of every word across the outputs: how much better plain order fits. Shape (words,)."""
    left = SAMPLED_BYTES
    for name in found.tensors:
        stem = name.removesuffix(".qweight")
        packed, scales = found.shape(name, 2), found.shape(f"{stem}.scales", 2)
        if name == stem or packed is None or scales is None or found.dtype(name) != "I32" or packed[1] * 8 != scales[1]:
            continue
        group = packed[0] // scales[0]
        groups = min(scales[0], min(left, SAMPLED_BYTES // 2) // max(1, 4 * group * packed[1]))
        if groups < 2 or group < 2 or group * scales[0] != packed[0] or not found.floats(f"{stem}.scales"):
            continue
        left -= groups * group * packed[1] * 4
        codes = unpack_across(words(found.container, name, 0, groups * group), 4)
        yield _better(codes.reshape(groups, group, -1), found.container.rows(f"{stem}.scales", 0, groups))


def _better(codes: NDArray[np.int32], scales: NDArray[np.float32]) -> NDArray[np.float64]:
    """How much more the logarithm of the scale falls with that of the spread under plain order than under AWQ's.

    Shapes: codes (groups, group, out) as they are stored, scales (groups, out) -> (out / 8,).
    """
    with np.errstate(all="ignore"):
        sizes = np.log(np.abs(scales.astype(np.float64)))
    sizes = _centred(np.where(np.isfinite(sizes), sizes, 0.0)).reshape(len(scales), -1, 8)
    spreads = _centred(np.log(np.maximum(codes.std(axis=1), LEAST_SPREAD))).reshape(sizes.shape)
    found: NDArray[np.float64] = (spreads * (sizes[:, :, list(AWQ_ORDER)] - sizes)).sum(axis=(0, 2))
    return found


def _centred(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Without what a group, or an output, has in common. Shape (groups, out), as given."""
    found: NDArray[np.float64] = values - values.mean(axis=0) - values.mean(axis=1, keepdims=True) + values.mean()
    return found
