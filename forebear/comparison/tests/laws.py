"""Tries the laws of a test on random units, so that a test says what must hold of it and a test of the test is one line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isclose, log10, sqrt

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.findings.evidence import Axis, Deck
from forebear.comparison.tests.axis_test import AxisRead, AxisTest, Decks, Law
from forebear.core.seeds import generator
from forebear.files.base import Float32
from forebear.stats.deck import deck
from forebear.stats.sign import unit_products

BLOCKS, UNITS, FEATURES = 3, 24, 40
LEVELS = (0.5, 0.1, 0.01)
FOUND_LOG10_P = -3.0
Blocks = list[tuple[Float32, Float32]]


def read_of(blocks: Sequence[tuple[Float32, Float32]]) -> AxisRead:
    """Units as a comparison hands them to tests, of an axis that may be shuffled and negated.

    Shapes: (units, features) of either side, block by block.
    """
    found = [deck(a, b) for a, b in blocks]
    of = [one.of for one in found]
    decks = Decks(sum(one.matched for one in found), sum(of), max(one.matched for one in found), max(of), Deck(len(found)))
    return AxisRead(
        axis=Axis.NEURONS,
        private=True,
        holds=frozenset({"permutation", "sign"}),
        decks=decks,
        coins=[unit_products(a, b) for a, b in blocks],
        blocks=list(blocks),
        best_looks_log10=log10(len(found)),
        blocks_apart=len(found),
    )


def broken(test: AxisTest, seed: int = 0, tries: int = 300) -> list[Law]:
    """The laws a test declares that do not hold of it; seed names the random units.

    A null law is tried on copies with noise, shuffled or negated anew each time: what is left of their likeness must not count.
    An honest test fails it less than once in a thousand seeds.
    """
    rng = generator("comparison/laws", seed)
    return [law for law in test.laws if not _LAWS[law](test, rng, tries)]


def _copies(rng: np.random.Generator, noise: float = 1.0) -> Blocks:
    blocks: Blocks = []
    for _ in range(BLOCKS):
        a = rng.standard_normal((UNITS, FEATURES), dtype=np.float32)
        blocks.append((a, a + np.float32(noise) * rng.standard_normal(a.shape, dtype=np.float32)))
    return blocks


def _p(test: AxisTest, blocks: Blocks) -> float:
    found = test.evidence(read_of(blocks), decides=False)
    return 0.0 if found is None or found.log10_p is None else found.log10_p


def _stays(change: Callable[[np.random.Generator, Float32, Float32], tuple[Float32, Float32]]) -> Callable[..., bool]:
    def holds(test: AxisTest, rng: np.random.Generator, tries: int) -> bool:
        for noise in (1.0, 4.0):
            blocks = _copies(rng, noise)
            other = [change(rng, a, b) for a, b in blocks]
            if not isclose(_p(test, blocks), _p(test, other), rel_tol=1e-3, abs_tol=1e-3):
                return False
        return True

    return holds


def _moved(rng: np.random.Generator, a: Float32, b: Float32) -> tuple[Float32, Float32]:
    order = rng.permutation(len(a))
    return a[order], b[order]


def _negated(rng: np.random.Generator, a: Float32, b: Float32) -> tuple[Float32, Float32]:
    coins = _coins(rng, len(a))
    return a * coins, b * coins


def _scaled(rng: np.random.Generator, a: Float32, b: Float32) -> tuple[Float32, Float32]:
    return a, b * np.float32(3.0)


def _coins(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    return rng.choice(np.array([-1, 1], dtype=np.float32), size=(count, 1))


def _null(change: Callable[[np.random.Generator, Float32], Float32]) -> Callable[..., bool]:
    def holds(test: AxisTest, rng: np.random.Generator, tries: int) -> bool:
        found = np.array([_p(test, [(a, change(rng, b)) for a, b in _copies(rng)]) for _ in range(tries)])
        return all((found <= log10(p)).sum() <= tries * p + 4 * sqrt(tries * p) + 1 for p in LEVELS)

    return holds


def _found(test: AxisTest, rng: np.random.Generator, tries: int) -> bool:
    return max(_p(test, _copies(rng)) for _ in range(min(tries, 20))) <= FOUND_LOG10_P


_LAWS: dict[Law, Callable[..., bool]] = {
    Law.MOVED_TOGETHER: _stays(_moved),
    Law.NEGATED_TOGETHER: _stays(_negated),
    Law.SCALED: _stays(_scaled),
    Law.SHUFFLED: _null(lambda rng, b: b[rng.permutation(len(b))]),
    Law.COINS: _null(lambda rng, b: b * _coins(rng, len(b))),
    Law.FOUND: _found,
}
