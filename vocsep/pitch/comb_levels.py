"""Levels of the partials of several tracks, fitted to the mixture all at once.

In a window of 128 ms, least squares with a weak prior over the amplitudes of all partials of all tracks:

    theta = (B' W B + ridge I)^-1 B' W x,     B = cos and sin of k phi_j,  phi_j = 2 pi int F0_j

Where partials of two tracks share a bin of a spectrogram, their phases still tell their levels, if only the
F0 are right: with the F0 of the stems, of two real singers in unison, half of the levels were within 1.2 dB
where a partial was .1 to .3 sure. What the recording says of an amplitude, of what it would say of it alone,
is how sure its level is.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vocsep.spectra import HOP, SAMPLE_RATE, hann

Array = NDArray[np.float64]

WINDOW = 2048  # samples
EVERY = 2  # frames between windows
TOP, PARTIALS = 7_000.0, 32  # Hz, and of each track
RIDGE = 0.01  # of what a partial alone says: the prior of its amplitude
FRAMES = 32  # windows solved at once
SILENT = 1e-14  # power, added before the logarithm


def fitted_levels(audio: NDArray[np.float32], pitch: Array) -> tuple[Array, Array]:
    """Level of each partial in every `EVERY`-th frame, and how sure it is.

    Args:
        audio: ``(samples,)`` mono at 16 kHz.
        pitch: ``(tracks, frames)`` semitones, NaN = silent.

    Returns:
        ``(windows, tracks, PARTIALS)`` in dB, NaN where there is no partial; and the same shape, 1 = as sure
        as of a partial alone, 0 = not at all.
    """
    frames = pitch.shape[1]
    sung = np.isfinite(pitch)
    frequency = torch.from_numpy(np.where(sung, 440.0 * 2 ** ((pitch - 69) / 12), 0.0)).float()[:, ::EVERY]
    phases = comb_phases(pitch, frames * HOP + WINDOW)
    sound = sound_of_windows(audio, phases.shape[1])
    window = hann(WINDOW, sound)
    number = torch.arange(1, PARTIALS + 1)
    active = (frequency[..., None] > 0) & (frequency[..., None] * number < TOP)
    active = active.transpose(0, 1)  # (windows, tracks, partials)
    place = torch.arange(WINDOW)
    # Made before the large blocks: small ones kept between those would keep malloc from using them again.
    level, sure = torch.zeros(active.shape), torch.zeros(active.shape)
    for own in torch.split(torch.arange(frequency.shape[1]), FRAMES):
        at = own[:, None] * (EVERY * HOP) + place
        basis, track, column = waves_of_partials(phases[:, at], active[own], window)
        here = (own[:, None], track, column)
        power, certain = _solved(basis, sound[at] * window, float(window.square().sum()) / 2)
        level[here] = 10 * torch.log10(power / 2 + SILENT)
        sure[here] = certain * active[here]
    return torch.where(active, level, torch.nan).double().numpy(), sure.double().numpy()


def waves_of_partials(phases: Tensor, active: Tensor, window: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Cosines, then sines, of the partials that sound in any of some windows, and which these are.

    Args:
        phases: ``(tracks, windows, samples)`` of the first partials.
        active: ``(windows, tracks, partials)``, which there are.
        window: ``(samples,)``.

    Returns:
        ``(windows, 2 columns, samples)``, 0 where a partial is not; the track of each column, and its partial
        less one, ``(columns,)``.
    """
    track, column = torch.nonzero(active.any(dim=0), as_tuple=True)
    angle = (phases[track] * (column[:, None, None] + 1)).transpose(0, 1)
    waves = torch.polar(active[:, track, column][..., None] * window, angle)
    return torch.cat((waves.real, waves.imag), dim=1), track, column


def _solved(basis: Tensor, sound: Tensor, alone: float) -> tuple[Tensor, Tensor]:
    """Power of each partial, and how sure it is.

    Args:
        basis: ``(windows, 2 partials, samples)``, the cosines first; 0 where there is no partial.
        sound: ``(windows, samples)``. alone: energy of a wave.
    """
    matrix = basis @ basis.mT
    energy = torch.diagonal(matrix, dim1=1, dim2=2)
    prior = torch.where(energy > 0, RIDGE * alone, alone)
    factor = torch.linalg.cholesky(matrix + torch.diag_embed(prior))
    found = torch.cholesky_solve(basis @ sound[..., None], factor)[..., 0]
    half = basis.shape[1] // 2
    spread = torch.diagonal(torch.cholesky_inverse(factor), dim1=1, dim2=2)[:, :half]
    return found[:, :half].square() + found[:, half:].square(), 1 / (spread * alone * (1 + RIDGE))


def sound_of_windows(audio: NDArray[np.float32], samples: int) -> Tensor:
    """The recording from half a window before frame 0 on, ``(samples,)``, silence beyond its ends."""
    sound = torch.zeros(samples)
    heard = torch.from_numpy(np.ascontiguousarray(audio)).float()[: samples - WINDOW // 2]
    sound[WINDOW // 2 : WINDOW // 2 + len(heard)] = heard
    return sound


def comb_phases(pitch: Array, samples: int) -> Tensor:
    """Phase of each track, from half a window before frame 0 on, ``(tracks, samples)``; through silence the
    pitch goes on as if it were sung."""
    frames = np.arange(pitch.shape[1])
    at = (np.arange(samples) - WINDOW // 2) / HOP
    rows = []
    for track in pitch:
        known = np.flatnonzero(np.isfinite(track))
        drawn = np.interp(frames, known, track[known]) if len(known) else np.zeros(len(frames))
        turned = np.cumsum(440.0 * 2 ** ((np.interp(at, frames, drawn) - 69) / 12)) / SAMPLE_RATE
        rows.append(2 * np.pi * (turned % 1))
    return torch.from_numpy(np.stack(rows)).float()
