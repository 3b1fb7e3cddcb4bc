"""Moves that leave outputs, from a family's definition alone: what it calls free, drawn anew or aligned to a candidate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.reading.folded import Side, centred
from forebear.comparison.reading.norms import norm_rule
from forebear.core.seeds import generator
from forebear.models.architecture.definition import NormRule
from forebear.models.axes import negate, permute
from forebear.models.checkpoint import Checkpoint, open_checkpoint, open_checkpoint_from
from forebear.stats.alignment import assign
from forebear.stats.gauge import polar
from forebear.stats.joint import align
from forebear.stats.strength import Neurons, cosine_table, free_signs, neurons
from tests.memory import MemoryContainer
from tests.protocols.folding import folded, rotation, turned, untied
from tests.protocols.proof import scopes

Arrays = dict[str, NDArray[Any]]
Made = tuple[Arrays, dict[str, Any], Path]
"""Arrays and configuration of a subject, and the folder whose outputs it keeps."""
STARTS = 3
"""Drawn rotations that the joint aligner begins with, besides that of the embedding."""


def rewritten(folder: Path, seed: int) -> Made:
    """Gains folded, the residual turned (its channels reordered where it cannot be), every other axis reordered, signs drawn."""
    rng = generator("bench/family_moves", seed)
    checkpoint, rule, arrays, config = _opened(folder)
    free = [name for name, axis in checkpoint.axes.items() if axis.permutation]
    if rule.turned:
        width = checkpoint.width
        arrays = turned(checkpoint, arrays, rotation(width, keep_ones=rule.layer_norm, seed=seed))
        free.remove("channel")
    for name in free:
        for where, size in scopes(checkpoint, name):
            arrays = permute(arrays, checkpoint, name, rng.permutation(size), **where)
            if checkpoint.axes[name].sign:
                arrays = negate(arrays, checkpoint, name, rng.choice([-1, 1], size), **where)
    return arrays, config, folder


def framed(folder: Path, candidate: Path, seed: int) -> Made:
    """An independent as near to the candidate as the joint aligner brings it, by what its rule leaves free."""
    checkpoint, rule, arrays, config = _opened(folder)
    other, other_rule, _, _ = _opened(candidate)
    there = _layers(other, other_rule)
    if rule.turned:
        pairs = list(zip(_layers(checkpoint, rule), there, strict=True))
        rng = generator("bench/family_moves/framed", seed)
        draws = rng.integers(0, 2**31, STARTS)
        starts = [_from_embedding(checkpoint, other, rule)]
        starts += [rotation(checkpoint.width, keep_ones=rule.layer_norm, seed=int(n)).astype(np.float32) for n in draws]
        best = max((align(pairs, start) for start in starts), key=lambda found: found.pooled).rotation
        arrays = turned(checkpoint, arrays, _whole(best, rule))
    else:
        arrays = _channels(checkpoint, rule, arrays, other, there)
    moved = _reopened(arrays, config)
    for layer, (mine, theirs) in enumerate(zip(_layers(moved, rule), there, strict=True)):
        order = assign(cosine_table(theirs, mine))
        arrays = permute(arrays, checkpoint, "neuron", order, layer=layer)
        if checkpoint.axes["neuron"].sign:
            placed = mine.take(order.astype(np.intp))
            arrays = negate(arrays, checkpoint, "neuron", free_signs(placed, theirs, np.arange(len(theirs))), layer=layer)
    return arrays, config, folder


def _opened(folder: Path) -> tuple[Checkpoint, NormRule, Arrays, dict[str, Any]]:
    """A checkpoint with its gains folded where its rule says so, head apart from the embedding; values in float64."""
    found = open_checkpoint(folder)
    arrays = {name: np.asarray(found.container.read(name), dtype=np.float64) for name in found.container.tensors}
    config = dict(found.config)
    found.close()
    checkpoint = _reopened(arrays, config)
    rule = norm_rule(checkpoint)
    assert rule is not None
    if rule.pre_norm:
        arrays, config = untied(checkpoint, arrays, config)
        checkpoint = _reopened(arrays, config)
        arrays, _ = folded(checkpoint, arrays, rule)
        checkpoint = _reopened(arrays, config)
    return checkpoint, rule, arrays, config


def _reopened(arrays: Arrays, config: dict[str, Any]) -> Checkpoint:
    return open_checkpoint_from(MemoryContainer(arrays), config)


def _layers(checkpoint: Checkpoint, rule: NormRule) -> list[Neurons]:
    side = Side(checkpoint, rule)
    return [neurons(side.pooled(n, directions=True)) for n in range(checkpoint.layers)]


def _table(checkpoint: Checkpoint, rule: NormRule) -> NDArray[np.float32]:
    piece = checkpoint.piece("embedding", None)
    assert piece is not None
    return centred(np.asarray(checkpoint.container.read(piece.tensor), dtype=np.float32), rule.mean_subtracted)


def _from_embedding(one: Checkpoint, other: Checkpoint, rule: NormRule) -> NDArray[np.float32]:
    return polar(_table(one, rule), _table(other, rule))


def _whole(turn: NDArray[np.float32], rule: NormRule) -> NDArray[np.float64]:
    """A full orthogonal matrix: under LayerNorm the all-ones direction, which rows lack, goes to itself."""
    out = turn.astype(np.float64)
    if rule.mean_subtracted:
        ones = np.full(out.shape, 1 / len(out))
        away = np.eye(len(out)) - ones
        out = away @ out @ away + ones
    left, _, right = np.linalg.svd(out)
    return np.asarray(left @ right)


def _channels(
    checkpoint: Checkpoint, rule: NormRule, arrays: Arrays, other: Checkpoint, there: list[Neurons]
) -> Arrays:
    """Channels in the order, and signs where free, nearest to the candidate's: embedding first, then neurons matched under it."""
    signed = checkpoint.axes["channel"].sign
    here = _layers(checkpoint, rule)
    tables = _table(checkpoint, rule), _table(other, rule)
    first = (tables[0].T @ tables[1]).astype(np.float64)
    first /= np.linalg.norm(tables[0]) * np.linalg.norm(tables[1])
    cross = first
    for _ in range(4):
        order = assign(np.ascontiguousarray((np.abs(cross) if signed else cross).T))
        chosen = cross[order, np.arange(len(order))]
        sign = np.where(chosen < 0, -1, 1) if signed else np.ones(len(order), dtype=int)
        cross = first
        for mine, theirs in zip(here, there, strict=True):
            moved = Neurons(tuple(v[:, order] * sign.astype(np.float32) for v in mine.views), mine.usable, mine.gated)
            partner = assign(cosine_table(moved, theirs))
            flips = free_signs(moved, theirs, partner)[:, None]
            for place, (x, y) in enumerate(zip(mine.views, theirs.views, strict=True)):
                cross = cross + (x * flips if place else x).T @ y[partner] / len(mine)
    arrays = permute(arrays, checkpoint, "channel", order)
    return negate(arrays, checkpoint, "channel", sign) if signed else arrays
