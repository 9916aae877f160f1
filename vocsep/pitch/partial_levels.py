"""Levels of partials: what the mixture holds where the partials of given pitches lie.

Partials of other pitches cover those that lie near them; only a pitch's own partials tell about it alone.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from vocsep.spectra import HOP, MASK_FFT, SAMPLE_RATE, stft

Array = NDArray[np.float64]

COVERING = 10  # partials of another candidate that may cover them
BESIDE = 30.0  # Hz between partials that cover each other
TOP = 7_000.0  # Hz


def partial_levels(decibels: Array, frequencies: Array, partials: int) -> Array:
    """Levels at the partials of pitches.

    Args:
        decibels: ``(frames, bins)`` STFT magnitudes in dB.
        frequencies: ``(frames, pitches)`` Hz, NaN = none.
        partials: how many.

    Returns:
        ``(frames, pitches, partials)`` in dB, the largest of the three bins around each partial; NaN above
        `TOP` and where there is no pitch.
    """
    bins = decibels.shape[1]
    partial = frequencies[:, :, None] * np.arange(1, partials + 1)
    there = np.isfinite(partial) & (partial < TOP)
    nearest = np.round(np.where(there, partial, 0.0) * (2 * (bins - 1) / SAMPLE_RATE)).astype(np.int64)
    frame = np.arange(len(decibels))[:, None, None]
    level = np.max([decibels[frame, np.clip(nearest + side, 0, bins - 1)] for side in (-1, 0, 1)], axis=0)
    return np.where(there, level, np.nan)


def own_partials(frequencies: Array, covering: NDArray[np.bool_], partials: int) -> NDArray[np.bool_]:
    """Which partials of each pitch lie away from those of all others.

    Args:
        frequencies: ``(frames, pitches)`` Hz, NaN = none.
        covering: ``(frames, pitches)``, who can cover others.
        partials: how many of each pitch are looked at.

    Returns:
        ``(frames, pitches, partials)``.
    """
    partial = frequencies[:, :, None] * np.arange(1, partials + 1)
    own = np.isfinite(partial)
    for other in range(frequencies.shape[1]):
        theirs = frequencies[:, other, None, None]
        nearest = np.clip(np.round(partial / theirs), 1, COVERING)
        near = (np.abs(partial - nearest * theirs) < BESIDE) & covering[:, other, None, None]
        near[:, other] = False
        own &= ~near
    return own


def decibels_of(audio: NDArray[np.float32], first: int, last: int) -> Array:
    """STFT magnitudes of frames ``first`` to ``last`` (one past) in dB, ``(frames, bins)``.

    A sinusoid shows half its amplitude.
    """
    margin = MASK_FFT // HOP  # frames, as far as a window reaches and more
    begin = max(first - margin, 0)
    piece = torch.from_numpy(np.ascontiguousarray(audio[begin * HOP : (last + margin) * HOP]))
    magnitude = stft(piece, MASK_FFT).abs().T[first - begin : last - begin] / (MASK_FFT / 2)
    return np.asarray((20 * torch.log10(magnitude + 1e-7)).double().numpy())
