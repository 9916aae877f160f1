"""How late a stem is against its reference: 25 ms cost more than 30 dB, and nobody sees why.

The lag is where the cross-correlation of both is largest, computed block by block with FFTs.
"""

import numpy as np
from numpy.typing import NDArray

from vocsep.spectra import SAMPLE_RATE

REACH = SAMPLE_RATE // 2  # samples, the largest lag that is looked for
BLOCK = 1 << 17  # samples correlated at a time
GAIN = 3.0  # dB, what a shift must win before it is worth a word
AUDIBLE = 0.0  # dB that must be reached by it, or else the stem is not this voice


def lag_of(reference: NDArray[np.float32], estimate: NDArray[np.float32]) -> tuple[int, float, float]:
    """By how much an estimate is late.

    Args:
        reference, estimate: ``(samples,)`` at 16 kHz.

    Returns:
        Lag in samples, negative = early; SI-SDR in dB of the whole as it is, and shifted by the lag.

    >>> noise = np.random.default_rng(0).standard_normal(16000).astype(np.float32)
    >>> lag_of(noise, np.roll(noise, 400))[0]
    400
    """
    size = BLOCK + 2 * REACH
    correlation = np.zeros(2 * REACH + 1)
    padded = np.pad(estimate, REACH)
    for begin in range(0, len(reference), BLOCK):
        block = reference[begin : begin + BLOCK]
        heard = padded[begin : begin + len(block) + 2 * REACH]
        product = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(block, size))
        correlation += np.fft.irfft(product, size)[: 2 * REACH + 1]
    energy = float(np.sum(np.square(reference, dtype=np.float64)))
    energy *= float(np.sum(np.square(estimate, dtype=np.float64)))
    if not energy:
        return 0, -np.inf, -np.inf
    shares = np.clip(np.square(correlation) / energy, 1e-12, 1 - 1e-12)
    ratios = 10 * np.log10(shares / (1 - shares))
    best = int(np.argmax(ratios))
    return best - REACH, float(ratios[REACH]), float(ratios[best])


def remark_on_lag(reference: NDArray[np.float32], estimate: NDArray[np.float32]) -> str:
    """That a stem is late or early and what it costs, or nothing where a shift helps little."""
    lag, now, then = lag_of(reference, estimate)
    if not lag or then < AUDIBLE or then - now < GAIN:
        return ""
    side = "late" if lag > 0 else "early"
    return (
        f"{abs(lag) / SAMPLE_RATE * 1000:.1f} ms {side} against its reference: SI-SDR of the whole is "
        f"{now:.1f} dB, and would be {then:.1f} dB without the shift"
    )
