"""Finds what a language model descends from, with figures whose false-positive rate is known.

One public verb per command, with the same arguments; each returns a frozen document (forebear.core.documents). Verbs
import their rooms when called, so that importing forebear costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forebear.version import __version__

if TYPE_CHECKING:
    Document = Mapping[str, Any]

__all__ = ["__version__", "compare", "demo", "inspect"]


def compare(
    subject: str | Path,
    candidates: Sequence[str | Path],
    *,
    budget: int | str | None = None,
    full: bool = False,
    expect: str | None = None,
    architecture: str | Path | None = None,
    max_header: int | str | None = None,
) -> Document:
    """Do the subject and each candidate share weights?

    subject, candidates: checkpoint files or folders.
    budget:       tensor bytes read per side, as a number or "64MiB"; 64 MiB by default.
    full:         read everything within the caps of each test, and every value for equality.
    expect:       a relation; the call fails when a verdict does not meet it ("related" accepts "identical").
    architecture: a definition of your own (TOML) for both sides.
    max_header:   largest header read, as a number or "25MiB".
    Returns:      a forebear/comparison/1 document for one candidate, forebear/matrix/1 for several.
    Raises:       RefusedError, UsageError; ExpectationError (with the document as its `document`).
    """
    from forebear.comparison.compare import compare_many

    return compare_many(
        subject,
        list(candidates),
        budget=budget,
        full=full,
        expect=expect,
        architecture=architecture,
        max_header=max_header,
    )


def inspect(
    checkpoint: str | Path,
    *,
    full: bool = False,
    architecture: str | Path | None = None,
    max_header: int | str | None = None,
) -> Document:
    """What is in a checkpoint, from its header: container, architecture, sizes, tensors, odd things.

    full:    also read every value: digests, statistics, value grid.
    Returns: a forebear/inspection/1 document.
    Raises:  RefusedError when it cannot be read.
    """
    from forebear.models.inspection import inspect_checkpoint

    return inspect_checkpoint(checkpoint, full=full, architecture=architecture, max_header=max_header)


def demo() -> Document:
    """Compare three tiny trained checkpoints that ship with forebear: a base, a descendant of it, a stranger.

    Returns: a forebear/matrix/1 document.
    """
    from forebear.comparison.demo import run_demo

    return run_demo()
