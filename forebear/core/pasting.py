"""Commands that documents repeat: to be pasted in the folder of what was given, without a folder's name of who ran them."""

from __future__ import annotations

import os
import shlex
from pathlib import Path, PurePath

from forebear.core.errors import printable

LONGEST = 200
"""Characters of one path that are shown."""


class Command:
    """A command as it is put together.

    It is to be pasted in the folder that it ran in; where what it is mainly about lies elsewhere, or the document is there to be
    published, in the folder of that. A path outside is the last part alone below "$FOLDER", which whoever pastes it sets.

    >>> str(Command("verify", about="models/one").path("models/one").path("/somewhere/two", "--against").value("3", "--budget"))
    'forebear verify models/one --against "$FOLDER"/two --budget 3'
    >>> str(Command("verify", about="/somewhere/one").path("/somewhere/one").path("/somewhere/two", "--against"))
    'forebear verify one --against two'
    >>> str(Command("attest", "verify", about="runs/of/chain", published=True).path("runs/of/chain").path("runs/final"))
    'forebear attest verify chain "$FOLDER"/final'
    """

    def __init__(self, *words: str, about: str | Path, published: bool = False) -> None:
        self._words = ["forebear", *words]
        here, place = Path.cwd(), _absolute(about)
        self._own = place is None or (not published and place.is_relative_to(here))
        self._home = here if self._own or place is None else place.parent

    def value(self, text: str, flag: str = "") -> Command:
        """An argument that is no path."""
        self._words += [*([flag] if flag else []), shlex.quote(printable(text, LONGEST))]
        return self

    def path(self, given: str | Path | None, flag: str = "", *, name: str = "") -> Command:
        """A path or an address; nothing for None. name: what NAME=PATH calls it."""
        if given is not None:
            self._words += [*([flag] if flag else []), (f"{shlex.quote(name)}=" if name else "") + self._shown(given)]
        return self

    def _shown(self, given: str | Path) -> str:
        place = _absolute(given)
        if place is None or (self._own and not PurePath(given).is_absolute()):
            return shlex.quote(printable(str(given), LONGEST))
        if place.is_relative_to(self._home) and place != self._home:
            return shlex.quote(printable(str(place.relative_to(self._home)), LONGEST))
        return f'"$FOLDER"/{shlex.quote(printable(place.name or "model", LONGEST))}'

    @property
    def elsewhere(self) -> bool:
        """Whether it is to be pasted in the folder of what it is about, and that is another than the one it ran in."""
        return not self._own and self._home != Path.cwd()

    def __str__(self) -> str:
        return " ".join(self._words)


def _absolute(given: str | Path) -> Path | None:
    """A path in full, without asking the disk; None for an address."""
    return None if "://" in str(given) else Path(os.path.abspath(given))
