"""The median agrees with numpy's and leaves out what is not finite."""

from __future__ import annotations

import numpy as np
import pytest

from forebear.core.errors import IncomparableError
from forebear.stats.median import median


@pytest.mark.parametrize("count", [1, 2, 7, 100])
def test_the_median_is_numpys(rng, count):
    values = rng.standard_normal(count)
    assert median(values) == np.median(values)
    assert median(np.append(values, [np.nan, np.inf])) == np.median(values)


def test_nothing_finite_has_no_median():
    with pytest.raises(IncomparableError):
        median(np.array([np.nan]))
