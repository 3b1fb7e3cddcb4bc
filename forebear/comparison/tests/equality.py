"""Are the two checkpoints equal in value, names, order and lossless casts aside? (METHODS §11)"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from forebear.comparison.reading.pair import Pair
from forebear.comparison.thresholds import EQUAL_READ_BYTES
from forebear.core.messages import Message, message
from forebear.core.progress import tell, within
from forebear.files.base import Container
from forebear.files.digests import value_digest
from forebear.models.checkpoint import Checkpoint

if TYPE_CHECKING:
    from forebear.files.digests import ValueDigest

PROBE_ROWS = 2


@dataclass
class Equality:
    """How far the two sides agree value for value.

    identical:   every tensor that is not constant was read whole and has its equal on the other side, one to one.
    equal:       names (subject's) of tensors with an equal on the other side; constant: left out of every count.
    differing:   names without an equal; whole: whether every value of both sides was read.
    """

    identical: bool = False
    whole: bool = False
    equal: list[str] = field(default_factory=list)
    constant: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    only_candidate: list[str] = field(default_factory=list)
    digests: tuple[str | None, str | None] = (None, None)

    def words(self) -> list[Message]:
        """What equality shows; nothing when the files were not read whole."""
        if not self.whole:
            return []
        total = len(self.equal) + len(self.differing)
        said = [message("equality.equal", count=len(self.equal), of=total)]
        if self.constant:
            said.append(message("equality.constant", count=len(self.constant)))
        return said


def find_equality(pair: Pair, *, full: bool, budget_stated: bool) -> Equality:
    """Read both sides whole when asked to, or when everything sampled is equal and nobody set a budget.

    A comparison within a stated budget never says "identical" of a checkpoint it did not read whole.
    """
    a, b = pair.subject.container, pair.candidate.container
    sizes = [sum(t.stored_bytes for t in side.tensors.values()) for side in (a, b)]
    left = pair.allowance.left()
    fits = left is None or max(sizes) <= left
    alike = _shapes(a) == _shapes(b) and _probes_equal(pair)
    free = not budget_stated and max(sizes) <= EQUAL_READ_BYTES and pair.plan.reads_whole
    if not full and not (alike and (fits or free)):
        if alike:
            pair.note(message("limit.equal"))
        return Equality()
    return _whole(pair, a, b)


def _shapes(container: Container) -> Counter[tuple[int, ...]]:
    return Counter(t.shape for t in container.tensors.values())


def _probes_equal(pair: Pair) -> bool:
    """Whether the first rows of the tensors probed agree as a multiset, names and order aside."""
    return _probes(pair, 0) == _probes(pair, 1)


def _probes(pair: Pair, side: int) -> Counter[tuple[tuple[int, ...], bytes]]:
    container = (pair.subject, pair.candidate)[side].container
    found: Counter[tuple[tuple[int, ...], bytes]] = Counter()
    for shape, rows in pair.plan.probed(side, container, PROBE_ROWS):
        with np.errstate(invalid="ignore"):  # NaN that signals
            found[(shape, (rows.ravel()[:64] + np.float32(0.0)).tobytes())] += 1
    return found


def _whole(pair: Pair, a: Container, b: Container) -> Equality:
    for side in (a, b):
        pair.plan.fetch_whole(side)
    with within(0, 3, "all values"):  # of what compares the pair
        left, right = _digests(a, _given(pair.subject), 0), _digests(b, _given(pair.candidate), 1)
    result = Equality(whole=True)
    pool: dict[str, list[str]] = {}
    for name, digest in right.items():
        if not digest.constant:
            pool.setdefault(digest.digest, []).append(name)
    for name, digest in left.items():
        if digest.constant:
            result.constant.append(name)
        elif pool.get(digest.digest):
            pool[digest.digest].pop()
            result.equal.append(name)
        else:
            result.differing.append(name)
    result.only_candidate = [name for names in pool.values() for name in names]
    constants = (
        Counter(d.digest for d in left.values() if d.constant),
        Counter(d.digest for d in right.values() if d.constant),
    )
    result.identical = (
        bool(result.equal) and not result.differing and not result.only_candidate and (constants[0] == constants[1])
    )
    result.digests = (_digest_of(left), _digest_of(right))
    return result


def _digest_of(digests: dict[str, ValueDigest]) -> str:
    """One digest of all values, names and order aside."""
    return hashlib.sha256("\n".join(sorted(d.digest for d in digests.values())).encode()).hexdigest()


def _given(checkpoint: Checkpoint) -> set[str]:
    """Tensors that follow from the configuration (position ids, inv_freq, masks): they never count (METHODS §11)."""
    return {piece.tensor for piece in checkpoint.pieces if piece.kind == "constant"}


def _digests(container: Container, given: set[str], side: int) -> dict[str, ValueDigest]:
    found = {}
    of, done = 2 * sum(entry.stored_bytes for entry in container.tensors.values()), 0
    for name, entry in container.tensors.items():
        tell(side * of // 2 + done, of, name)
        done += entry.stored_bytes
        if entry.parameters:
            digest = value_digest(container, name)
            found[name] = digest._replace(constant=True) if name in given else digest
    return found
