"""The ceiling of all separation by soft masks: masks made of the true stems."""

import numpy as np
import torch
from numpy.typing import NDArray

from vocsep.spectra import MASK_FFT, istft, stft


def oracle_masks(stems: NDArray[np.floating], power: int = 2) -> NDArray[np.float32]:
    """The ceiling of any soft mask: masks made of the true stems, applied to their sum.

    ``M_j = |S_j|^p / sum_k |S_k|^p`` on an STFT of 2048 samples every 256.

    Args:
        stems: ``(voices, samples)`` at 16 kHz.
        power: p, 1 for magnitude masks, 2 for power masks.

    Returns:
        ``(voices, samples)``, which add up to the sum of the stems.
    """
    signals = torch.from_numpy(np.ascontiguousarray(stems, dtype=np.float32))
    spectra = stft(signals, MASK_FFT)
    shares = spectra.abs().pow_(power).add_(1e-20)  # the same tiny share for all where every stem is silent
    shares /= shares.sum(dim=0)
    mixture = spectra.sum(dim=0)
    # One voice at a time: a whole song's complex spectra of all voices would be held twice.
    estimates = [istft(share * mixture, signals.shape[-1], MASK_FFT).numpy() for share in shares]
    return np.stack(estimates).astype(np.float32, copy=False)
