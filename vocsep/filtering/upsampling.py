"""What was found at 16 kHz in a mono copy, brought to the rate and the channels of the recording."""

import numpy as np
import soxr
import torch
from torch import Tensor

from vocsep.filtering.multichannel import channels_differ
from vocsep.spectra import SAMPLE_RATE


def to_rate(signals: Tensor, sample_rate: int, samples: int) -> Tensor:
    """Signals ``(..., samples at 16 kHz)`` at another rate, cut or filled up to so many samples."""
    if sample_rate == SAMPLE_RATE:
        changed = signals
    else:
        rows = signals.reshape(-1, signals.shape[-1]).cpu().numpy()
        columns = soxr.resample(np.ascontiguousarray(rows.T), SAMPLE_RATE, sample_rate)
        rows = np.ascontiguousarray(columns.reshape(-1, len(rows)).T)
        changed = torch.from_numpy(rows).to(signals).reshape(*signals.shape[:-1], -1)
    return torch.nn.functional.pad(changed[..., :samples], (0, max(samples - changed.shape[-1], 0)))


def in_channels(correction: Tensor, mixture: Tensor, audio: Tensor, sample_rate: int) -> Tensor | None:
    """A correction of stems for every channel of the recording.

    Args:
        correction: ``(voices, samples)`` of the voices in ``mixture``.
        mixture: ``(samples,)`` the mono copy, at 16 kHz as the correction.
        audio: ``(channels, samples)`` the recording at ``sample_rate``.

    Returns:
        ``(voices, channels or 1, samples)``; None where channels hold different signals: the mono copy does
        not know which voice is how loud in which.
    """
    if channels_differ(audio):
        return None
    changed = to_rate(correction, sample_rate, audio.shape[-1])[:, None]
    if len(audio) == 1:
        return changed
    copy = to_rate(mixture, sample_rate, audio.shape[-1])
    gains = (audio @ copy) / copy.square().sum().clamp_min(1e-20)
    return changed * gains[:, None]
