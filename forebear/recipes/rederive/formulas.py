"""Published merge formulas over arrays, in the order of operations of mergekit, in float32 or rounded after every step.

Source: arcee-ai/mergekit at a6e4028 (linear, slerp, generalized_task_arithmetic, passthrough, sparsify); the papers it cites:
linear 2203.05482, task arithmetic 2212.04089, TIES 2306.01708, DARE 2311.03099. Facts taken, nothing copied.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from forebear.core.errors import refusal
from forebear.core.messages import message
from forebear.files.base import Float32
from forebear.recipes.rederive.casts import bfloat16, float16

Rounding = Callable[[Float32], Float32]
COLLINEAR = 0.9995
"""Cosine above which SLERP is a straight line."""
ROUNDINGS: dict[str, Rounding] = {"float32": lambda values: values, "bfloat16": bfloat16, "float16": float16}


def linear(
    tensors: Sequence[Float32], weights: Sequence[float], normalize: bool, rounding: Rounding = ROUNDINGS["float32"]
) -> Float32:
    """Weighted sum, divided by the sum of the weights where `normalize` says so.

    Shapes: tensors all equal; weights one each. rounding: to the type the sum is taken in.
    """
    sides = rounding(np.asarray(weights, dtype=np.float32))
    total = np.zeros_like(tensors[0])
    for weight, tensor in zip(sides, tensors, strict=True):
        total = total + rounding(weight * tensor)
    total = rounding(total)
    return rounding(total / rounding(_sum(sides))) if normalize else total


def _sum(weights: Float32) -> Float32:
    total = np.float32(0)
    for weight in weights:
        total = np.float32(total + weight)
    return np.asarray(total, dtype=np.float32)


def slerp_factors(t: float, first: Float32, second: Float32) -> tuple[float, float]:
    """The factors of the two tensors on the arc between their directions; (1 - t, t) where they are almost one direction.

    Computed in float64; a converter's own last bits may differ (see `forebear.recipes.rederive.merges`).
    """
    a, b = first.astype(np.float64).reshape(-1), second.astype(np.float64).reshape(-1)
    sizes = np.linalg.norm(a), np.linalg.norm(b)
    if min(sizes) < 1e-8:
        return 1 - t, t
    cosine = float(a @ b / (sizes[0] * sizes[1]))
    if abs(cosine) > COLLINEAR:
        return 1 - t, t
    angle = float(np.arccos(np.clip(cosine, -1, 1)))
    return float(np.sin((1 - t) * angle) / np.sin(angle)), float(np.sin(t * angle) / np.sin(angle))


def trimmed(change: Float32, density: float) -> Float32:
    """A change with only its share `density` of largest entries; ties at the edge are kept as they come in order.

    Raises: RefusedError when nothing would be left.
    """
    if density >= 1:
        return change
    count = int(density * change.size)
    if count <= 0:
        raise refusal(message("recipe_refused.density", density=density, count=change.size))
    order = np.argsort(-np.abs(change.reshape(-1)), kind="stable")[:count]
    out = np.zeros_like(change)
    out.reshape(-1)[order] = change.reshape(-1)[order]
    return out


def task_arithmetic(
    base: Float32, tensors: Sequence[Float32], weights: Sequence[float], *, densities: Sequence[float] | None = None,
    consensus: bool = False, normalize: bool = False, factor: float = 1.0, rescale: bool = False,
    rounding: Rounding = ROUNDINGS["float32"],
) -> Float32:  # fmt: skip
    """base + factor · Σ weight · (tensor − base), each change trimmed to its density, signs agreed where `consensus` (TIES).

    Shapes: all equal. densities: None: nothing is trimmed. rescale: a trimmed change keeps the sum of its sizes.
    """
    changes = []
    for place, tensor in enumerate(tensors):
        change = rounding(tensor - base)
        if densities is not None and densities[place] < 1:
            kept = trimmed(change, densities[place])
            after = np.abs(kept).sum(dtype=np.float32)
            change = rounding(kept * (np.abs(change).sum(dtype=np.float32) / after)) if rescale and after > 1e-7 else kept
        changes.append(change)
    sides = rounding(np.asarray(weights, dtype=np.float32))
    return _joined(base, np.stack(changes), sides, consensus=consensus, normalize=normalize, factor=factor, rounding=rounding)


def _joined(
    base: Float32, changes: Float32, weights: Float32, *, consensus: bool, normalize: bool, factor: float, rounding: Rounding
) -> Float32:
    sides = weights.reshape(-1, *([1] * base.ndim))
    weighted = rounding(changes * sides)
    if consensus:
        majority = np.where(_total(weighted, rounding) >= 0, np.float32(1), np.float32(-1))
        mask = (np.sign(weighted) == majority).astype(np.float32)
        mixed = _total(weighted * mask, rounding)
        divisor = _total(np.broadcast_to(sides, weighted.shape) * mask, rounding)
        divisor = np.where(divisor == 0, np.float32(1), divisor)
    else:
        mixed = _total(weighted, rounding)
        whole = rounding(_sum(weights))
        divisor = np.asarray(1 if abs(float(whole)) < 1e-8 else whole, dtype=np.float32)
    if normalize:
        mixed = rounding(mixed / divisor)
    if factor != 1:
        mixed = rounding(mixed * np.float32(factor))
    return rounding(base + mixed)


def _total(parts: Float32, rounding: Rounding) -> Float32:
    """Sum over the first axis, in order."""
    total = np.zeros_like(parts[0])
    for part in parts:
        total = total + part
    return rounding(total)


def kept_by_chance(
    child: Float32, base: Float32, tensors: Sequence[Float32], weights: Sequence[float], density: Sequence[float],
    rounding: Rounding = ROUNDINGS["float32"],
) -> Float32:  # fmt: skip
    """Share of values that are base plus a sum over some of the changes, each over its density (DARE, whatever the mask).

    Every one of the 2^k subsets of changes is tried on each value: what fits one exactly was drawn by some mask.
    Shapes: all equal; returns a bool array of that shape.
    """
    changes = [rounding(tensor - base) for tensor in tensors]
    sides = rounding(np.asarray(weights, dtype=np.float32))
    fits = np.zeros(child.shape, dtype=bool)
    for chosen in range(2 ** len(changes)):
        total = np.zeros_like(base)
        for place, change in enumerate(changes):
            if chosen >> place & 1:
                total = total + rounding(rounding(change / np.float32(density[place])) * sides[place])
        fits |= child == rounding(base + rounding(total))
    return np.asarray(fits)
