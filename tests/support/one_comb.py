"""Adaptation where every voice has its own comb and no other."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from vocsep.estimator.adapt import adapt, compared_bins
from vocsep.estimator.adapt_settings import AdaptSettings
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
    settings = replace(settings or AdaptSettings(), steps=steps)
    coarse = combs[None, :, : compared_bins(settings), :: settings.stride]
    return adapt(parameters, coarse, torch.zeros(1, 1, 1), magnitudes, settings, room, progress)
