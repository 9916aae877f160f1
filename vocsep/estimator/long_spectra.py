"""Power spectrograms of a mixture and of its voices' harmonics in the long windows that resolve low voices.

Features look at them, and the loss of powers compares with them; a training step computes them once, where
both take the same frames.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from vocsep.spectra import HOP, MASK_FFT, power_spectrogram

LONG_FFT = MASK_FFT  # samples
LONG_HOP = 2 * HOP  # samples: windows of 128 ms need not be taken every 16 ms
COMPARED = 4  # frames between the spectra that are compared: each window shares half of it with the next


class LongSpectra(NamedTuple):
    """|STFT|^2 with windows of `LONG_FFT`.

    Attributes:
        mixture: ``(batch, coarse frames, bins)``.
        combs: ``(batch, voices, coarse frames, bins)``, of the harmonics of each voice, all of amplitude 1.
        step: coarse frames are every ``step``-th one of all.
    """

    mixture: Tensor
    combs: Tensor
    step: int

    @classmethod
    @torch.no_grad()
    def of(cls, mixture: Tensor, excitation: Tensor, step: int) -> "LongSpectra":
        """Those of a mixture ``(batch, samples)`` and its excitations ``(batch, voices, samples)``."""
        hop = step * HOP
        combs = power_spectrogram(excitation, LONG_FFT, hop)
        return cls(power_spectrogram(mixture, LONG_FFT, hop), combs, step)
