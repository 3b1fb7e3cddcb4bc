"""Fixtures every room uses."""

from __future__ import annotations

import numpy as np
import pytest

from tests.packages import install

__all__ = ["install"]


@pytest.fixture(params=[11, 23])
def seed(request: pytest.FixtureRequest) -> int:
    """Two named seeds: a test that holds for one only does not hold."""
    return int(request.param)


@pytest.fixture
def rng(seed: int) -> np.random.Generator:
    """A generator fixed by the test's seed."""
    return np.random.default_rng(seed)
