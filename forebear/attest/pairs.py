"""Two checkpoints of one shape, value by value and unit by unit: what a record shows beside the one before, or beside the start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import log10, sqrt

import numpy as np

from forebear.attest.content import BLOCK_ROWS, F64, matrices
from forebear.comparison.audit import Audit, audit_channels, audit_private
from forebear.comparison.findings.axes import NEURONS, VALUES
from forebear.comparison.findings.evidence import Evidence
from forebear.comparison.findings.verdict import corrected, could_decide
from forebear.comparison.reading.allowance import Allowance
from forebear.comparison.reading.layers import LayerMap
from forebear.comparison.reading.pair import Pair
from forebear.comparison.reading.vocabulary import shared_rows
from forebear.comparison.tests.channels import channel_columns, compare_channels
from forebear.comparison.tests.private import compare_private
from forebear.comparison.tests.strength import measure_strength
from forebear.core.messages import Message
from forebear.models.checkpoint import Checkpoint

BLOCK_VALUES = 2**21
"""Values of a matrix that are looked at together: 16 MB in double precision."""
OTHER = -1
"""Where what lies outside the layers is added up: embedding, head."""


@dataclass(frozen=True)
class Tested:
    """Exact tests of one checkpoint against another in place (METHODS §3, §5, §6), and strength (§17).

    log10_p: the best of the tests that decide, multiplied by everything that was looked at; test: its name, None if none decides.
    order, sign: the best of each symmetry, None where none was tested. strong: whether strength holds; why: what it lacked.
    """

    log10_p: float
    test: str | None
    order: float | None
    sign: float | None
    strength: float | None
    ceiling: float | None
    strong: bool
    why: Message | None
    limits: tuple[Message, ...]
    able: bool
    """Whether a test that decides could have reached the level with the units there are."""


def examined(subject: Checkpoint, candidate: Checkpoint, looks_log10: float) -> Tested:
    """Whether the subject was made with knowledge of the candidate; layers answer to layers of the same number.

    looks_log10: what every p is multiplied by. Both have one shape.
    Source: METHODS §19.
    """
    pair = Pair(subject, candidate, Allowance(subject.container, candidate.container, None), (None, None), looks_log10)
    rows, layers, audit = shared_rows(pair), _in_order(subject, candidate), Audit()
    columns = channel_columns(pair, rows)
    audit_channels(pair, columns, rows, audit)
    evidence = list(compare_channels(pair, rows, columns, drop_first=audit.drop_first_channel).evidence)
    for plan in (NEURONS, VALUES):
        outcome, shelf = compare_private(pair, layers, plan, full=False)
        evidence += outcome.evidence
        audit_private(plan, shelf, layers.pairs, audit)
    evidence = corrected([audit.judged(e) for e in evidence])
    deciding = [e for e in evidence if e.decides and e.corrected_log10_p is not None]
    best = min(deciding, key=lambda e: e.corrected_log10_p or 0.0, default=None)
    strong = measure_strength(pair, layers.pairs, rows, None)
    return Tested(
        0.0 if best is None else best.corrected_log10_p or 0.0,
        None if best is None else best.name,
        _best(deciding, "order"),
        _best(deciding, "sign"),
        None if strong.figures is None else strong.figures.value,
        None if strong.figures is None else strong.figures.ceiling,
        strong.holds,
        strong.why,
        tuple(pair.limits),
        any(could_decide(e, evidence) for e in deciding),
    )


def _best(evidence: Sequence[Evidence], symmetry: str) -> float | None:
    return min((e.corrected_log10_p or 0.0 for e in evidence if e.symmetry == symmetry), default=None)


def _in_order(subject: Checkpoint, candidate: Checkpoint) -> LayerMap:
    """Layers of equal number, fixed before anything is looked at; the best of them is taken, so they count as looks."""
    count = min(subject.layers, candidate.layers)
    pairs = tuple((n, n) for n in range(count))
    return LayerMap(pairs, np.zeros((count, count)), 0.0, False, {}, log10(max(1, count)), 0.0, 0)


@dataclass
class _Sums:
    """Sums over the values of matrices of one layer."""

    product: float = 0.0
    first: float = 0.0
    second: float = 0.0
    apart: float = 0.0

    def add(self, a: F64, b: F64) -> None:
        self.product += float(np.vdot(a, b))
        self.first += float(np.vdot(a, a))
        self.second += float(np.vdot(b, b))
        self.apart += float(np.square(b - a).sum())

    @property
    def cosine(self) -> float:
        size = sqrt(self.first * self.second)
        return self.product / size if size > 0 else 0.0

    @property
    def share(self) -> float:
        """How much of the first is in the second: the factor of the projection."""
        return self.product / self.first if self.first > 0 else 0.0

    @property
    def size(self) -> float:
        """Norm of the second over that of the first."""
        return sqrt(self.second / self.first) if self.first > 0 else 0.0


@dataclass(frozen=True)
class Change:
    """From one checkpoint to another, over every matrix that both have.

    cosine: of all values. share: of the earlier in the later (1: all of it). relative: size of the change over that of the earlier.
    largest, moved: largest change of one value, and the root mean square of all changes. root_mean_square: of the earlier's values.
    by_layer: layer → (cosine, share); -1: the rest.
    above: values that moved by more than `allowed` says, as a share of all; None where nothing was allowed or asked.
    """

    cosine: float
    share: float
    relative: float
    largest: float
    moved: float
    root_mean_square: float
    by_layer: Mapping[int, tuple[float, float]]
    above: float | None
    equal: bool
    size: float = 1.0
    sizes: Mapping[int, float] = field(default_factory=dict)
    """Norm of the later over that of the earlier, of all and by layer."""


@dataclass(frozen=True)
class Allowed:
    """What an optimiser may do to one value: `moved`, and `decayed` of its size (METHODS §19); rounding: see `rounding_of`."""

    moved: float
    decayed: float
    rounding: float

    def bound(self, before: F64) -> F64:
        """Most that each value may have changed."""
        size = np.abs(before)
        return np.asarray(self.moved + self.decayed * (size + self.moved) + self.rounding * (size + self.moved))


@dataclass
class _Seen:
    largest: float = 0.0
    above: int = 0
    values: int = 0
    layers: dict[int, _Sums] = field(default_factory=dict)


def change(earlier: Checkpoint, later: Checkpoint, allowed: Allowed | None = None) -> Change | None:
    """What changed; None when no matrix is in both with the same shape. Values that are not finite are left out."""
    seen, layers = _Seen(), layers_of(earlier)
    for name, (a, b) in blocks(earlier, later):
        finite = np.isfinite(a) & np.isfinite(b)
        if not finite.all():
            a, b = np.where(finite, a, 0.0), np.where(finite, b, 0.0)
        seen.layers.setdefault(layers.get(name, OTHER), _Sums()).add(a, b)
        moved = np.abs(b - a)
        seen.largest = max(seen.largest, float(moved.max(initial=0.0)))
        seen.values += a.size
        if allowed is not None:
            seen.above += int(np.count_nonzero(moved > allowed.bound(a)))
    if not seen.values:
        return None
    total = _Sums()
    for one in seen.layers.values():
        total = _Sums(*(x + y for x, y in zip(vars(total).values(), vars(one).values(), strict=True)))
    return Change(
        total.cosine,
        total.share,
        sqrt(total.apart / total.first) if total.first > 0 else 0.0,
        seen.largest,
        sqrt(total.apart / seen.values),
        sqrt(total.first / seen.values),
        {layer: (s.cosine, s.share) for layer, s in sorted(seen.layers.items())},
        None if allowed is None else seen.above / seen.values,
        seen.largest == 0.0,
        total.size,
        {layer: s.size for layer, s in sorted(seen.layers.items())},
    )


ROUNDING = {"F64": 2.0**-20, "F32": 2.0**-20, "F16": 2.0**-10, "BF16": 2.0**-7}
"""Most that storing a value in a type moves it on either side, as a share of its size; types that are not here hold too little."""


def rounding_of(*sides: Checkpoint) -> float | None:
    """What storing moved a value at most, over both sides; None where a matrix is stored in a narrower type."""
    types = {side.container.tensors[name].dtype for side in sides for name in matrices(side.container)}
    return max((ROUNDING[t] for t in types), default=0.0) if types <= set(ROUNDING) else None


def layers_of(checkpoint: Checkpoint) -> dict[str, int]:
    """Tensor name → layer of the main stack, for tensors that lie in one."""
    return {piece.tensor: piece.layer for piece in checkpoint.pieces if piece.layer is not None}


def blocks(*sides: Checkpoint) -> Iterator[tuple[str, tuple[F64, ...]]]:
    """Name and values of every matrix that all sides have alike, some rows at a time."""
    first = sides[0].container
    for name in matrices(first):
        shape = first.tensors[name].shape
        if any(name not in s.container.tensors or s.container.tensors[name].shape != shape for s in sides):
            continue
        step = max(1, min(BLOCK_ROWS, BLOCK_VALUES // shape[1]))
        for start in range(0, shape[0], step):
            stop = min(shape[0], start + step)
            yield name, tuple(s.container.rows(name, start, stop).astype(np.float64) for s in sides)


def turn(first: Checkpoint, middle: Checkpoint, last: Checkpoint) -> float | None:
    """Cosine of the way from first to middle with that from middle to last: 1 on a straight line; None where nothing moved."""
    sums = _Sums()
    with np.errstate(all="ignore"):
        for _, (a, b, c) in blocks(first, middle, last):
            finite = np.isfinite(a) & np.isfinite(b) & np.isfinite(c)
            sums.add(np.where(finite, b - a, 0.0), np.where(finite, c - b, 0.0))
    return sums.cosine if sums.first > 0 and sums.second > 0 else None
