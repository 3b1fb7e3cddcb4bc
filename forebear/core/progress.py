"""How far a long run is: the library tells, whoever listens shows it; nobody has to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[float, str], None]
"""Called with the share of the run that is over, between 0 and 1, and what is at work."""
_listeners: list[Listener] = []
_steps: list[tuple[float, float, str]] = [(0.0, 1.0, "")]
"""Where the step begins that is told of now, how much of the run it is, and its name; the run itself first."""


def tell(done: int, total: int, what: str) -> None:
    """Tell every listener that `done` of `total` parts of the step are over, and what is at work."""
    begin, width, outer = _steps[-1]
    for listener in _listeners:
        listener(begin + width * done / max(1, total), f"{outer}: {what}" if outer else what)


@contextmanager
def within(done: int, total: int, what: str, parts: int = 1) -> Iterator[None]:
    """While the block runs, what is told is of the step after the first `done` of `total` parts, which is `parts` of them long."""
    tell(done, total, what)
    begin, width, outer = _steps[-1]
    _steps.append((begin + width * done / max(1, total), width * parts / max(1, total), f"{outer}: {what}" if outer else what))
    try:
        yield
    finally:
        _steps.pop()


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Call the listener with every step while the block runs."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
