"""Adaptation where every voice has its own comb and no other."""

from collections.abc import Callable

import torch
from torch import Tensor

from vocsep.estimator.adapt import AdaptSettings, adapt, compared_bins
from vocsep.source.reverberation import RoomFit
from vocsep.source.voice import SourceParameters


def adapt_one_comb(
    parameters: SourceParameters,
    combs: Tensor,
    magnitudes: Tensor,
    steps: int,
    settings: AdaptSettings | None = None,
    room: RoomFit | None = None,
    progress: Callable[[float], None] | None = None,
) -> SourceParameters:
    """`adapt` with combs ``(voices, bins, frames)`` of the whole spectrogram."""
    settings = settings or AdaptSettings()
    coarse = combs[None, :, : compared_bins(settings), :: settings.stride]
    return adapt(parameters, coarse, torch.zeros(1, 1, 1), magnitudes, steps, settings, room, progress)
