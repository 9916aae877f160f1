"""What each track's comb has of a recording, fitted to all of them at once.

Least squares in windows of 128 ms, as in `vocsep.pitch.comb_levels`, with the waves of each track added up
over overlapping windows. What two voices sing between them is the recording without the others' combs.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vocsep.pitch.comb_levels import RIDGE, WINDOW, comb_phases, sound_of_windows, waves_of_partials
from vocsep.spectra import HOP, hann

Array = NDArray[np.float64]

EVERY = 2  # frames between windows
TOP, PARTIALS = 4_000.0, 24  # Hz, and of each track
AT_ONCE = 16  # windows solved at once


def combs_apart(audio: NDArray[np.float32], pitch: Array, wanted: NDArray[np.bool_]) -> Tensor:
    """Sound of each track's comb.

    Args:
        audio: ``(samples,)`` mono at 16 kHz.
        pitch: ``(tracks, frames)`` semitones, NaN = silent.
        wanted: ``(frames,)``, where it is needed.

    Returns:
        ``(tracks, samples)``, silence half a window and more beyond what is wanted.
    """
    frames = pitch.shape[1]
    sung = np.isfinite(pitch)
    frequency = torch.from_numpy(np.where(sung, 440.0 * 2 ** ((pitch - 69) / 12), 0.0)).float()
    phases = comb_phases(pitch, frames * HOP + WINDOW)
    sound = sound_of_windows(audio, phases.shape[1])
    window = hann(WINDOW, sound)
    reach = np.convolve(wanted, np.ones(2 * WINDOW // HOP + 1), "same") > 0
    middles = EVERY * torch.from_numpy(np.flatnonzero(reach[::EVERY]))
    apart, weight = torch.zeros(len(pitch), len(sound)), torch.zeros(len(sound))
    place, number = torch.arange(WINDOW), torch.arange(1, PARTIALS + 1)
    for own in torch.split(middles, AT_ONCE):
        at = own[:, None] * HOP + place
        active = (frequency[:, own, None] > 0) & (frequency[:, own, None] * number < TOP)
        basis, track, _ = waves_of_partials(phases[:, at], active.transpose(0, 1), window)
        found = _fitted(basis, track, len(pitch), sound[at] * window)
        for middle, one in zip(own.tolist(), found, strict=True):
            apart[:, middle * HOP : middle * HOP + WINDOW] += one * window
            weight[middle * HOP : middle * HOP + WINDOW] += window.square()
    apart /= weight.clamp_min(1e-3)
    kept = apart[:, WINDOW // 2 :][:, : len(audio)]
    return torch.nn.functional.pad(kept, (0, len(audio) - kept.shape[1]))


def _fitted(basis: Tensor, track: Tensor, tracks: int, sound: Tensor) -> Tensor:
    """Each track's part of windows, ``(windows, tracks, samples)``.

    Args:
        basis: ``(windows, 2 columns, samples)``, of `vocsep.pitch.comb_levels.waves_of_partials`.
        track: ``(columns,)``, whose each is. tracks: how many there are.
        sound: ``(windows, samples)``.
    """
    matrix = basis @ basis.mT
    energy = torch.diagonal(matrix, dim1=1, dim2=2)
    largest = energy.amax(dim=1, keepdim=True) if len(track) else energy
    ridge = torch.where(energy > 0, RIDGE * largest, torch.ones_like(energy))
    factor = torch.linalg.cholesky(matrix + torch.diag_embed(ridge))
    found = basis * torch.cholesky_solve(basis @ sound[..., None], factor)
    parts = torch.zeros(len(sound), tracks, sound.shape[1])
    return parts.index_add_(1, track.repeat(2), found)
