"""The forms and languages of a result, and the one way a document leaves the command line."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from forebear.api.document import form_of as ending_form
from forebear.cli.streams import write_result
from forebear.core.errors import RefusedError, UsageError, printable, refusal
from forebear.core.messages import message
from forebear.core.output import check_output, write_whole


class Language(StrEnum):
    """Languages of text reports and pages."""

    en = "en"
    zh_hans = "zh-Hans"
    zh_hant = "zh-Hant"
    ja = "ja"


def form_of(output: Path | None, offered: Sequence[str]) -> str:
    """The format that the ending of a file says, of those offered; text where there is no ending.

    Raises: UsageError for an ending that says none of them.
    """
    return "text" if output is None or not output.suffix else ending_form(output, offered, f"-o {output.name}", ", or say --format")


STANDARD_OUTPUT = frozenset({"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"})
"""Names by which `-o` means standard output, which is written and not replaced."""


def check_target(output: Path | None) -> Path | None:
    """The same path, before the work begins whose result it is for.

    Raises: UsageError when nothing may be written there, RefusedError when its folder is missing.
    """
    if output is not None and str(output) not in STANDARD_OUTPUT and not _is_null(output):
        check_output(output)
    return output


def check_new(output: Path | None) -> None:
    """A commitment is announced by its digest: one that was written is never replaced.

    Raises: RefusedError where a file that holds anything is there already.
    """
    if output is not None and str(output) not in STANDARD_OUTPUT and output.is_file() and output.stat().st_size:
        raise refusal(message("kept_commitment.there"), where=str(output), todo=message("kept_commitment.other"))


TOLD = 12
"""Lines of a conclusion that are told beside a file that was written; of a longer one, whole sentences of these."""
ENDS = (".", "!", "?", "。", "！", "？")


def show(
    document: Mapping[str, Any],
    form: str,
    output: Path | None,
    language: Language = Language.en,
    brief: bool = False,
    detail: bool = False,
) -> None:
    """Write one document where the caller asked for it; brief: the conclusion alone, detail: text with everything it keeps."""
    from forebear.reports.show import briefly, coloured, rendered

    check_target(output)
    terminal = output is None and sys.stdout is not None and sys.stdout.isatty()
    if terminal and not brief and form == "text" and _may_colour():
        write_result(coloured(document, sys.stdout, language.value, detail))
        return
    data = briefly(document, language.value) if brief else rendered(document, form, language.value, detail)
    if output is None or str(output) in STANDARD_OUTPUT:
        write_result(data)
    elif _is_null(output):
        output.write_bytes(data)
    else:
        write_whole(output, data)


def tell(document: Mapping[str, Any], output: Path | None, language: Language = Language.en) -> None:
    """Say on standard error what was found and where it was written, since nothing of it stands on standard output."""
    if output is None or str(output) in STANDARD_OUTPUT or _is_null(output):
        return
    from forebear.reports.catalogue import catalogue
    from forebear.reports.show import briefly

    words = catalogue(language.value)
    lines = briefly(document, language.value).decode().splitlines()
    said = lines[: _whole(lines)]
    if len(said) < len(lines):
        said.append(words("told.more", lines=len(lines) - len(said)))
    print("\n".join([*said, words("show.written", file=printable(str(output), 300))]), file=sys.stderr)


def _whole(lines: list[str]) -> int:
    """How many of these lines to tell: all of a few; of many, up to the last end of a sentence among the first."""
    if len(lines) <= TOLD:
        return len(lines)
    return next((at for at in range(TOLD, 0, -1) if lines[at - 1].endswith(ENDS)), TOLD)


WORDS = {"--brief": "brief", "--detail": "detailed"}


def check_extent(extent: Mapping[str, bool], form: str) -> None:
    """Raises: UsageError where a report is asked to be brief or detailed that is no text, or both."""
    asked = [f"--{name}" for name, wanted in extent.items() if wanted]
    if len(asked) > 1:
        raise UsageError("exclude each other", where=" ".join(asked), todo="Leave one out.")
    if asked and form != "text":
        todo = "Leave out --format, and write to a file that ends in .txt."
        raise UsageError(f"a {WORDS[asked[0]]} report is text", where=asked[0], todo=todo)


def check_folder(folder: Path | None) -> None:
    """Refuse, before anything is read, a folder for figures that is something else. Raises: RefusedError."""
    if folder is not None and folder.exists() and not folder.is_dir():
        raise RefusedError("is not a folder", where=str(folder), todo="Name another folder.")


def show_figures(document: Mapping[str, Any], folder: Path | None, language: Language) -> None:
    """Write the figures of a document into a folder, if one was named."""
    if folder is not None:
        from forebear.reports.pictures import write_figures

        write_figures(document, folder, language.value)


def _may_colour() -> bool:
    return "NO_COLOR" not in os.environ


def _is_null(path: Path) -> bool:
    """Whether it is the device that swallows what is written to it: by that name, or another node of the same device."""
    try:
        status = os.lstat(path)
    except (OSError, ValueError):
        return False
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == os.stat(os.devnull).st_rdev
