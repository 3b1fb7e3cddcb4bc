"""What a method is: a function (subject folder, candidate folder) -> Score. One file here and one registry line add one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Direction = Literal["subject-from-candidate", "candidate-from-subject", "siblings", "not-shown"]
Law = Literal["p", "p-bound", "z", "count", "plain"]
"""What a figure promises on independent pairs: "p" is uniform; "p-bound" is below a level no more often than the level
says; "z" is standard normal; "count" and "plain" promise nothing and are drawn."""


@dataclass(frozen=True)
class Figure:
    """One number of a method with what it promises under independence. p and p-bound are log10."""

    value: float
    law: Law = "plain"


@dataclass(frozen=True)
class Score:
    """The answer of a method for one pair.

    score:    larger means more likely related; comparable between pairs of one method, nothing else is promised.
    log10_p:  where the method claims a p-value.
    relation: where the method gives a verdict of its own, one of the relations of METHODS §11.
    figures:  the statistics behind it, for the null audit.
    """

    score: float
    direction: Direction = "not-shown"
    log10_p: float | None = None
    relation: str = ""
    figures: Mapping[str, Figure] = field(default_factory=dict)


Method = Callable[[Path, Path], Score]
