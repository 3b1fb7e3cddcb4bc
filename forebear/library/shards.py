"""Several libraries read as one: what many machines added, each into a library of its own, is searched together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import RefusedError, refusal
from forebear.core.messages import message
from forebear.library.local_store import LocalStore
from forebear.library.places import CATALOGUE
from forebear.library.prints import Print
from forebear.library.store import Fault, Rows

STRIDE = 2**40
"""Handles of one library; those of the next begin there."""


class Shards:
    """See `forebear.library.store.Store`; for reading alone. A model that two libraries hold is counted in each."""

    def __init__(self, folder: str | Path) -> None:
        """Open every library directly in a folder. Raises: RefusedError when there is none, or one cannot be opened."""
        self.folder = Path(folder)
        self.places = sorted(path.parent for path in self.folder.glob(f"*/{CATALOGUE}"))
        if not self.places:
            said = message("library_refused.no_libraries")
            raise refusal(said, where=str(folder), todo=message("library_advice.libraries"))
        self.stores = [LocalStore(place) for place in self.places]

    def _refuse(self) -> NoReturn:
        said = message("library_refused.several")
        raise refusal(said, where=str(self.folder), todo=message("library_advice.one_of"))

    def add(self, one: Print) -> bool:
        """Refused: each library in the folder is written by itself."""
        self._refuse()

    def remove(self, idents: Sequence[str]) -> int:
        """Refused, as `add` is."""
        self._refuse()

    def verify(self) -> list[Fault]:
        """Refused, as `add` is."""
        self._refuse()

    def compact(self) -> int:
        """Refused, as `add` is."""
        self._refuse()

    def get(self, ident: str) -> Print:
        """See `Store.get`: from the first library that has it whole."""
        refused: RefusedError | None = None
        for store in self.stores:
            try:
                return store.get(ident)
            except RefusedError as error:
                refused = refused or error
        assert refused is not None
        raise refused

    def idents(self) -> Iterator[str]:
        """See `Store.idents`; each once."""
        return iter(sorted(set(chain.from_iterable(store.idents() for store in self.stores))))

    def count(self, *, screened: bool = False) -> int:
        """See `Store.count`."""
        return sum(store.count(screened=screened) for store in self.stores)

    def rows(self) -> Iterator[Rows]:
        """See `Store.rows`."""
        for number, store in enumerate(self.stores):
            for rows in store.rows():
                yield rows._replace(handles=rows.handles + number * STRIDE)

    def ident(self, handle: int) -> str | None:
        """See `Store.ident`."""
        number, inside = divmod(int(handle), STRIDE)
        return self.stores[number].ident(inside)

    def by_digest(self, digests: NDArray[np.uint64]) -> Mapping[str, set[int]]:
        """See `Store.by_digest`."""
        found: dict[str, set[int]] = {}
        for store in self.stores:
            for ident, values in store.by_digest(digests).items():
                found.setdefault(ident, set()).update(values)
        return found

    def source(self, key: str) -> Mapping[str, Any] | None:
        """See `Store.source`."""
        return next((known for store in self.stores if (known := store.source(key)) is not None), None)

    def named(self, word: str) -> list[str]:
        """See `Store.named`."""
        return sorted(set(chain.from_iterable(store.named(word) for store in self.stores)))

    def close(self) -> None:
        """See `Store.close`."""
        for store in self.stores:
            store.close()
