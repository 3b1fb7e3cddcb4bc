"""The longest chain is the longest, the bound is the bound, and a change of mixture is found where it is."""

from __future__ import annotations

from itertools import permutations
from math import comb, factorial, log10

import numpy as np
import pytest

from forebear.tokens.order import exact_stretches, in_byte_order, log10_chance, longest_chain, segments


def slow_longest(values: list[int]) -> int:
    best = [1] * len(values)
    for at in range(len(values)):
        for before in range(at):
            if values[before] < values[at]:
                best[at] = max(best[at], best[before] + 1)
    return max(best, default=0)


def test_the_longest_chain_is_as_long_as_the_obvious_search_finds_and_increases(rng: np.random.Generator) -> None:
    for n in [0, 1, 2, 7, 40, 200]:
        values = rng.permutation(n).tolist()
        members = longest_chain(values)
        chosen = [value for value, member in zip(values, members.tolist(), strict=True) if member]
        assert chosen == sorted(chosen)
        assert len(chosen) == slow_longest(values)


def test_order_kept_is_a_chain_of_everything_and_order_turned_round_a_chain_of_one() -> None:
    assert longest_chain(range(500)).sum() == 500
    assert longest_chain(range(500, 0, -1)).sum() == 1


@pytest.mark.parametrize("n", [4, 5, 6])
def test_chance_of_a_chain_is_never_above_its_bound_over_every_order(n: int) -> None:
    lengths = [int(longest_chain(order).sum()) for order in permutations(range(n))]
    for k in range(1, n + 1):
        share = sum(length >= k for length in lengths) / factorial(n)
        assert share <= 10 ** log10_chance(k, n) + 1e-12
    assert log10_chance(n, n) == pytest.approx(log10(comb(n, n) / factorial(n)))


def test_a_change_of_rate_is_found_where_it_is_and_none_where_there_is_none(rng: np.random.Generator) -> None:
    changing = np.concatenate([rng.random(600) < 0.9, rng.random(400) < 0.1])
    (_, cut), (again, end) = segments(changing)
    assert cut == again
    assert abs(cut - 600) <= 20
    assert end == 1000
    assert segments(rng.random(1000) < 0.3) == [(0, 1000)]
    assert segments(np.zeros(0, dtype=bool)) == []


def test_only_stretches_where_order_is_exact_are_kept(rng: np.random.Generator) -> None:
    flags = np.concatenate([np.ones(300, dtype=bool), rng.random(300) < 0.2])
    kept = exact_stretches(flags, rate=0.99, least=48)
    assert kept[:290].all()
    assert kept[310:].sum() == 0
    assert exact_stretches(rng.random(600) < 0.9, rate=0.99, least=48).sum() < 60


def test_an_alphabet_is_seen_as_sorted_and_shuffled_tokens_are_not(rng: np.random.Generator) -> None:
    alphabet = [bytes([byte]) for byte in range(100)]
    assert in_byte_order(alphabet).all()
    shuffled = [alphabet[at] for at in rng.permutation(100)]
    assert in_byte_order(shuffled).sum() == 0
