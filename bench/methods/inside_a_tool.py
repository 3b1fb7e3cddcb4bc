"""Runs in a tool's own environment, standard library only: the tool's command on each line of words, what it prints as JSON.

    python inside_a_tool.py COMMAND < one JSON list of words a line > one JSON document a line

The command is the entry point that the tool installs, called again and again in one process, so that importing it is paid once.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import json
import os
import sys
from collections.abc import Callable
from typing import Any


def entry(command: str) -> Callable[[], Any]:
    """The function behind an installed command. Raises: StopIteration where it is not installed."""
    found: Callable[[], Any] = next(iter(importlib.metadata.entry_points(group="console_scripts", name=command))).load()
    return found


def printed(call: Callable[[], Any], command: str, words: list[str]) -> str:
    """What the command prints on standard output."""
    out = io.StringIO()
    sys.argv = [command, *words]
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        call()
    return out.getvalue()


def main() -> None:
    """Answers go to the first standard output; whatever a tool writes past Python goes nowhere."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    call = entry(sys.argv[1])
    command = sys.argv[1]
    for line in sys.stdin:
        answers.write(json.dumps({"printed": printed(call, command, json.loads(line))}) + "\n")


if __name__ == "__main__":
    main()
