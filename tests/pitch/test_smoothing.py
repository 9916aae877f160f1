"""Smoothing without scipy: what scipy says."""

from typing import Literal

import numpy as np
import pytest
from scipy import ndimage

from vocsep.pitch.gaps import without_gaps
from vocsep.pitch.smoothing import gaussian_filter1d


@pytest.mark.parametrize("mode", ["constant", "nearest", "reflect"])
@pytest.mark.parametrize(("count", "sigma"), [(1, 2.0), (50, 0.7), (50, 30.0), (400, 12.5)])
def test_a_gaussian_mean_is_that_of_scipy(
    count: int, sigma: float, mode: Literal["constant", "nearest", "reflect"]
) -> None:
    values = np.random.default_rng(count).standard_normal(count)
    expected = ndimage.gaussian_filter1d(values, sigma, mode=mode)
    np.testing.assert_allclose(gaussian_filter1d(values, sigma, mode), expected, atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_gaps_are_closed_as_by_a_structuring_element(seed: int) -> None:
    rng = np.random.default_rng(seed)
    flags = np.repeat(rng.random(60) < 0.5, rng.integers(1, 14, 60))
    expected = ndimage.binary_closing(np.pad(flags, 9), np.ones(9))[9:-9]
    np.testing.assert_array_equal(without_gaps(flags, 9), expected)
