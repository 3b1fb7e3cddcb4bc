"""The forms and languages of a result, and the one way a document leaves the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from forebear.core.errors import RefusedError, printable


class Form(StrEnum):
    """Output formats."""

    text = "text"
    json = "json"
    html = "html"
    csv = "csv"


class Language(StrEnum):
    """Languages of text reports and pages."""

    en = "en"
    zh_hans = "zh-Hans"
    zh_hant = "zh-Hant"
    ja = "ja"


def show(document: Mapping[str, Any], form: Form, output: Path | None, language: Language = Language.en) -> None:
    """Write one document where the caller asked for it."""
    from forebear.core.documents import write_whole
    from forebear.reports.show import print_coloured, rendered

    if output is None and sys.stdout is None:  # closed by the caller
        raise RefusedError("standard output is closed", todo="Say where to write: -o FILE.")
    if output is None and form is Form.text and sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        print_coloured(document, sys.stdout, language.value)
        return
    data = rendered(document, form.value, language.value)
    if output is not None:
        write_whole(output, data)
        return
    _to_stdout(data)


def _to_stdout(data: bytes) -> None:
    """Write to standard output; a reader who has seen enough and left is no fault, anything else is said."""
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError as error:
        discard_output()
        if not isinstance(error, BrokenPipeError):
            told = f"standard output cannot be written ({error.strerror or error})"
            raise RefusedError(told, todo="Make room, or say where to write: -o FILE.") from error


def discard_output() -> None:
    """Let what is left in the buffer of standard output go nowhere, so that nothing fails on it at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def show_progress(done: int, total: int, what: str) -> None:
    """One line on stderr that is overwritten on a terminal; a line for every tenth part elsewhere."""
    if sys.stderr.isatty():
        end = "\n" if done == total else ""
        print(f"\r\x1b[2K{done} of {total} pairs: {printable(what, 60)}", end=end, file=sys.stderr, flush=True)
    elif done == total or done * 10 // total > (done - 1) * 10 // total:
        print(f"{done} of {total} pairs", file=sys.stderr, flush=True)


def quietly(done: int, total: int, what: str) -> None:
    """No progress."""
