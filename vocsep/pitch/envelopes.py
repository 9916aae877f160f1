"""Spectral envelopes of tracks, read off the mixture: what tells singers apart by their sound.

The magnitudes of the mixture are explained by a comb for each track, with a peak at each of its partials,
times an envelope that is linear between bands (J.-L. Durrieu, G. Richard, B. David and C. Fevotte,
"Source/filter model for unsupervised main melody extraction from polyphonic audio signals", IEEE Trans. ASLP
18(3), 2010). Multiplicative updates bring the Kullback-Leibler divergence down (D. D. Lee and H. S. Seung,
NIPS 2000). The cepstrum of an envelope, without its level, is what a singer's notes have in common: between
tracks that were rightly named, four pieces of a third of a second in five are told by it.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool1d

from vocsep.memory import worked_on_cores
from vocsep.source.voice import mel
from vocsep.spectra import HOP, SAMPLE_RATE, hann, pieces

Array = NDArray[np.float64]

EVERY = 4  # frames between windows, 64 ms
WINDOW = 2048  # samples
TOP = 7_000.0  # Hz
BANDS, LOWEST = 24, 60.0  # triangles, evenly spaced in mel from here to `TOP` in Hz
WIDTH, BETWEEN = 10.0, 3e-3  # Hz, deviation of a comb's peak; what there is of it between peaks
UPDATES = 8
SMOOTHED = 3  # windows that an envelope is the mean of
COEFFICIENTS = 13  # of the cepstrum, after the level
FLOOR = 1e-3  # of the loudest band, added before the logarithm
FAINT = 30.0  # dB below a voice's loud windows, from which nothing is told
SAME = 0.7  # semitones between tracks whose envelopes cannot be told apart
BLOCK = 240  # windows looked at together, 15 s


def track_envelopes(audio: NDArray[np.float32], pitch: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Cepstrum of each track's envelope in every `EVERY`-th frame, and where it says something.

    Args:
        audio: ``(samples,)`` mono at 16 kHz.
        pitch: ``(tracks, frames)`` semitones, NaN = silent.

    Returns:
        ``(tracks, windows, COEFFICIENTS)``, of natural logarithms; ``(tracks, windows)``, true where a track
        sings, is not faint, and no other one is within `SAME`.
    """
    own = pitch[:, ::EVERY]
    windows = own.shape[1]
    sung = torch.from_numpy(np.isfinite(own))
    f0 = torch.from_numpy(440.0 * 2 ** ((np.nan_to_num(own, nan=69.0) - 69) / 12)).float()

    def look(span: tuple[int, int]) -> Tensor:
        here = slice(*span)
        return _envelopes(_magnitudes(audio, *span), f0[:, here], sung[:, here])

    found = worked_on_cores(pieces(windows, BLOCK), look)
    envelopes = avg_pool1d(torch.cat(found, dim=2) * sung[:, None], SMOOTHED, 1, SMOOTHED // 2)
    logarithms = torch.log(envelopes + FLOOR * envelopes.amax(dim=1, keepdim=True) + 1e-9)
    cepstrum = torch.einsum("cb,tbw->twc", _cosines(), logarithms)
    return cepstrum.double().numpy(), _heard(envelopes.sum(dim=1).numpy(), own)


def _magnitudes(audio: NDArray[np.float32], first: int, last: int) -> Tensor:
    """``(bins, windows)`` of windows ``first`` to ``last``, up to `TOP`."""
    begin = first * EVERY * HOP - WINDOW // 2
    sound = torch.zeros((last - first - 1) * EVERY * HOP + WINDOW)
    known = torch.from_numpy(audio[max(begin, 0) : begin + len(sound)].astype(np.float32))
    sound[max(-begin, 0) : max(-begin, 0) + len(known)] = known
    spectrum = torch.fft.rfft(sound.unfold(0, WINDOW, EVERY * HOP) * hann(WINDOW, sound))
    magnitudes: Tensor = spectrum[:, : len(_frequencies())].abs().T
    return magnitudes


def _frequencies() -> Tensor:
    """Of the bins, ``(bins,)`` Hz."""
    return torch.arange(round(TOP * WINDOW / SAMPLE_RATE)) * (SAMPLE_RATE / WINDOW)


def _bands() -> Tensor:
    """Weight of each bin in each band, ``(BANDS, bins)``."""
    low, high = mel(torch.tensor([LOWEST, TOP]))
    places = torch.linspace(float(low), float(high), BANDS + 2)
    apart = (mel(_frequencies()) - places[1:-1, None]).abs() / (places[1] - places[0])
    return (1 - apart).clamp_min(0)


def _cosines() -> Tensor:
    """The discrete cosine transform (type II, orthonormal) without its first row."""
    row, band = torch.arange(1, COEFFICIENTS + 1)[:, None], torch.arange(BANDS)
    waves: Tensor = torch.cos(torch.pi * row * (band + 0.5) / BANDS) * (2 / BANDS) ** 0.5
    return waves


def _envelopes(magnitudes: Tensor, f0: Tensor, sung: Tensor) -> Tensor:
    """Envelopes ``(tracks, BANDS, windows)`` of the tracks that sing.

    Args:
        magnitudes: ``(bins, windows)``. f0: ``(tracks, windows)`` Hz. sung: the same shape.
    """
    places = _frequencies()[:, None] / f0[:, None]  # in partials
    away = (places - places.round().clamp_min(1)) * f0[:, None]
    comb = (torch.exp(-0.5 * (away / WIDTH).square()) + BETWEEN) * sung[:, None]
    bands, magnitudes = _bands(), magnitudes + 1e-7
    whole = (bands @ comb).clamp_min(1e-9)
    found = magnitudes.mean().expand(whole.shape).clone()
    for _ in range(UPDATES):
        explained = (comb * (bands.T @ found)).sum(dim=0).clamp_min(1e-9)
        found *= (bands @ (comb * (magnitudes / explained))) / whole
    return found


def _heard(level: NDArray[np.float32], pitch: Array) -> NDArray[np.bool_]:
    """Where a track sings, is not faint, and has no other near it, ``(tracks, windows)``."""
    heard = np.isfinite(pitch)
    for track, row in enumerate(heard):
        if row.any():
            loud = np.percentile(level[track, row], 95)
            row &= level[track] > loud * 10 ** (-FAINT / 20)
        others = np.delete(pitch, track, axis=0)
        row &= ~(np.abs(others - pitch[track]) < SAME).any(axis=0)  # NaN compares as false
    return heard
