"""How far a long run is: the library tells, whoever listens shows it; nobody has to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[int, int, str], None]
_listeners: list[Listener] = []


def tell(done: int, total: int, what: str) -> None:
    """Tell every listener that `done` of `total` steps are over, and what was last done."""
    for listener in _listeners:
        listener(done, total, what)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Call the listener with every step while the block runs."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
