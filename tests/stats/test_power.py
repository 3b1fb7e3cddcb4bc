"""The power statement: the worked example of METHODS §11, and that it comes true."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from forebear.core.errors import UsageError
from forebear.stats.deck import deck
from forebear.stats.normal import normal_z
from forebear.stats.power import matches_needed, rounded_up, smallest_found
from forebear.stats.sign import sign_z, unit_products
from forebear.stats.trace import similarity, trace_test


def test_worked_example_of_methods():
    found = smallest_found(256, 4096)
    assert found.deck_matches == 13
    assert [rounded_up(r) for r in (found.deck, found.sign)] == [0.021, 0.007]
    assert rounded_up(normal_z(-9) / np.sqrt(255 * 4096)) == 0.006  # METHODS §11, trace, were its tail exact
    assert rounded_up(found.trace) == 0.007  # what the permanent bound, which decides, really finds
    assert found.sign == pytest.approx(6.44 / np.sqrt((256 - 6.44**2) * 4096), rel=0.001)
    assert smallest_found(10**6, 4096).sign == pytest.approx(6.44 / np.sqrt(10**6 * 4096), rel=0.001)


def test_more_looks_and_a_smaller_dimension_find_less_and_more_layers_find_more():
    plain = smallest_found(256, 259)
    looked = smallest_found(256, 259, looks=72)
    deep = smallest_found(256, 259, layers=12)
    assert looked.log10_threshold == pytest.approx(-9 - np.log10(72))
    for part in ("deck", "sign", "trace"):
        assert getattr(plain, part) < getattr(looked, part)
    assert deep.sign < plain.sign
    assert deep.trace < plain.trace
    assert plain.deck > smallest_found(256, 4096).deck


def test_twelve_units_cannot_tell():
    found = smallest_found(12, 4096)
    assert found.deck is None
    assert found.trace is None
    assert found.sign is None
    assert smallest_found(13, 4096).deck is not None
    assert smallest_found(13, 4096, looks=13).deck is None
    assert matches_needed(-9) == 13
    with pytest.raises(UsageError):
        smallest_found(0, 10)
    with pytest.raises(UsageError):
        smallest_found(10, 0)


def test_normal_quantile_is_six_at_one_in_a_thousand_million_and_runs_on_past_floats():
    assert normal_z(-9) == pytest.approx(5.9978, abs=1e-4)
    assert normal_z(0) == 0
    z = normal_z(-250)
    assert NormalDist().cdf(-z) == pytest.approx(1e-250, rel=1e-6)
    assert normal_z(-301) == pytest.approx(normal_z(-299.9), rel=0.005)
    assert normal_z(-301) > normal_z(-299.9)


def test_what_is_promised_is_found_about_half_of_the_time(seed):
    draws = np.random.default_rng(seed)
    n, width = 192, 256
    promised = smallest_found(n, width)
    tests = {
        "deck": lambda a, b: deck(a, b).log10_p,
        "sign": lambda a, b: sign_z(unit_products(a, b)).log10_p,
        "trace": lambda a, b: trace_test(similarity(a, b)).log10_p,
    }
    for name, test in tests.items():
        r = getattr(promised, name)
        hits = 0
        for _ in range(40):
            a = draws.standard_normal((n, width)).astype(np.float32)
            b = (r * a + np.sqrt(1 - r * r) * draws.standard_normal((n, width))).astype(np.float32)
            hits += test(a, b) <= -9
        assert 9 <= hits <= 34, name  # half of 40 is 20, standard deviation 3; above half is caution, not a fault
        misses = 0
        for _ in range(15):
            a = draws.standard_normal((n, width)).astype(np.float32)
            b = (r / 2 * a + draws.standard_normal((n, width))).astype(np.float32)
            misses += test(a, b) > -9
        assert misses >= 14, name
