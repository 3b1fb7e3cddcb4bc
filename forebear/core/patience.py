"""How long a run waits for addresses: for one request, and in all (`--timeout`, `--deadline`, or the environment)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from forebear.core.errors import UsageError

TIMEOUT_SECONDS = 120.0
"""Longest that one request may take, from looking up the name to the last byte, redirects and further attempts included."""
DEADLINE_SECONDS = 3600.0
"""Longest after its beginning that a run may ask for anything at an address."""
LONGEST_SECONDS = 30 * 86_400.0
Seconds = float | str | None


class Patience(NamedTuple):
    """timeout: seconds for one request. deadline: seconds for the run, shown in messages; ends: when that is over, by
    the monotonic clock, which all processes of a machine share."""

    timeout: float
    deadline: float
    ends: float


_current: ContextVar[Patience | None] = ContextVar("patience", default=None)


def patience() -> Patience:
    """What the running verb was given; outside a verb what the environment says, counted from now."""
    return _current.get() or patience_of(None, None)


def patience_of(timeout: Seconds, deadline: Seconds) -> Patience:
    """Stated seconds, else the environment's (FOREBEAR_TIMEOUT, FOREBEAR_DEADLINE), else the defaults; from now on.

    Raises: UsageError for what is no number of seconds above 0.
    """
    for_one = _seconds(timeout, "--timeout", "FOREBEAR_TIMEOUT", TIMEOUT_SECONDS)
    in_all = _seconds(deadline, "--deadline", "FOREBEAR_DEADLINE", DEADLINE_SECONDS)
    return Patience(for_one, in_all, time.monotonic() + in_all)


@contextmanager
def waiting(given: Patience) -> Iterator[None]:
    """Every address opened inside is asked with this patience."""
    token = _current.set(given)
    try:
        yield
    finally:
        _current.reset(token)


def _seconds(stated: Seconds, argument: str, variable: str, otherwise: float) -> float:
    if stated is None:
        stated, argument = os.environ.get(variable) or None, variable
    if stated is None:
        return otherwise
    try:
        seconds = float(stated)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST_SECONDS:  # also refuses what is not a number
        raise UsageError(f"{str(stated)[:40]!r} is no number of seconds above 0 and at most {LONGEST_SECONDS:,.0f}",
                         where=argument, todo="Write it as 30 or 2.5.")  # fmt: skip
    return seconds
