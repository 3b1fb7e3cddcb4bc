"""Moves that leave outputs, from a family's definition alone: what it calls free, drawn anew or aligned to a candidate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.family_heads import heads_placed
from bench.framed_anneal import annealed, soft_cross, temperatures
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
    checkpoint, rule, arrays, config = _opened(folder)
    if rule.turned:
        turn = rotation(checkpoint.width, keep_ones=rule.layer_norm, seed=seed)
        arrays = turned(checkpoint, arrays, turn)
    return _shuffled(checkpoint, arrays, seed, keep_channels=rule.turned), config, folder


def permuted(folder: Path, seed: int) -> Made:
    """Every axis that the family calls free reordered, signs drawn where they are free; nothing is folded or turned."""
    checkpoint, arrays, config = _stored(folder)
    return _shuffled(checkpoint, arrays, seed), config, folder


def plain(folder: Path, seed: int) -> Made:
    """As it is. seed: unused, as the other moves have one."""
    _, arrays, config = _stored(folder)
    return arrays, config, folder


def _shuffled(checkpoint: Checkpoint, arrays: Arrays, seed: int, keep_channels: bool = False) -> Arrays:
    rng = generator("bench/family_moves", seed)
    for name in [n for n, axis in checkpoint.axes.items() if axis.permutation and not (keep_channels and n == "channel")]:
        for where, size in scopes(checkpoint, name):
            arrays = permute(arrays, checkpoint, name, rng.permutation(size), **where)
            if checkpoint.axes[name].sign:
                arrays = negate(arrays, checkpoint, name, rng.choice([-1, 1], size), **where)
    return arrays


def framed(folder: Path, candidate: Path, seed: int, cooled: bool = False) -> Made:
    """An independent as near to the candidate as the joint aligner brings it, by what its rule leaves free.

    cooled: soft partners that are cooled to hard ones (bench/framed_anneal.py) from the joint aligner's rotation, from the
            embedding's and from drawn ones as well; the best of all of them. Heads and values are placed too.
    """
    checkpoint, rule, arrays, config = _opened(folder)
    other, other_rule, there_arrays, _ = _opened(candidate)
    here, there = _layers(checkpoint, rule), _layers(other, other_rule)
    pairs = list(zip(here, there, strict=True))
    rng = generator("bench/family_moves/framed", seed)
    if rule.turned:
        draws = rng.integers(0, 2**31, STARTS)
        starts = [_from_embedding(checkpoint, other, rule)]
        starts += [rotation(checkpoint.width, keep_ones=rule.layer_norm, seed=int(n)).astype(np.float32) for n in draws]
        tried = [align(pairs, start) for start in starts]
        best = max(tried, key=lambda found: found.pooled)
        if cooled:
            best = max([best, *(annealed(pairs, s) for s in (best.rotation, *starts))], key=lambda found: found.pooled)
        arrays = turned(checkpoint, arrays, _whole(best.rotation, rule))
    else:
        tables = _table(checkpoint, rule), _table(other, other_rule)
        place = Channels(pairs, tables, signed=checkpoint.axes["channel"].sign)
        order, sign = place.cooled(rng) if cooled else place.in_turns()
        arrays = permute(arrays, checkpoint, "channel", order)
        arrays = negate(arrays, checkpoint, "channel", sign) if place.signed else arrays
    arrays = _neurons_placed(arrays, checkpoint, rule, config, there)
    if cooled:
        arrays = heads_placed(arrays, checkpoint, there_arrays, other)
    return arrays, config, folder


def _neurons_placed(
    arrays: Arrays, checkpoint: Checkpoint, rule: NormRule, config: dict[str, Any], there: list[Neurons]
) -> Arrays:
    """Every neuron at the place of its partner by assignment, with the sign that fits."""
    moved = _reopened(arrays, config)
    for layer, (mine, theirs) in enumerate(zip(_layers(moved, rule), there, strict=True)):
        order = assign(cosine_table(theirs, mine))
        arrays = permute(arrays, checkpoint, "neuron", order, layer=layer)
        if checkpoint.axes["neuron"].sign:
            placed = mine.take(order.astype(np.intp))
            arrays = negate(arrays, checkpoint, "neuron", free_signs(placed, theirs, np.arange(len(theirs))), layer=layer)
    return arrays


def _stored(folder: Path) -> tuple[Checkpoint, Arrays, dict[str, Any]]:
    """A checkpoint with its values in float64."""
    found = open_checkpoint(folder)
    arrays = {name: np.asarray(found.container.read(name), dtype=np.float64) for name in found.container.tensors}
    config = dict(found.config)
    found.close()
    return _reopened(arrays, config), arrays, config


def _opened(folder: Path) -> tuple[Checkpoint, NormRule, Arrays, dict[str, Any]]:
    """A checkpoint with its gains folded where its rule says so, head apart from the embedding; values in float64."""
    checkpoint, arrays, config = _stored(folder)
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


Placing = tuple[NDArray[Any], NDArray[Any]]
"""Order and signs of channels."""


class Channels:
    """Channels in the order, and signs where free, nearest to the candidate's: where the residual cannot be turned.

    pairs: neurons of both sides by layer; tables: rows of both embeddings.
    """

    def __init__(self, pairs: list[tuple[Neurons, Neurons]], tables: tuple[NDArray[Any], NDArray[Any]], signed: bool) -> None:
        self.pairs, self.signed = pairs, signed
        cross = (tables[0].T @ tables[1]).astype(np.float64)
        self.rows: NDArray[Any] = cross / (np.linalg.norm(tables[0]) * np.linalg.norm(tables[1]))

    def in_turns(self) -> Placing:
        """Embedding first, then neurons matched under it."""
        return self._settled(self._nearest(self.rows), rounds=4)

    def cooled(self, rng: np.random.Generator) -> Placing:
        """The best of turns and of soft partners cooled to hard ones, from the embedding and from drawn orders."""
        width = len(self.rows)
        starts = [self.in_turns(), self._nearest(self.rows)]
        starts += [(rng.permutation(width), rng.choice([-1, 1], width) if self.signed else np.ones(width)) for _ in range(STARTS)]
        tried = [starts[0], *(self._settled(self._cooled_from(start), rounds=4) for start in starts)]
        return max(tried, key=self._pooled)

    def _cooled_from(self, start: Placing) -> Placing:
        place = start
        for temperature in temperatures():
            cross = soft_cross(self.pairs, self._matrix(place), temperature)
            place = self._nearest(self.rows + cross / len(self.pairs[0][0]))
        return place

    def _settled(self, place: Placing, rounds: int) -> Placing:
        best, reached = place, self._pooled(place)
        for _ in range(rounds):
            cross = self.rows
            for mine, theirs in self._moved(place):
                partner = assign(cosine_table(mine, theirs))
                flips = free_signs(mine, theirs, partner)[:, None]
                back = mine.turned(self._matrix(place).T)
                for at, (x, y) in enumerate(zip(back.views, theirs.views, strict=True)):
                    cross = cross + (x * flips if at else x).T @ y[partner] / len(mine)
            place = self._nearest(cross)
            now = self._pooled(place)
            if now <= reached:
                break
            best, reached = place, now
        return best

    def _pooled(self, place: Placing) -> float:
        tables = [cosine_table(mine, theirs) for mine, theirs in self._moved(place)]
        return float(np.mean([table[np.arange(len(table)), assign(table)].mean() for table in tables]))

    def _moved(self, place: Placing) -> Iterator[tuple[Neurons, Neurons]]:
        for mine, theirs in self.pairs:
            yield mine.turned(self._matrix(place)), theirs

    def _matrix(self, place: Placing) -> NDArray[np.float32]:
        """The order and signs as a rotation."""
        order, sign = place
        out = np.zeros((len(order), len(order)), dtype=np.float32)
        out[order, np.arange(len(order))] = sign
        return out

    def _nearest(self, cross: NDArray[Any]) -> Placing:
        order = assign(np.ascontiguousarray((np.abs(cross) if self.signed else cross).T))
        chosen = cross[order, np.arange(len(order))]
        return order, np.where(chosen < 0, -1, 1) if self.signed else np.ones(len(order), dtype=int)
