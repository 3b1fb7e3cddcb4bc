"""What must not outlive this process when a signal ends it: files half written, and processes that it started."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol


class Child(Protocol):
    """A process that was started here, as `subprocess.Popen` has it."""

    def kill(self) -> None:
        """End it at once."""


_unfinished: list[str] = []
_children: list[Child] = []


@contextmanager
def unfinished(path: Path) -> Iterator[None]:
    """A file or folder that is worth nothing until the block has ended: it is removed where the block raises or a signal
    ends the process. What was renamed inside the block is no longer there and stays."""
    name = os.path.abspath(path)
    _unfinished.append(name)  # before it is made: a signal may come right afterwards
    try:
        yield
    except BaseException:
        _remove(name)
        raise
    finally:
        _unfinished.remove(name)


@contextmanager
def child(process: Child) -> Iterator[None]:
    """A process that is ended with this one, and at the end of the block."""
    _children.append(process)
    try:
        yield
    finally:
        _children.remove(process)
        process.kill()


def clear_up() -> None:
    """Remove what is unfinished and end every child: the last thing a process does that a signal stops."""
    for process in list(_children):
        with suppress(OSError):
            process.kill()
    for name in list(_unfinished):
        _remove(name)


def _remove(name: str) -> None:
    """Remove a file, or a folder with all that is in it; links are removed, not followed. What cannot be removed stays.

    Written with `os` alone: it runs inside a signal handler, where importing a module may meet itself half imported.
    """
    with suppress(OSError):
        if os.path.isdir(name) and not os.path.islink(name):
            for entry in os.listdir(name):
                _remove(os.path.join(name, entry))
            os.rmdir(name)
        else:
            os.unlink(name)
