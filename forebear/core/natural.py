"""The order in which a person lists names: numbers in them by their size."""

from __future__ import annotations

import re

_DIGITS = re.compile(r"([0-9]+)")


def natural(name: object) -> tuple[list[tuple[int, str]], str]:
    """A key to sort names by: "step-9" before "step-10".

    >>> sorted(["step-10", "step-9", "base", "step-09"], key=natural)
    ['base', 'step-09', 'step-9', 'step-10']
    """
    text = str(name)
    parts = _DIGITS.split(text)
    return [(len(part.lstrip("0")), part.lstrip("0")) if at % 2 else (0, part) for at, part in enumerate(parts)], text
