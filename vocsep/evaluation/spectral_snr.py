"""Spectral SNR: the score of signals whose phases are known to be others than those of the truth.

T. Virtanen, "Monaural sound source separation by nonnegative matrix factorization with temporal continuity
and sparseness criteria", IEEE TASLP 15 (3), 2007, compares magnitude spectrograms. The paper (section V-B)
scores its synthesised voices so, and calls it an SI-SDR computed on magnitude spectrograms: the reference is
scaled to fit the estimate. FFT size and hop are those of the code that its authors published.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from vocsep.evaluation.seconds import in_seconds, scored_seconds
from vocsep.evaluation.si_sdr import si_sdr
from vocsep.spectra import HOP, stft

FFT = 512  # samples in the window, every HOP = 256


def spectral_snr(reference: NDArray[np.floating], estimate: NDArray[np.floating]) -> NDArray[np.float64]:
    """``10 log10(|a S|^2 / |a S - E|^2)`` of magnitude spectrograms S, E with ``a = <E, S> / <S, S>``.

    Args:
        reference: ``(..., samples)`` at 16 kHz.
        estimate: ``(..., samples)``.

    Returns:
        ``(...)`` in dB, limited to -60 .. 100; NaN where the reference is silent.

    Raises:
        ValueError: the shapes differ.
    """
    if reference.shape != estimate.shape:
        raise ValueError(f"reference has shape {reference.shape}, estimate {estimate.shape}")
    return si_sdr(_magnitudes(reference), _magnitudes(estimate))


def spectral_snr_per_second(
    reference: NDArray[np.floating], estimate: NDArray[np.floating], sample_rate: int
) -> NDArray[np.float64]:
    """`spectral_snr` of each second by itself. Arguments and result: as of `si_sdr_per_second`."""
    s, e = in_seconds(reference, sample_rate), in_seconds(estimate, sample_rate)
    return np.where(scored_seconds(s), spectral_snr(s, e), np.nan)


def _magnitudes(signals: NDArray[np.floating]) -> NDArray[np.float32]:
    """``(..., bins * frames)``."""
    wave = torch.from_numpy(np.ascontiguousarray(signals, dtype=np.float32))
    magnitudes = stft(wave, FFT, HOP).abs().numpy()
    return np.asarray(magnitudes.reshape(*signals.shape[:-1], -1))
