"""From distances to a tree: the shortest one that joins all, what lies between what, where a model is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

from forebear.library.tree.thresholds import ALIKE, LOPSIDED, STEP, TOO_SHORT, UNSEPARATED

Edge = tuple[int, int]


class Groups:
    """Numbers that are joined one pair after the other (union by size, find with halved paths)."""

    def __init__(self, members: Iterable[int]) -> None:
        self._above = {member: member for member in members}
        self._size = dict.fromkeys(self._above, 1)

    def root(self, member: int) -> int:
        """The number that stands for a member's group."""
        while self._above[member] != member:
            self._above[member] = self._above[self._above[member]]
            member = self._above[member]
        return member

    def join(self, a: int, b: int) -> bool:
        """Put two groups together; False where they were one."""
        a, b = self.root(a), self.root(b)
        if a == b:
            return False
        a, b = (a, b) if self._size[a] >= self._size[b] else (b, a)
        self._above[b] = a
        self._size[a] += self._size[b]
        return True

    def all(self) -> list[list[int]]:
        """The groups, each in order, in the order of their first members."""
        found: dict[int, list[int]] = {}
        for member in sorted(self._above):
            found.setdefault(self.root(member), []).append(member)
        return list(found.values())


def shortest(members: Sequence[int], lengths: Mapping[Edge, float]) -> list[Edge]:
    """The edges of least length in all that join what can be joined (Kruskal 1956); equal lengths in the order of the members."""
    groups = Groups(members)
    order = sorted(lengths, key=lambda edge: (lengths[edge], edge))
    return [edge for edge in order if groups.join(*edge)]


@dataclass(frozen=True)
class Ways:
    """The three ways between three models: from v to a and to b, and from a to b; in weak directions and in all."""

    weak: tuple[float, float, float]
    whole: tuple[float, float, float]

    def common(self, lengths: tuple[float, float, float]) -> float:
        """How far the ways from v to the two go together, as a share of the shorter: 0 where v lies between them."""
        va, vb, ab = lengths
        return (va + vb - ab) / 2 / min(va, vb)

    @property
    def between(self) -> bool:
        """Whether nothing speaks against v lying between the two."""
        return self.lopsided or self.common(self.weak) < UNSEPARATED

    @property
    def lopsided(self) -> bool:
        """Whether one way is so much longer than another that errors of the long one hide what the short one shows."""
        return min(self.weak) < LOPSIDED * max(self.weak)

    @property
    def more_in_all(self) -> float:
        """How much more of the ways from v goes together in all directions than in weak ones."""
        return self.common(self.whole) - self.common(self.weak)

    def turned(self) -> tuple[Ways, Ways, Ways]:
        """The same three ways from each of the three models: v, a, b."""
        first, second = (Ways(_turned(self.weak, at), _turned(self.whole, at)) for at in (1, 2))
        return self, first, second

    @property
    def apart(self) -> bool:
        """Whether none of the three lies between the others, and training on like text does not explain it."""
        return not self.lopsided and all(
            one.common(one.weak) >= UNSEPARATED and one.more_in_all <= ALIKE for one in self.turned()
        )


def _turned(ways: tuple[float, float, float], at: int) -> tuple[float, float, float]:
    """The ways (v-a, v-b, a-b) as seen from a (1) or b (2): (a-v, a-b, v-b) or (b-v, b-a, v-a)."""
    va, vb, ab = ways
    return (va, ab, vb) if at == 1 else (vb, ab, va)


Looked = Callable[[int, int, int], Ways]


def siblings_apart(edges: Sequence[Edge], ways: Looked) -> list[Edge]:
    """The edges, where two that were trained alike from one model are next to each other, each put next to that model.

    Of x - y - z the middle one counts as a step between only where the ways to the others hardly go together in weak directions;
    where they do, and all directions bring y and z much nearer as seen from x than weak ones do, y and z are two trainings of x.
    """
    found = set(edges)
    for _ in range(len(edges)):
        change = next(_alike(sorted(found), ways), None)
        if change is None:
            break
        found = (found - {change[0]}) | {change[1]}
    return sorted(found)


def _alike(edges: Sequence[Edge], ways: Looked) -> Iterator[tuple[Edge, Edge]]:
    """(edge between two trained alike, edge to what they were trained from)."""
    for y, near in _near(edges).items():
        for x, z in permutations(near, 2):
            middle, seen = ways(y, x, z), ways(x, y, z)
            far = min(seen.weak) >= TOO_SHORT * max(seen.weak)
            if (
                far
                and middle.common(middle.weak) > STEP
                and seen.more_in_all > ALIKE
                and seen.common(seen.weak) < 1 - STEP
            ):
                yield (min(y, z), max(y, z)), (min(x, z), max(x, z))


def _near(edges: Sequence[Edge]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for a, b in edges:
        found.setdefault(a, []).append(b)
        found.setdefault(b, []).append(a)
    return found


def unknown(edges: Sequence[Edge], ways: Looked) -> list[list[Edge]]:
    """Groups of edges that meet in a model which is not there: the end that two of them share does not lie between the others.

    ways: (v, a, b) -> the three ways. Source: the three-point condition of additive trees (Buneman 1971).
    """
    at: dict[int, list[int]] = {}
    for number, edge in enumerate(edges):
        for end in edge:
            at.setdefault(end, []).append(number)
    groups = Groups(range(len(edges)))
    for v, numbers in at.items():
        for place, one in enumerate(numbers):
            for other in numbers[:place]:
                a, b = (next(end for end in edges[number] if end != v) for number in (one, other))
                if ways(v, a, b).apart:
                    groups.join(one, other)
    return [[edges[number] for number in group] for group in groups.all() if len(group) > 1]


__all__ = ["Edge", "Groups", "Looked", "Ways", "shortest", "siblings_apart", "unknown"]
