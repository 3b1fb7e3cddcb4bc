"""Standard output and messages: every write finished or an error, a reader who left no error, a lost message no fault."""

from __future__ import annotations

import io
import os
import select
import sys
from typing import Any, TextIO

from forebear.core.errors import RefusedError


class Stream(io.FileIO):
    """Standard output (1) or standard error (2) below its buffer: writes all it is given, also where Python buffers nothing.

    After a write that failed nothing more is written, so that the process ends with the code that the failure gave it.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number, "wb", closefd=False)
        self._lost = False

    def write(self, data: Any) -> int:
        """All of `data`. A reader who closed the pipe has seen enough; that is no error, and nor is an unwritable message.

        Raises: RefusedError when standard output cannot take it (a full disk, a closed terminal).
        """
        left = memoryview(data).cast("B")
        size = len(left)
        while left and not self._lost:
            try:
                written = super().write(left)
            except OSError as error:
                self._lost = True
                if self.fileno() != 1 or isinstance(error, BrokenPipeError):
                    break
                raise RefusedError(
                    f"standard output cannot be written ({error.strerror or error})",
                    todo="Make room, or say where to write: -o FILE.",
                ) from error
            if written is None:  # the other end takes nothing now and asked that nobody wait inside the write
                select.select([], [self], [])
            left = left[written or 0 :]
        return size


def prepare_streams() -> None:
    """Give the process three open standard streams, and outputs that neither lose the end of a text nor end it early.

    A stream that the caller closed is joined to nothing: its number would go to the next file opened, and what a library
    writes there with it. `sys.stdout` stays None then, which `write_result` refuses.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # gets the lowest free number, which is this one
    if sys.stdout is not None:
        sys.stdout = _text(sys.stdout, 1)
    sys.stderr = _text(sys.stderr, 2)


def _text(before: TextIO | None, number: int) -> TextIO:
    return io.TextIOWrapper(
        io.BufferedWriter(Stream(number)),
        encoding=getattr(before, "encoding", None) or "utf-8",
        errors="backslashreplace",
        line_buffering=number == 2 or os.isatty(number),
    )


def write_result(data: bytes) -> None:
    """Write a result to standard output, all of it.

    Raises: RefusedError when it is closed or cannot take it.
    """
    if sys.stdout is None:
        raise RefusedError("standard output is closed", todo="Say where to write: -o FILE.")
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
