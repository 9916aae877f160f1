"""Power spectrograms of a mixture and of its voices' harmonics in the long windows that resolve low voices.

Features look at them, and the loss of powers compares with them; a training step computes them once.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from vocsep.spectra import HOP, MASK_FFT, power_spectrogram

LONG_FFT = MASK_FFT  # samples
LONG_HOP = 2 * HOP  # samples: windows of 128 ms need not be taken every 16 ms


class LongSpectra(NamedTuple):
    """|STFT|^2 with windows of `LONG_FFT`, a frame every `LONG_HOP` samples.

    Attributes:
        mixture: ``(batch, coarse frames, bins)``.
        combs: ``(batch, voices, coarse frames, bins)``, of the harmonics of each voice, all of amplitude 1.
    """

    mixture: Tensor
    combs: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, mixture: Tensor, excitation: Tensor) -> "LongSpectra":
        """Those of a mixture ``(batch, samples)`` and its excitations ``(batch, voices, samples)``."""
        return cls(*(power_spectrogram(signal, LONG_FFT, LONG_HOP) for signal in (mixture, excitation)))
