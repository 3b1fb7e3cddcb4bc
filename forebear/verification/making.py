"""What recipes show of how a subject was made from the models it is held against: each question asked once, within the budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from forebear.core.errors import RefusedError
from forebear.core.limits import DEFAULT_BUDGET_BYTES
from forebear.core.messages import Message, message
from forebear.core.sizes import parse_size
from forebear.core.threads import one_thread
from forebear.models.checkpoint import Checkpoint, open_checkpoint
from forebear.recipes.found import Found
from forebear.recipes.mixtures import Mixed, mixed
from forebear.recipes.mixtures.gram import grams, total
from forebear.recipes.recipe import DEFAULT_BYTES
from forebear.recipes.rederive import rederived
from forebear.verification.bases import Base, named_by
from forebear.verification.claim import Claim
from forebear.verification.subject import Subject

MOST_PARENTS = 8
"""Most parents of one merge that are weighed together: their places are held in memory side by side."""
_T = TypeVar("_T")
_Of = Callable[[Checkpoint, Sequence[Checkpoint]], _T | Message]
"""What answers a question: of the subject and the bases, opened."""


@dataclass(frozen=True)
class Moved:
    """How far the matrices of a subject lie from those of a base, in the values that were read.

    change: root of the squared difference as a share of the subject's size; equal: matrices without any difference, of `count`.
    """

    change: float
    equal: int
    count: int


@dataclass
class Making:
    """What recipes are asked about one subject. claims: all of its papers; most: stored bytes a side, None for no bound; far: the
    same of what is read once, by whole matrices, of files on this machine.

    Every answer is a Message instead where it could not be given, which says why.
    """

    subject: Subject
    bases: Sequence[Base]
    claims: Sequence[Claim]
    most: int | None
    far: int | None = None
    _kept: dict[tuple[str, ...], object] = field(default_factory=dict)

    def types(self, base: Base) -> frozenset[str] | Message:
        """The number types that a base's matrices are stored in."""
        def of(subject: Checkpoint, sides: Sequence[Checkpoint]) -> frozenset[str]:
            return frozenset(entry.dtype for entry in sides[0].container.tensors.values() if len(entry.shape) > 1)

        return self._asked("types", [base], of, None)

    def conversion(self, base: Base) -> tuple[Found, ...] | Message:
        """Known conversions that lead from a base to the subject (METHODS §11); () where they give less than half of the values."""
        return self._asked("conversion", [base], lambda subject, sides: tuple(rederived(subject, sides[0])), self.most)

    def only_converted(self, base: Base) -> tuple[Found, ...] | Message:
        """The same where they give every value; () where one was moved otherwise, which a first such matrix ends."""

        def of(subject: Checkpoint, sides: Sequence[Checkpoint]) -> tuple[Found, ...]:
            return tuple(rederived(subject, sides[0], wholly=True))

        return self._asked("only", [base], of, self._once(base))

    def moved(self, base: Base) -> Moved | Message:
        """How far the matrices lie from a base's; a message where no matrix has a counterpart of its shape."""
        def of(subject: Checkpoint, sides: Sequence[Checkpoint]) -> Moved | Message:
            found = grams(subject, sides)
            if not found:
                return message("making.no_place")
            whole = total(found, 3)
            change = float(np.sqrt(max(0.0, float(whole[0, 0])) / float(whole[-1, -1])))
            return Moved(change, sum(float(one.table[0, 0]) == 0.0 for one in found), len(found))

        return self._asked("moved", [base], of, self._once(base))

    def _once(self, base: Base) -> int | None:
        """Most stored bytes a side where each is read once: more where both are files here than at an address."""
        return self.far if self.subject.path.exists() and Path(base.path).exists() else self.most

    def mixture(self, bases: Sequence[Base]) -> Mixed | Message:
        """What the subject is made of, of some bases (METHODS §12, §20), each by its `label`."""
        if len(bases) > MOST_PARENTS:
            return message("making.many", count=len(bases), most=MOST_PARENTS)
        def of(subject: Checkpoint, sides: Sequence[Checkpoint]) -> Mixed:
            return mixed(subject, sides, [self.label(base) for base in bases])

        return self._asked("mixture", bases, of, self.most)

    def label(self, base: Base) -> str:
        """A base's name, or its path where another has the same name."""
        return base.name if sum(one.name == base.name for one in self.bases) == 1 else str(base.path)

    def merged_with(self, claim: Claim) -> tuple[list[Base], list[str]]:
        """The bases that the file of a claim calls merged, and the names in it that no base has."""
        stated = dict.fromkeys(one.stated for one in self.claims if one.kind == claim.kind and one.source.file == claim.source.file)
        given = {name: named_by(name, self.bases) for name in stated}
        found = {base.path: base for bases in given.values() for base in bases}
        return list(found.values()), [name for name, bases in given.items() if not bases]

    @one_thread()
    def _asked(self, question: str, bases: Sequence[Base], of: _Of[_T], most: int | None) -> _T | Message:
        key = (question, *(str(base.path) for base in bases))
        if key not in self._kept:
            self._kept[key] = self._answer(bases, of, most)
        return self._kept[key]  # type: ignore[return-value]

    def _answer(self, bases: Sequence[Base], of: _Of[_T], most: int | None) -> _T | Message:
        subject = self.subject.checkpoint
        if subject is None:
            return message("shown.no_shapes")
        try:
            with ExitStack() as opened:
                sides = [opened.enter_context(closing(open_checkpoint(base.path))) for base in bases]
                size = max(_stored(side) for side in (subject, *sides))
                if most is not None and size > most:
                    return message("making.large", size=size, most=most)
                return of(subject, sides)
        except RefusedError as error:
            return error.message()


def _stored(side: Checkpoint) -> int:
    return sum(entry.stored_bytes for entry in side.container.tensors.values())


def most_of(budget: int | str | None, *, full: bool, once: bool = False) -> int | None:
    """Stored bytes a side that recipes may read. once: of what reads each side once, as `recipe` does within its own default.

    Raises: UsageError for a budget that is no size.
    """
    if full:
        return None
    if budget is None:
        return DEFAULT_BYTES if once else DEFAULT_BUDGET_BYTES
    return parse_size(budget, "--budget")
