"""Models of a library that a checkpoint may be kin of: prints propose them, and weights that can be reached are compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from forebear.core.errors import RefusedError
from forebear.core.messages import Message, message
from forebear.library.fingerprint import fingerprint
from forebear.library.local_store import LocalStore
from forebear.library.proving import weights_of
from forebear.library.search import search_store
from forebear.models.checkpoint import Place
from forebear.verification.bases import Base, base_at, plain
from forebear.verification.claim import Claim, public
from forebear.verification.subject import Subject

MOST_PROPOSED = 8
"""Most models of a library that are compared, those that its prints put first."""


@dataclass(frozen=True)
class Known:
    """What a library has on a subject.

    bases:    models to compare with. proposed: names of models whose weights cannot be reached: a print alone is no relation.
    searched: models looked at, which every p-value is multiplied by. limits: what could not be done.
    """

    bases: tuple[Base, ...]
    proposed: tuple[str, ...]
    searched: int
    limits: tuple[Message, ...]


def known_of(subject: Subject, folder: Path, claims: Sequence[Claim]) -> Known:
    """Models that the library's prints propose, and those of its names that a claim names as parent.

    Reads the subject's weights once, whole. Source: METHODS §14, §18; thresholds: decision 0040.
    Raises: RefusedError when the folder is no library. A subject that no print can be made of is a limit.
    """
    store = LocalStore(folder)
    try:
        made = fingerprint(subject.place)
    except RefusedError as error:
        return Known((), (), 0, (message("library.not_compared", name=public(subject.name), why=error.message()),))
    found = search_store(store, made.one, MOST_PROPOSED)
    stated = [word for one in claims if one.kind == "parent" for word in (one.stated, one.stated.rpartition("/")[2])]
    named = [ident for word in dict.fromkeys(stated) if word for ident in store.named(word)]
    wanted = {hit.id: hit.name for hit in found.hits} | {ident: store.get(ident).name for ident in named[:MOST_PROPOSED]}
    bases, proposed = [], []
    for ident, name in wanted.items():
        where = weights_of(store, ident)
        if where is None and ident in {hit.id for hit in found.hits}:
            proposed.append(name)
        elif where is not None and not _same(where, subject.path):
            bases.append(base_at(name, where))
    return Known(tuple(bases), tuple(proposed), found.models, (*made.limits, *found.limits))


def unnamed(proposed: Sequence[str], claims: Sequence[Claim]) -> list[str]:
    """The proposed models that no claim names."""
    stated = {plain(one.stated) for one in claims}
    return [name for name in proposed if plain(name) not in stated]


def _same(where: Place, path: Path) -> bool:
    return "://" not in str(where) and Path(where).resolve() == path.resolve()
