"""What ends a command from outside, with one line and the exit code that shells give it."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import Any

from forebear.core.stopping import clear_up

STOPPING = ("SIGINT", "SIGTERM", "SIGHUP")


def stop_at_signals() -> None:
    """From now on a signal ends the process at once: nothing half written stays, and no worker.

    The handler ends the process itself. An exception would have to come through whatever runs at that moment, and what
    runs may turn it into another: numpy, for one, makes an ImportError of what is raised while it is loaded. A signal
    that is ignored (nohup, a job in the background) stays ignored.
    """
    for name in STOPPING:
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def _stop(number: int, frame: Any) -> None:
    clear_up()
    line = "\r\x1b[2K" if os.isatty(2) else ""  # over a line of progress
    with suppress(OSError):
        os.write(2, f"{line}forebear: stopped by {signal.Signals(number).name}\n".encode())
    os._exit(128 + number)
