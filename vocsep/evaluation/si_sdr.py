"""SI-SDR, the score of separated stems.

J. Le Roux, S. Wisdom, H. Erdogan and J. R. Hershey, "SDR - half-baked or well done?", ICASSP 2019.
"""

import numpy as np
from numpy.typing import NDArray

from vocsep.evaluation.seconds import LIMITS, decibels, in_seconds, scored_seconds


def si_sdr(reference: NDArray[np.floating], estimate: NDArray[np.floating]) -> NDArray[np.float64]:
    """Scale-invariant signal-to-distortion ratio, without removal of means.

    ``10 log10(|a s|^2 / |a s - e|^2)`` with ``a = <e, s> / <s, s>``, limited to -60 .. 100 dB.

    Args:
        reference: ``(..., samples)``, the true signal s.
        estimate: ``(..., samples)``, the estimate e.

    Returns:
        ``(...)`` in dB; NaN where the reference is silent.

    Raises:
        ValueError: the shapes differ.

    >>> time = np.arange(800) / 16000
    >>> tone, octave = np.sin(880 * np.pi * time), np.sin(1760 * np.pi * time)
    >>> round(float(si_sdr(tone, 0.3 * (tone + 0.1 * octave))), 6)
    20.0
    """
    s, e = np.asarray(reference, dtype=np.float64), np.asarray(estimate, dtype=np.float64)
    if s.shape != e.shape:
        raise ValueError(f"reference has shape {s.shape}, estimate {e.shape}")
    energy = np.sum(s * s, axis=-1)
    scale = np.sum(e * s, axis=-1) / np.where(energy > 0, energy, 1.0)
    target = scale[..., None] * s
    power = np.sum(target**2, axis=-1)
    distortion = np.sum((target - e) ** 2, axis=-1)
    ratio = np.where((distortion == 0) & (power == 0), LIMITS[0], decibels(power, distortion))
    return np.asarray(np.where(energy > 0, ratio, np.nan))


def si_sdr_per_second(
    reference: NDArray[np.floating], estimate: NDArray[np.floating], sample_rate: int
) -> NDArray[np.float64]:
    """SI-SDR of each whole second of one voice, or of several.

    Args:
        reference: ``(..., samples)``.
        estimate: ``(..., samples)``.
        sample_rate: Hz.

    Returns:
        ``(..., seconds)`` in dB. NaN where the reference is more than 20 dB below the voice's mean energy; a
        rest of less than a second at the end is left out, unless it is all there is.

    Raises:
        ValueError: the shapes differ.
    """
    s, e = np.asarray(reference), np.asarray(estimate)
    if s.shape != e.shape:
        raise ValueError(f"reference has shape {s.shape}, estimate {e.shape}")
    s, e = in_seconds(s, sample_rate), in_seconds(e, sample_rate)
    return np.where(scored_seconds(s), si_sdr(s, e), np.nan)
