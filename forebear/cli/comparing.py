"""What `forebear compare` does once its words are understood, whichever way they were."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import forebear
from forebear.cli.forms import Form, Language, check_target, quietly, show, show_progress
from forebear.core.errors import ForebearError
from forebear.core.memory import keep_freed_memory
from forebear.core.progress import listening


def compare_and_show(
    subject: Path,
    candidates: Sequence[Path],
    *,
    budget: str | None = None,
    full: bool = False,
    expect: str | None = None,
    architecture: Path | None = None,
    base: Path | None = None,
    max_header: str | None = None,
    timeout: str | None = None,
    deadline: str | None = None,
    form: Form = Form.text,
    output: Path | None = None,
    quiet: bool = False,
    language: Language = Language.en,
) -> None:
    """Compare as `forebear.compare` does and show the document, also where an expectation was not met.

    Raises: what `forebear.compare` raises.
    """
    check_target(output)
    keep_freed_memory()
    try:
        with listening(quietly if quiet else show_progress):
            document = forebear.compare(
                subject,
                candidates,
                budget=budget,
                full=full,
                expect=expect,
                architecture=architecture,
                base=base,
                max_header=max_header,
                timeout=timeout,
                deadline=deadline,
            )
    except ForebearError as error:
        if error.document is not None:  # the result is whole; only what was asked of it failed
            show(error.document, form, output, language)
        raise
    show(document, form, output, language)
