"""Smoothing of curves by numpy alone: scipy loads for a third of a second, which everybody would wait for."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

REACH = 4.0  # standard deviations to either side
PADDING = {"constant": "constant", "nearest": "edge", "reflect": "symmetric"}  # as numpy calls them


def gaussian_filter1d(
    values: NDArray[np.float64], sigma: float, mode: Literal["constant", "nearest", "reflect"] = "reflect"
) -> NDArray[np.float64]:
    """Weighted mean around each value, as `scipy.ndimage.gaussian_filter1d` computes it.

    Args:
        values: ``(n,)``.
        sigma: standard deviation of the weights, in places.
        mode: what is beyond the ends: zeros, the last value, or the values mirrored.
    """
    reach = int(REACH * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    padded = np.pad(values, reach, mode=PADDING[mode])  # type: ignore[call-overload]
    return np.asarray(np.convolve(padded, weights / weights.sum(), "valid"))
