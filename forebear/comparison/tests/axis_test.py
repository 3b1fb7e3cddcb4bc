"""What a test of units is: the axis rule it serves, its symmetry, its assumption and its laws, declared once (METHODS §2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.findings.evidence import Axis, Deck, Evidence, Figures, Kind, Symmetry
from forebear.core.messages import Message
from forebear.files.base import Float32
from forebear.models.checkpoint import AxisRule

Rule = Literal["permutation", "sign"]
"""What a definition may grant an axis: its units may be shuffled; they may be negated."""


class Law(StrEnum):
    """What must hold of a test whatever the units are; `laws.check` tries each on random units.

    MOVED_TOGETHER, NEGATED_TOGETHER, SCALED: units of both sides in one other order; the same units negated on both sides; one
    side multiplied by a positive number: the figure stays as it is.
    SHUFFLED, COINS: one side's units shuffled at random; negated by fair coins: of so many p-values no more than a share p lie
    at or below any p.
    FOUND:   units that were copied, with noise as large as themselves, are found.
    """

    MOVED_TOGETHER = "moved-together"
    NEGATED_TOGETHER = "negated-together"
    SCALED = "scaled"
    SHUFFLED = "shuffled"
    COINS = "coins"
    FOUND = "found"


class Decks(NamedTuple):
    """Decks of every block that was read (METHODS §3). matched, of: in all blocks; best: in the best block alone.

    attainable: units of the largest block. figures: what the document shows of them.
    """

    matched: int
    of: int
    best: int
    attainable: int
    figures: Deck


@dataclass(frozen=True, kw_only=True)
class AxisRead:
    """Units of one axis at equal places on both sides, as every test of the axis gets them.

    axis, private, component: see `Evidence`. holds: rules that the definitions of both sides grant.
    decks:   of all that was read; None where nothing was.
    coins:   contributions of units that were negated independently of each other (METHODS §5), block by block.
    blocks:  units of a few blocks, (units, features) of either side; each block was shuffled by itself.
    best_looks_log10: what the best block is multiplied by; map_looks_log10: what a figure of all blocks is multiplied by.
    blocks_apart: how many blocks were shuffled independently of each other, so that their matches may be added; 0 where that is
             not known.
    """

    axis: Axis
    private: bool
    holds: frozenset[Rule]
    component: str | None = None
    decks: Decks | None = None
    coins: Sequence[NDArray[np.float64]] = ()
    blocks: Sequence[tuple[Float32, Float32]] = ()
    best_looks_log10: float = 0.0
    map_looks_log10: float = 0.0
    blocks_apart: int = 0


class Figure(NamedTuple):
    """What a test found. log10_p: before the looks; attainable: the least it could have been, None where no bound is known.

    matched, of: a count, where it is one; expected: what chance alone would give of it, None where `figures` say it.
    """

    log10_p: float
    looks_log10: float
    figures: Figures | None = None
    matched: int | None = None
    of: int | None = None
    attainable: float | None = None
    expected: float | None = None


@dataclass(frozen=True, kw_only=True)
class AxisTest:
    """One test. See docs/contributing/test.md.

    name:   as evidence calls it. rule: what the definition of both families must grant the axis.
    symmetry, kind, assumption: as in `Evidence`. laws: what must hold of it.
    figure: the statistic; None where what was read does not serve it.
    sparing: run only where no test before it with the same symmetry reached the level: it costs, and would say the same.
    """

    name: str
    rule: Rule
    symmetry: Symmetry
    kind: Kind
    assumption: Message
    laws: tuple[Law, ...]
    figure: Callable[[AxisRead], Figure | None]
    sparing: bool = False

    def evidence(self, read: AxisRead, *, decides: bool) -> Evidence | None:
        """The figure with its null hypothesis, multiplied by everything looked at."""
        found = self.figure(read) if self.rule in read.holds else None
        if found is None:
            return None
        looks, reach = found.looks_log10, found.attainable
        return Evidence(
            test=self.name,
            axis=read.axis,
            kind=self.kind,
            log10_p=min(0.0, found.log10_p + looks),
            decides=decides,
            symmetry=self.symmetry,
            private=read.private,
            matched=found.matched,
            of=found.of,
            expected=found.expected,
            looks_log10=looks,
            assumption=self.assumption,
            figures=found.figures,
            component=read.component,
            attainable_log10_p=None if reach is None else reach + looks,
        )


def granted(*rules: AxisRule | None) -> frozenset[Rule]:
    """What the definitions of both sides grant an axis; nothing where one does not know it."""
    known = [rule for rule in rules if rule is not None]
    if len(known) < len(rules):
        return frozenset()
    held: dict[Rule, bool] = {"permutation": all(r.permutation for r in known), "sign": all(r.sign for r in known)}
    return frozenset(name for name, holds in held.items() if holds)
