"""The order in which a person lists names: numbers in them by their size."""

from __future__ import annotations

import re
from typing import Any

_DIGITS = re.compile(r"([0-9]+)")


def natural(name: object) -> tuple[list[tuple[int, str]], str]:
    """A key to sort names by: "step-9" before "step-10".

    >>> sorted(["step-10", "step-9", "base", "step-09"], key=natural)
    ['base', 'step-09', 'step-9', 'step-10']
    """
    text = str(name)
    parts = _DIGITS.split(text)
    return [(len(part.lstrip("0")), part.lstrip("0")) if at % 2 else (0, part) for at, part in enumerate(parts)], text


def as_meant(given: Any) -> Any:
    """Names as they were given; those of a shell's pattern, which lists m10 before m2, in natural order.

    Any order but the plain one of characters was chosen by somebody and stays, as does what is no list.

    >>> as_meant(["m1", "m10", "m2"]), as_meant(["m10", "m1", "m2"])
    (['m1', 'm2', 'm10'], ['m10', 'm1', 'm2'])
    """
    plain = isinstance(given, list) and given == sorted(given, key=str)
    return sorted(given, key=natural) if plain else given
