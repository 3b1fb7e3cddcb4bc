"""Units of a private axis kept aside while layers are read, for the index audit (METHODS §8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forebear.files.base import Float32
from forebear.stats.audit import lag_sample

SHELF_LAYERS = 4
SHELF_UNITS = 256
SHELF_FEATURES = 256
KEY_UNITS = 64
KEY_FEATURES = 128
MAX_KEYS = 48
MAX_BLOCKS = 4
SIDES = ("subject", "candidate")

Read = Mapping[str, tuple[Float32, Float32]]
Key = tuple[int, int, int]
"""Layer, expert (0 of a plain layer), block (-1 for the whole layer)."""


class Shelved(NamedTuple):
    """A few units of one layer: rows, where they sit in a layer of `size` units, and the size of known blocks."""

    units: Float32
    positions: NDArray[np.int64]
    size: int
    block: int | None
    adjacent: bool


@dataclass
class Shelf:
    """By side: units of a few layers; gate beside up; parts whose signs are tested; and a few units of every layer, expert
    and block, which show whether two of them were drawn with one key."""

    subject: dict[int, Shelved] = field(default_factory=dict)
    candidate: dict[int, Shelved] = field(default_factory=dict)
    gate_up: dict[str, list[tuple[Float32, Float32]]] = field(default_factory=lambda: {s: [] for s in SIDES})
    signs: dict[str, list[tuple[str, Float32]]] = field(default_factory=lambda: {s: [] for s in SIDES})
    keys: dict[str, dict[Key, Float32]] = field(default_factory=lambda: {s: {} for s in SIDES})

    def keep(self, layers: tuple[int, int], expert: int | None, units: tuple[Float32, Float32], read: Read) -> None:
        """Keep what audits need of one layer pair. units: (blocks, units, features) of each side, leading parts side by side."""
        for side, name in enumerate(SIDES):
            self._keep_keys(name, layers[side], expert or 0, units[side])
        if len(self.subject) >= SHELF_LAYERS or expert:
            return
        self.subject[layers[0]], self.candidate[layers[1]] = shelved(units[0]), shelved(units[1])
        if "gate" in read and "up" in read:
            for side, name in enumerate(SIDES):
                self.gate_up[name].append((cut(read["gate"][side][0]), cut(read["up"][side][0])))

    def keep_signs(self, part: str, units: tuple[Float32, Float32]) -> None:
        """Keep rows of a part whose signs are tested: (units, features) of each side, uncentred."""
        for side, name in enumerate(SIDES):
            if len(self.signs[name]) < 2 * SHELF_LAYERS:
                self.signs[name].append((part, cut(units[side])))

    def _keep_keys(self, side: str, layer: int, expert: int, units: Float32) -> None:
        keys = self.keys[side]
        if len(keys) >= MAX_KEYS * MAX_BLOCKS:
            return
        keys[(layer, expert, -1)] = key_of(flat(units))
        if units.shape[0] > 1 and len(self.subject) < SHELF_LAYERS:
            for block in range(min(MAX_BLOCKS, units.shape[0])):
                keys[(layer, expert, block)] = key_of(units[block])


def flat(units: Float32) -> Float32:
    """(blocks, units, features) as rows."""
    return units.reshape(-1, units.shape[2])


def cut(units: Float32) -> Float32:
    """The first units and features, copied."""
    return units[:SHELF_UNITS, :SHELF_FEATURES].copy()


def key_of(units: Float32) -> Float32:
    """A few units and features, enough to see whether two layers hold the same ones in the same places."""
    return units[:KEY_UNITS, :KEY_FEATURES].copy()


def shelved(units: Float32) -> Shelved:
    """Of one block, an eighth's units and their images in the other seven, which shows cloned shards; of several, the first."""
    blocks, size, _ = units.shape
    if blocks == 1 and size > SHELF_UNITS:
        positions = lag_sample(size, SHELF_UNITS // 8)[:SHELF_UNITS]
        return Shelved(units[0][positions, :SHELF_FEATURES].copy(), positions, size, None, False)
    rows = cut(flat(units))
    return Shelved(rows, np.arange(len(rows), dtype=np.int64), size * blocks, size if blocks > 1 else None, True)
