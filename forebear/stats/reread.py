"""Layers of neurons that do not all fit in memory: read again each time their rows are asked for (METHODS §17)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from forebear.stats.arrays import F32, Bools
from forebear.stats.strength import Neurons
from forebear.stats.strength_thresholds import MOST_NEURONS

Read = Callable[[], Neurons]


class Shelf:
    """Keeps the first layers, as many as there is room for, and of the others the one that was read last.

    room: bytes of rows that may stay. It decides how often a layer is read, never what is computed from it.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._last: tuple[Neurons, Neurons] | None = None

    def put(self, layer: Neurons, read: Read) -> Neurons:
        """The layer itself where there is room, else one that `read` brings back.

        >>> from forebear.stats.strength import neurons
        >>> layer = neurons([np.eye(3, dtype=np.float32)] * 2)
        >>> lean = Shelf(0).put(layer, lambda: layer)
        >>> type(lean).__name__, len(lean), lean.width, lean.take(np.array([1])).views[0].tolist()
        ('Reread', 3, 3, [[0.0, 1.0, 0.0]])
        """
        size = sum(view.nbytes for view in layer.views)
        if size <= self._room:
            self._room -= size
            return layer
        return Reread(self, layer.usable, layer.gated, layer.width, read)

    def rows(self, of: Neurons, read: Read) -> tuple[F32, ...]:
        """The rows of a layer that did not stay."""
        if self._last is None or self._last[0] is not of:
            self._last = None  # before the next is there
            self._last = of, read()
        return self._last[1].views


class Reread(Neurons):
    """Neurons whose rows are read when they are asked for. usable, gated, width: as in `Neurons`."""

    def __init__(self, shelf: Shelf, usable: Bools, gated: bool, width: int, read: Read) -> None:
        own = {"usable": usable, "gated": gated, "_shelf": shelf, "_read": read, "_width": width}
        for name, value in own.items():
            object.__setattr__(self, name, value)  # the class is frozen

    @property
    def views(self) -> tuple[F32, ...]:
        """See `Neurons`."""
        return self._shelf.rows(self, self._read)

    @property
    def width(self) -> int:
        """See `Neurons`."""
        return self._width

    def take(self, index: NDArray[np.intp]) -> Neurons:
        """Some of the neurons: in memory where they are a sample, else read when they are asked for as well."""
        if len(index) <= MOST_NEURONS:
            return super().take(index)
        read = super().take
        return Reread(self._shelf, self.usable[index], self.gated, self._width, lambda: read(index))

    _shelf: Shelf
    _read: Read
    _width: int
