"""What a library's storage offers, whichever engine keeps it; every engine passes tests/protocols/test_stores.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from forebear.core.messages import Message
from forebear.library.prints import Print


class Rows(NamedTuple):
    """Screens side by side. Shapes: handles (n,), screens (n, 847) int8, anchors (n, 160) int8, norms (n,) of the screens.

    A handle leads to a model by `Store.ident`; one whose model is gone leads nowhere.
    """

    handles: NDArray[np.int64]
    screens: NDArray[np.int8]
    anchors: NDArray[np.int8]
    norms: NDArray[np.float32]


class Fault(NamedTuple):
    """Something found wrong. where: the file; said: what; repaired: whether it is whole again."""

    where: str
    said: Message
    repaired: bool


@runtime_checkable
class Store(Protocol):
    """Prints by id, their screens as rows, their digests and sources as an index. Any number read, one at a time writes."""

    def add(self, one: Print) -> bool:
        """Keep a print, durable when this returns. False when its content was there: its names and sources are joined then."""

    def remove(self, idents: Sequence[str]) -> int:
        """Forget prints; how many there were."""

    def get(self, ident: str) -> Print:
        """A print, its own digest checked. Raises: RefusedError when it is not there or damaged."""

    def idents(self) -> Iterator[str]:
        """The ids of all prints, in order."""

    def count(self, *, screened: bool = False) -> int:
        """How many prints there are; screened: only those that have a screen."""

    def rows(self) -> Iterator[Rows]:
        """All screens, a block at a time."""

    def ident(self, handle: int) -> str | None:
        """The id of the model of a row; None when it is gone."""

    def by_digest(self, digests: NDArray[np.uint64]) -> Mapping[str, set[int]]:
        """Which models have tensors of these digests: id -> those that are shared."""

    def source(self, key: str) -> Mapping[str, Any] | None:
        """What the ledger says of a source ("file:...", "hf://org/name@revision"); None when it was never finished."""

    def named(self, word: str) -> list[str]:
        """The ids of prints that are called so, or whose id begins so."""

    def verify(self) -> list[Fault]:
        """Look at every byte; what is torn is named, and rebuilt from what is whole."""

    def compact(self) -> int:
        """Give back what removed prints took; bytes freed."""

    def close(self) -> None:
        """Release files."""


class Near(NamedTuple):
    """Rows that an index proposes. passed: how many screens it looked through in the engine's own, coarser form."""

    passed: int
    rows: Iterator[Rows]


@runtime_checkable
class Indexed(Protocol):
    """A store with an index: it says which rows are worth a look, and what is in them decides."""

    def near(self, screen: NDArray[np.int8], anchors: NDArray[np.int8], most: int) -> Near | None:
        """Rows of the `most` nearest by screen, of the `most` nearest by anchor code, and of every model that the index lacks.

        None: there is no index, or reading everything is as quick. Shapes: screen (847,), anchors (160,), zero where it has none.
        """
