"""How sure a separation is of each voice in each second: the share of its energy that no other voice claims.

Where partials of two voices fall together, or voices sing in unison, masks can only share out what is there.
What a voice gets from bins that are its own is what can be trusted. It needs no reference, and says nothing
of a pitch that is wrong: a mistake can be sure of itself.
"""

import torch
from torch import Tensor

from vocsep.spectra import HOP, SAMPLE_RATE

OWN = 0.9  # share of a bin from which it is a voice's own
QUIET = 1e-4  # of a voice's mean energy: quieter seconds have no confidence


def energies(masks: Tensor, magnitudes: Tensor) -> Tensor:
    """Energy of each voice in each frame, and the part of it in bins of its own.

    Args:
        masks: ``(voices, bins, frames)``, add up to one.
        magnitudes: ``(bins, frames)`` of the mixture.

    Returns:
        ``(2, voices, frames)``.
    """
    power = masks.square() * magnitudes.square()
    return torch.stack((power.sum(dim=1), (power * (masks >= OWN)).sum(dim=1)))


def confidence_by_second(energy: Tensor) -> Tensor:
    """``(2, voices, frames)`` of `energies` -> ``(voices, seconds)`` from 0 to 1, NaN where silent; the last
    second may be shorter.

    >>> confidence_by_second(torch.tensor([[[2.0] * 125], [[1.0] * 125]])).tolist()
    [[0.5, 0.5]]
    """
    frames = energy.shape[-1]
    second = torch.arange(frames, device=energy.device) * HOP // SAMPLE_RATE
    seconds = int(second[-1]) + 1 if frames else 0
    sums = energy.new_zeros(*energy.shape[:-1], seconds).index_add_(2, second, energy)
    total, own = sums
    sounding = total > QUIET * total.mean(dim=1, keepdim=True)
    return torch.where(sounding, own / total.clamp_min(1e-20), torch.nan)
