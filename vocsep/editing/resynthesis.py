"""A voice sung by the source model from the parameters that explain its stem: harmonics, noise and a filter.

Nothing of the recording is left, so nothing of the other voices is either; it sounds like a vocoder, and
reaches to 8 kHz.
"""

from dataclasses import replace

import numpy as np
import soxr
import torch
from numpy.typing import NDArray

from vocsep.pitch.tracks import F0Tracks
from vocsep.separation.separator import Separator
from vocsep.source.voice import synthesise
from vocsep.spectra import SAMPLE_RATE

Array = NDArray[np.float64]

KEPT = 0.85  # of the axis of frequencies, that is scaled; the rest is squeezed or stretched to end at pi


def resynthesised(
    separator: Separator, audio: Array, rate: int, f0: Array, new_f0: Array, formants: float
) -> Array:
    """The voice as the source model sings it.

    Args:
        separator: of a method with a source model.
        audio: ``(samples, channels)`` of one voice.
        rate: Hz.
        f0: ``(frames,)`` Hz of the voice, NaN = unvoiced.
        new_f0: ``(frames,)`` Hz wanted.
        formants: factor on the frequencies of all formants.

    Returns:
        ``(samples, channels)``, all channels alike but for their levels.

    Raises:
        ValueError: the method has no source model.
    """
    mono = audio.mean(axis=1).astype(np.float32)
    found = separator.separate(mono, rate, tracks=F0Tracks(f0[None]))
    if found.parameters is None:
        raise ValueError("a method without a source model")
    parameters = found.parameters
    wanted = torch.from_numpy(np.nan_to_num(new_f0).astype(np.float32))[None, None, : parameters.frames]
    changed = replace(parameters, f0=wanted, lsf=moved_formants(parameters.lsf, formants), shares=None)
    samples = round(len(mono) * SAMPLE_RATE / rate)
    with torch.no_grad():
        sung = synthesise(changed, samples, seed=separator.settings.seed)[0, 0].double().numpy()
    whole = np.asarray(soxr.resample(sung, SAMPLE_RATE, rate))
    whole = np.pad(whole, (0, max(len(mono) - len(whole), 0)))[: len(mono)]
    levels = np.sqrt((audio**2).mean(axis=0))
    return np.asarray(whole[:, None] * levels / max(float(np.sqrt((whole**2).mean())), 1e-12))


def moved_formants(lsf: torch.Tensor, factor: float) -> torch.Tensor:
    """Line spectral frequencies with the axis stretched by ``factor`` as far as there is room.

    >>> moved_formants(torch.tensor([0.5, 1.0]), 1.2)
    tensor([0.6000, 1.2000])
    """
    edge = KEPT * torch.pi * min(1.0, 1.0 / factor)
    upper = factor * edge
    rest = upper + (lsf - edge) * (torch.pi - upper) / (torch.pi - edge)
    return torch.where(lsf < edge, lsf * factor, rest)
