"""Settings by module as PEFT reads them: the first key K of which `(.*\\.)?(K)$` fits the module's name decides.

Source: peft 0.21, utils/other.py (get_pattern_key) and tuners/lora/model.py (rank_pattern, alpha_pattern).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from forebear.core.errors import RefusedError, printable, refusal
from forebear.core.messages import Message, message
from forebear.core.patterns import Pattern, TooMuchWorkError, UnreadablePatternError, Work
from forebear.models.architecture.matching import MAX_NAME

_PLAIN = re.compile(r"[\w.-]*")
MAX_EXPRESSIONS = 1000
STEPS = 5_000_000
"""Steps that comparing all expressions with all modules may take; a second or two."""


class ByModule:
    """A number for every module that a pattern names.

    Keys without special characters are met as endings after a dot, each ending once, whatever their number; a dot among them
    stands for itself. Others are regular expressions.
    """

    def __init__(self, stated: Any, where: str, key: str) -> None:
        """Raises: RefusedError for an expression that is not read, naming it; where, key: for messages."""
        self._where, self._key, self._work = where, key, Work(STEPS)
        self._plain: dict[str, tuple[int, float]] = {}
        self._expressions: list[tuple[int, Pattern, float]] = []
        items = stated.items() if isinstance(stated, Mapping) else ()
        for order, (pattern, value) in enumerate(items):
            if type(value) not in (int, float) or len(pattern) > MAX_NAME:
                continue
            if _PLAIN.fullmatch(pattern):
                self._plain.setdefault(pattern, (order, float(value)))
            else:
                self._expressions.append((order, self._read(pattern), float(value)))

    def _read(self, pattern: str) -> Pattern:
        if len(self._expressions) >= MAX_EXPRESSIONS:
            raise self._refuse(message("adapter.expressions", key=self._key, most=MAX_EXPRESSIONS))
        try:
            return Pattern(pattern)
        except UnreadablePatternError as error:
            said = message("adapter.expression", key=self._key, pattern=repr(printable(pattern, 80)), why=error.said)
            raise self._refuse(said) from None

    def number(self, module: str) -> float | None:
        """The number for a module; None when no pattern fits. Raises: RefusedError when comparing takes too long."""
        name = module[-MAX_NAME - 1 :]
        begins = [at for at in range(len(name)) if at == 0 or name[at - 1] == "."]
        if len(module) > MAX_NAME + 1:
            begins = begins[1:]  # its beginning was cut off
        found = [self._plain[name[at:]] for at in begins if name[at:] in self._plain] if self._plain else []
        order, value = min(found, default=(len(self._plain) + len(self._expressions) + 1, None))
        for place, pattern, number in self._expressions:
            if place > order:
                break
            try:
                if pattern.fits_to_the_end(name, begins, self._work):
                    return number
            except TooMuchWorkError:
                raise self._refuse(message("adapter.work", key=self._key)) from None
        return value

    def _refuse(self, what: Message) -> RefusedError:
        return refusal(what, where=self._where, todo=message("advice.merge"))
