"""What was read at addresses is looked at once more when a run ends; nothing of the network loads for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

MAX_CHECKED_AGAIN = 8
"""Files of a client of which a sample is read again at the end of a run."""


class Checked(Protocol):
    """A client with a check for each of its files."""

    checks: list[Callable[[], None]]


_clients: ContextVar[list[Checked] | None] = ContextVar("clients", default=None)


@contextmanager
def noting_addresses() -> Iterator[None]:
    """Remember whatever is opened at addresses inside, for `check_again`."""
    token = _clients.set([])
    try:
        yield
    finally:
        _clients.reset(token)


def note(client: Checked) -> None:
    """Remember a client, where its run asked for that."""
    if (noted := _clients.get()) is not None:
        noted.append(client)


def check_again() -> None:
    """Read a sample of each file noted once more. Raises RefusedError when one reads differently."""
    for client in _clients.get() or []:
        for check in client.checks[:MAX_CHECKED_AGAIN]:
            check()
