"""Models that a checkpoint is held against: the names each goes by, and what the comparison with it found."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forebear.comparison.compare import Asked, compare_pair
from forebear.core.bounded import read_bounded
from forebear.core.errors import RefusedError, UsageError
from forebear.core.messages import Message
from forebear.core.progress import within
from forebear.files.sources import home_of, require_there
from forebear.models.checkpoint import Place, put_there
from forebear.verification.claim import public
from forebear.verification.readers.card import claims_of_card, parts_of

SHARED = ("identical", "related")
"""Relations that say that whole weights are shared."""
MOST_BASES = 64
CARD_BYTES = 2**20
_TITLE = re.compile(r"^#[ \t]+(.{1,120})$", re.MULTILINE)
_PLAIN = re.compile(r"[^a-z0-9]+")


@dataclass
class Base:
    """One model to compare with.

    names: what it may be called in a claim, each in small letters and digits alone; licences: what its own card states.
    document: the comparison; None where it could not be made, and `why` says why not.
    """

    path: Place
    name: str
    names: frozenset[str]
    licences: tuple[str, ...] = ()
    document: Mapping[str, Any] | None = None
    why: Message | None = None
    named: bool = field(default=False)
    """Whether some claim names it."""

    @property
    def relation(self) -> str:
        """The relation that the comparison found; "" where there is none."""
        return str(self.document["verdict"]["relation"]) if self.document is not None else ""

    @property
    def log10_p(self) -> float | None:
        """Base-10 logarithm of its p-value after everything that was looked at."""
        found: float | None = self.document["verdict"]["log10_p"] if self.document is not None else None
        return found

    def row(self) -> dict[str, Any]:
        """As it stands in a verification document."""
        verdict = self.document["verdict"] if self.document is not None else {}
        return {
            "name": public(self.name),
            "relation": verdict.get("relation"),
            "direction": verdict.get("direction"),
            "log10_p": verdict.get("log10_p"),
            "test": verdict.get("test"),
            "assumption": verdict.get("assumption"),
            "digest": self.document["candidate"]["digest"] if self.document is not None else None,
            "licences": [public(one) for one in self.licences],
            "words": list(verdict.get("words", ())),
            "why": self.why,
        }


def plain(name: str) -> str:
    """A name as names are compared: the part after the last slash, in small letters and digits alone."""
    return _PLAIN.sub("", name.rstrip("/").rpartition("/")[2].partition("@")[0].lower())


def bases_of(given: Sequence[str | Path]) -> list[Base]:
    """The models to compare with, each "PATH" or "NAME=PATH".

    Raises: UsageError for a name without a path, or too many; RefusedError for a path that leads nowhere.
    """
    if len(given) > MOST_BASES:
        raise UsageError(f"{len(given)} models to compare with", where="--against", todo=f"Give at most {MOST_BASES}.")
    return [_base(str(one)) for one in given]


def _base(given: str) -> Base:
    name, mark, path = given.partition("=")
    if not mark or ("/" in name and Path(given).exists()):
        name, path = "", given
    if not path or (mark and not name and path != given):
        raise UsageError(f"{given!r} is no model to compare with", where="--against", todo="Write PATH or NAME=PATH.")
    require_there(path)
    return base_at(name, path)


def base_at(name: str, place: Place) -> Base:
    """The model at a place. name: what the caller calls it, "" for nothing."""
    path = str(place)
    home = home_of(path)
    last = home.parent.parent.name.removeprefix("models--").replace("--", "/") if home.parent.name == "snapshots" else home.name
    last = Path(last).stem if Path(last).suffix in (".safetensors", ".gguf", ".bin", ".onnx", ".pt") else last
    title, licences = _card_of(home if home.is_dir() else home.parent)
    names = frozenset(plain(one) for one in (name, last, path.rpartition("/")[2], title) if one and plain(one))
    return Base(place, name or last, names, licences)


def _card_of(folder: Path) -> tuple[str, tuple[str, ...]]:
    """Title and licences of the card that lies with a model; nothing when there is none."""
    place = folder / "README.md"
    if not place.is_file():
        return "", ()
    try:
        text = read_bounded(place, CARD_BYTES).decode("utf-8", "replace")
    except RefusedError:
        return "", ()  # a card that cannot be read names nothing; the weights are compared all the same
    title = _TITLE.search(parts_of(text)[2])
    claims, _ = claims_of_card(text, "README.md")
    return title[1].strip() if title else "", tuple(one.stated for one in claims if one.kind == "licence")


def compare_with(subject: Place, bases: Sequence[Base], *, looks: int, budget: int | str | None, full: bool) -> None:
    """Compare the subject with each base; every p-value is multiplied by `looks`, what was looked at to choose them.

    What an adapter shares with the base that it was added to was put there, and bears nothing out: no such pair is compared.
    """
    for at, base in enumerate(bases):
        base.why = put_there(subject, base.path)
        if base.why is not None:
            continue
        options = Asked(budget, full).options(str(subject), [str(base.path)])
        try:
            with within(at, len(bases), f"model {at + 1} of {len(bases)}, {base.name}"):
                base.document = compare_pair(subject, base.path, options, looks=looks)
        except RefusedError as error:
            base.why = error.message()


def same_owner(stated: str, given: str) -> bool:
    """Whether two names "owner/name" may be of one owner: not where both name one and they differ.

    >>> same_owner("north/base", "south/base"), same_owner("north/base", "base")
    (False, True)
    """
    owners = [_PLAIN.sub("", one.strip("/").rpartition("/")[0].rpartition("/")[2].lower()) for one in (stated, given)]
    return not all(owners) or owners[0] == owners[1]


def named_by(stated: str, bases: Sequence[Base]) -> list[Base]:
    """The bases that a claim may mean."""
    wanted = plain(stated)
    found = [base for base in bases if wanted and wanted in base.names]
    for base in found:
        base.named = True
    return found

