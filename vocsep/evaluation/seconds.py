"""One-second windows, which of them are scored, and how scores are summed up.

The paper scores windows of one second without overlap (section V-A, after F.-R. Stöter, A. Liutkus and
N. Ito, "The 2018 signal separation evaluation campaign", LVA/ICA 2018) and leaves those out in which the
target is silent. Here silent means: more than 20 dB below the mean energy of the voice's windows, which asks
nothing about the level of the recording.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SILENCE = 20.0  # dB under the voice's mean energy: quieter seconds are not scored
LIMITS = (-60.0, 100.0)  # dB, scores of a silent and of a perfect estimate, so that means stay finite


@dataclass(frozen=True)
class Summary:
    """Scored seconds in dB: mean, median, first and third quartile, and how many they are; NaN if none."""

    mean: float
    median: float
    first_quartile: float
    third_quartile: float
    seconds: int


def in_seconds(signals: NDArray[np.floating], sample_rate: int) -> NDArray[np.floating]:
    """Cut signals into windows of one second.

    Args:
        signals: ``(..., samples)``.
        sample_rate: Hz.

    Returns:
        ``(..., seconds, sample_rate)``. A rest of less than a second at the end is left out, unless it is all
        there is.
    """
    length = min(sample_rate, signals.shape[-1])
    seconds = signals.shape[-1] // length if length else 0
    return signals[..., : seconds * length].reshape(*signals.shape[:-1], seconds, length)


def scored_seconds(references: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Where a voice is loud enough to be scored.

    Args:
        references: ``(..., seconds, samples)``.

    Returns:
        ``(..., seconds)``; false more than 20 dB below the voice's mean energy, and in silence.
    """
    energy = np.sum(np.square(references, dtype=np.float64), axis=-1)
    if not energy.shape[-1]:
        return np.zeros(energy.shape, dtype=np.bool_)
    loud: NDArray[np.bool_] = energy > np.mean(energy, axis=-1, keepdims=True) * 10 ** (-SILENCE / 10)
    return loud


def decibels(part: NDArray[np.float64], rest: NDArray[np.float64]) -> NDArray[np.float64]:
    """``10 log10(part / rest)`` of energies, limited to -60 .. 100 dB; NaN where both are nothing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.clip(10 * np.log10(part / rest), *LIMITS))


def mean_and_median(scores: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and median of the scored seconds; NaN where none was.

    >>> mean_and_median(np.array([1.0, np.nan, 2.0, 6.0]))
    (3.0, 2.0)
    """
    summary = summarise(scores)
    return summary.mean, summary.median


def summarise(scores: NDArray[np.float64]) -> Summary:
    """Mean, median and quartiles of all seconds that have a score.

    >>> summarise(np.array([1.0, np.nan, 2.0, 6.0, 3.0, 4.0]))
    Summary(mean=3.2, median=3.0, first_quartile=2.0, third_quartile=4.0, seconds=5)
    """
    scored = scores[np.isfinite(scores)]
    if not scored.size:
        nan = float("nan")
        return Summary(nan, nan, nan, nan, 0)
    first, median, third = (float(value) for value in np.percentile(scored, (25, 50, 75)))
    return Summary(float(np.mean(scored)), median, first, third, int(scored.size))
