"""Tensors that are equal value for value although nothing else relates the two models, under whatever names (METHODS §11)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forebear.comparison.reading.allowance import row_bytes
from forebear.comparison.reading.pair import Pair
from forebear.comparison.thresholds import (
    EQUAL_CHANCE_LOG10,
    EQUAL_LEAST_MATRIX,
    EQUAL_LEAST_VALUES,
    EQUAL_READ_BYTES,
)
from forebear.core.errors import printable
from forebear.core.limits import READ_BLOCK_BYTES
from forebear.core.messages import Message, message
from forebear.files.base import Container, Float32, TensorEntry
from forebear.models.checkpoint import Checkpoint
from forebear.models.undecoded import undecoded
from forebear.stats.tables import chance_log10, follows_a_formula

CORNER = 8
"""Rows and columns of the corner by which matrices that may be each other's transposed are told apart before they are read."""
MAX_RIVALS = 8
"""Tensors of the other side tried for one tensor whose first values they share."""
MAX_TURNED_BYTES = 2**28
"""Largest matrix, as float32, that is read whole to be compared with a transposed one."""
MAX_JUDGED = 2**22
"""Values of a tensor, from its first rows, that are looked at for a formula."""
SHOWN = 6
"""Equal tensors that the verdict names; the document holds all."""
BUDGET = message("budget.equal_tensors")


@dataclass(frozen=True)
class EqualTensor:
    """One set of values that both sides hold. names: of all tensors that hold it, side by side; turned: transposed in one."""

    subject: tuple[str, ...]
    candidate: tuple[str, ...]
    shape: tuple[int, ...]
    values: int
    turned: bool = False

    def document(self) -> dict[str, Any]:
        """As it stands in a comparison document."""
        return {
            "subject": list(self.subject), "candidate": list(self.candidate), "shape": list(self.shape),
            "values": self.values, "transposed": self.turned,
        }  # fmt: skip


@dataclass
class EqualTensors:
    """found: largest first; trivial: equal tensors that a formula or too few values explain; unread: left for want of budget.

    whole: sides ("subject", "candidate") every matrix of which is among those found.
    """

    found: list[EqualTensor] = field(default_factory=list)
    trivial: int = 0
    unread: int = 0
    whole: tuple[str, ...] = ()

    @property
    def decides(self) -> bool:
        """Whether a matrix of some size is among them: a vector of gains alone says little."""
        return any(min(t.shape) > 1 and len(t.shape) > 1 and t.values >= EQUAL_LEAST_MATRIX for t in self.found)

    def words(self) -> list[Message]:
        """What an alignment says of equal tensors that do not count, and of those that were not read."""
        said = [message("equality.trivial", count=self.trivial)] if self.trivial else []
        return said + ([message("equality.unread", count=self.unread)] if self.unread else [])


def find_equal_tensors(pair: Pair, *, budget_stated: bool) -> EqualTensors:
    """Look for equal tensors: first rows of those whose shapes meet, then whole those whose first rows are equal.

    Without a stated budget as much is read as to show that two files are identical; within one, what is left of it. Values are
    compared as float32. A tensor counts only where chance does not make it (`chance_log10`) and no formula does.
    """
    result = EqualTensors()
    if pair.plan.leaves_out(pair, message("limit.equal_tensors_remote")):
        return result
    if not budget_stated:
        pair.allowance.restart(EQUAL_READ_BYTES)
    left, right = _eligible(pair.subject), _eligible(pair.candidate)
    probes = _first_values(pair, left, right)
    if probes is None:
        return result
    done: set[str] = set()
    for entry in sorted(probes[0].entries, key=lambda e: (-e.parameters, e.name)):
        partner = None if entry.name in done else _partner(pair, entry, probes, result)
        if partner is None:
            continue
        mine = _copies(pair.subject.container, entry.name, probes[0])
        done |= set(mine)
        if _trivial(pair.subject.container, entry):
            result.trivial += 1
            continue
        other, turned = partner
        theirs = _copies(pair.candidate.container, other, probes[1])
        result.found.append(EqualTensor(mine, theirs, entry.shape, entry.parameters, turned))
    result.whole = _whole_sides(result, left, right)
    return result


def _eligible(side: Checkpoint) -> list[TensorEntry]:
    """Tensors that may tell: stored as numbers of weights, large enough, not given by the configuration."""
    given = {piece.tensor for piece in side.pieces if piece.kind == "constant"}
    codes = undecoded(side.container.tensors)
    return [
        entry
        for name, entry in side.container.tensors.items()
        if name not in codes and entry.parameters >= EQUAL_LEAST_VALUES and entry.shape and name not in given
    ]


def _shapes(entries: Iterable[TensorEntry]) -> set[tuple[int, ...]]:
    return {shape for e in entries for shape in (e.shape, e.shape[::-1] if len(e.shape) == 2 else e.shape)}


class _Probes:
    """First values of a side's tensors, by shape: as they stand and, of matrices, by their transposed corner."""

    def __init__(self, container: Container, entries: list[TensorEntry]) -> None:
        self.entries = entries
        self.key: dict[str, tuple[tuple[int, ...], bytes]] = {}
        self.plain: dict[tuple[tuple[int, ...], bytes], list[str]] = defaultdict(list)
        self.turned: dict[tuple[tuple[int, ...], bytes], list[str]] = defaultdict(list)
        for entry in entries:
            rows = container.rows(entry.name, 0, min(CORNER, entry.shape[0]))
            self.key[entry.name] = entry.shape, _key(rows)
            self.plain[self.key[entry.name]].append(entry.name)
            if len(entry.shape) == 2:
                self.turned[entry.shape[::-1], _key(rows[:, :CORNER].T)].append(entry.name)


def _key(values: Float32) -> bytes:
    corner = values[:CORNER].reshape(min(CORNER, len(values)), -1)[:, :CORNER]
    return np.ascontiguousarray(corner + np.float32(0.0)).tobytes()


def _first_values(pair: Pair, left: list[TensorEntry], right: list[TensorEntry]) -> tuple[_Probes, _Probes] | None:
    """First values of tensors whose shape the other side has; None where there are none or the budget is spent."""
    ours, theirs = ([e for e in some if e.shape in _shapes(other)] for some, other in ((left, right), (right, left)))
    cost = [sum(CORNER * row_bytes(side, e.name) for e in some)
            for side, some in ((pair.subject, ours), (pair.candidate, theirs))]  # fmt: skip
    if not ours or not pair.allowance.allows(cost[0], cost[1], BUDGET):
        return None
    return _Probes(pair.subject.container, ours), _Probes(pair.candidate.container, theirs)


def _partner(
    pair: Pair, entry: TensorEntry, probes: tuple[_Probes, _Probes], result: EqualTensors
) -> tuple[str, bool] | None:
    """A tensor of the candidate with the same values, and whether it is transposed."""
    a, b, key = pair.subject.container, pair.candidate.container, probes[0].key[entry.name]
    for names, turned in ((probes[1].plain.get(key, ()), False), (probes[1].turned.get(key, ()), True)):
        for name in names[:MAX_RIVALS]:
            if turned and 4 * entry.parameters > MAX_TURNED_BYTES:
                continue
            if not pair.allowance.allows(entry.stored_bytes, b.tensors[name].stored_bytes, BUDGET):
                result.unread += 1
                return None
            if _equal(a, entry, b, name, turned):
                return name, turned
    return None


def _equal(a: Container, entry: TensorEntry, b: Container, name: str, turned: bool) -> bool:
    """Whether every value is equal, a block of rows at a time."""
    rows = entry.shape[0]
    step = max(1, READ_BLOCK_BYTES // (4 * max(1, entry.parameters // rows)))
    other = b.read(name).T if turned else None
    for begin in range(0, rows, step):
        end = min(rows, begin + step)
        theirs = b.rows(name, begin, end) if other is None else other[begin:end]
        if not np.array_equal(a.rows(entry.name, begin, end), theirs, equal_nan=True):
            return False
    return True


def _trivial(container: Container, entry: TensorEntry) -> bool:
    """Whether chance or a formula gives these values."""
    rows = entry.shape[0]
    values = container.rows(entry.name, 0, min(rows, max(1, MAX_JUDGED * rows // entry.parameters)))
    return chance_log10(values) > EQUAL_CHANCE_LOG10 or follows_a_formula(values)


def _copies(container: Container, name: str, probes: _Probes) -> tuple[str, ...]:
    """The tensor and those of its side that hold the same values: tied or repeated tensors count once."""
    rivals = [other for other in probes.plain[probes.key[name]] if other != name][:MAX_RIVALS]
    entry = container.tensors[name]
    return (name, *(other for other in rivals if _equal(container, entry, container, other, False)))


def _whole_sides(result: EqualTensors, left: list[TensorEntry], right: list[TensorEntry]) -> tuple[str, ...]:
    """Sides every matrix of which is among the equal ones."""
    found = {"subject": {n for t in result.found for n in t.subject}, "candidate": {n for t in result.found for n in t.candidate}}
    sides = (("subject", left), ("candidate", right))
    matrices = {side: {e.name for e in entries if len(e.shape) > 1} for side, entries in sides}
    return tuple(side for side, _ in sides if matrices[side] and matrices[side] <= found[side])


def equal_words(pair: Pair, equal: EqualTensors) -> tuple[Message, ...]:
    """What the verdict says of equal tensors: which, how much of each side they are, and what else explains them."""
    shares = []
    for side, names in ((pair.subject, [n for t in equal.found for n in t.subject]),
                        (pair.candidate, [n for t in equal.found for n in t.candidate])):  # fmt: skip
        tensors = side.container.tensors
        shares.append(100 * sum(tensors[n].parameters for n in names) / sum(t.parameters for t in tensors.values()))
    shown = [f"{printable(t.subject[0], 80)} = {printable(t.candidate[0], 80)}" for t in equal.found[:SHOWN]]
    count = len(equal.found)
    said = [message("verdict.equal_tensors", count=count, names=shown, subject=shares[0], candidate=shares[1])]
    said += [message("verdict.equal_whole", side=message(f"term.{side}")) for side in equal.whole]
    return (*said, message("verdict.equal_meaning"))
