"""Progress on stderr: how much is over, what is at work, and how long the rest may take."""

from __future__ import annotations

import sys
import time

from forebear.core.errors import printable

SILENT_SECONDS = 2.0
"""A run shorter than this shows nothing on a terminal."""
SILENT_ELSEWHERE = 20.0
"""The same where stderr is no terminal, so that what a program reads there is not a matter of how busy the machine is."""
REDRAW_SECONDS = 0.2
WIDTH = 60
"""Characters of what is at work that are shown, the last ones."""
TENTHS = 10
"""Lines that a run writes where stderr is no terminal, at most."""


class Progress:
    """A line that is overwritten on a terminal; elsewhere one for every tenth part. A listener, and a context that clears up."""

    def __init__(self) -> None:
        self._begun = self._drawn = time.monotonic()
        self._share, self._told, self._open = 0.0, 0, False

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._open:
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)

    def __call__(self, share: float, what: str) -> None:
        """Show that a share of the run is over. A smaller one than before begins a further run, whose time counts from there."""
        now = time.monotonic()
        if share < self._share:
            self._begun, self._told = now, 0
        self._share = share
        terminal = sys.stderr.isatty()
        if now - self._begun < (SILENT_SECONDS if terminal else SILENT_ELSEWHERE):
            return
        named = what if len(what) <= WIDTH else f"…{what[-WIDTH:]}"
        line = f"{self._share:.0%}: {printable(named)}{self._rest(now)}"
        if not terminal:
            tenth = int(self._share * TENTHS)
            if tenth > self._told:
                self._told = tenth
                print(line, file=sys.stderr, flush=True)
        elif now - self._drawn >= REDRAW_SECONDS:
            self._drawn, self._open = now, True
            print(f"\r\x1b[2K{line}", end="", file=sys.stderr, flush=True)

    def _rest(self, now: float) -> str:
        """How long the rest takes if it goes on as it went; nothing before a twentieth is over."""
        if not 0.05 <= self._share < 1.0:
            return ""
        return f"; about {spoken((now - self._begun) * (1.0 - self._share) / self._share)} left"


def spoken(seconds: float) -> str:
    """A time as people say it.

    >>> spoken(0.4), spoken(48.2), spoken(200.0), spoken(9000.0)
    ('1 s', '48 s', '3 min', '2.5 h')
    """
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
