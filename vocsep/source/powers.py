"""Expected powers: the power spectrograms that the source models of the voices stand for."""

import torch
from torch import Tensor

from vocsep.source.voice import SourceParameters, power_envelopes
from vocsep.spectra import HOP, MASK_FFT, SAMPLE_RATE, hann, power_spectrogram

NOISE_SHARE = 0.1  # of a voice's noise that claims bins: it also explains rooms and other voices (measured)


def mask_frequencies(device: torch.device | str = "cpu", fft_size: int = MASK_FFT) -> Tensor:
    """Frequencies of the masks' bins, ``(fft_size // 2 + 1,)`` in Hz."""
    return torch.arange(fft_size // 2 + 1, device=device) * (SAMPLE_RATE / fft_size)


def comb_powers(excitation: Tensor, hop: int = HOP) -> Tensor:
    """Power spectrogram of harmonic excitations, ``(..., samples) -> (..., bins, frames)``."""
    return power_spectrogram(excitation, MASK_FFT, hop).transpose(-1, -2)


def voice_powers(parameters: SourceParameters, combs: Tensor, noise_share: float = 1.0) -> Tensor:
    """Expected power spectrogram of each voice: harmonics and noise, each through its filters.

    Args:
        parameters: of one recording (batch of 1).
        combs: ``(voices, bins, frames)`` from `comb_powers`, or the lowest bins of them.
        noise_share: how much of the noise power counts.

    Returns:
        ``(voices, bins, frames)``.
    """
    harmonic, noise = power_envelopes(parameters, mask_frequencies(combs.device)[: combs.shape[1]])
    window_energy = hann(MASK_FFT, combs).square().sum()
    return harmonic[0].transpose(1, 2) * combs + noise[0].transpose(1, 2) * (noise_share * window_energy)
