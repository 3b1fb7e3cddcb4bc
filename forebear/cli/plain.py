"""Plain calls of `forebear compare`, understood without the parser.

Loading the parser and describing a command to it takes half as long as loading numpy. A call made of paths and of options spelt
out in full needs neither; whatever else there is - help, an error, an abbreviation, a value that begins with a dash, a
repeated option - is left to the parser, so that its words are the only ones. tests/cli holds both to the same meaning.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from forebear.cli.forms import Form, Language

FLAGS = {"--full": "full", "--quiet": "quiet"}
TAKING: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "--budget": ("budget", str),
    "--expect": ("expect", str),
    "--architecture": ("architecture", Path),
    "--base": ("base", Path),
    "--max-header": ("max_header", str),
    "--timeout": ("timeout", str),
    "--deadline": ("deadline", str),
    "--format": ("form", Form),
    "--output": ("output", Path),
    "-o": ("output", Path),
    "--language": ("language", Language),
}
COMPLETION = "_FOREBEAR_COMPLETE"  # a shell that asks the parser for completions sets it


def plain_comparison(arguments: list[str]) -> tuple[list[Path], dict[str, Any]] | None:
    """The paths and options of a plain `compare`; None for every call that the parser should see."""
    if arguments[:1] != ["compare"] or os.name == "nt" or COMPLETION in os.environ:
        return None  # on Windows the parser also expands wildcards
    paths: list[Path] = []
    options: dict[str, Any] = {}
    words = iter(arguments[1:])
    for word in words:
        name, value = FLAGS.get(word), True
        if word in TAKING:
            name, value = _taken(*TAKING[word], next(words, ""))
        elif name is None:
            if not word or word.startswith("-"):
                return None
            paths.append(Path(word))
            continue
        if name is None or name in options:
            return None
        options[name] = value
    named = [*paths, *(value for value in options.values() if isinstance(value, Path))]
    if not all(os.access(path, os.R_OK) for path in named if os.path.exists(path)):
        return None  # the parser refuses what this user may not read
    return (paths, options) if paths else None


def _taken(name: str, kind: Callable[[str], Any], value: str) -> tuple[str | None, Any]:
    """An option's name and value; no name where the parser should look at it."""
    if not value or value.startswith("-"):
        return None, None
    try:
        return name, kind(value)
    except ValueError:  # a form or language that does not exist: the parser lists those that do
        return None, None
