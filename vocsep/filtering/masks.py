"""Soft masks: the share of each voice in each bin of the mixture, from their expected powers."""

from functools import reduce

import torch
from torch import Tensor

FLOOR = 1e-10  # of the loudest power: where nothing is modelled, all voices share alike


def soft_masks(powers: Tensor, exponent: float = 1.0) -> Tensor:
    """Shares of each voice in each bin, ``(voices, bins, frames)``; they add up to one.

    Args:
        powers: ``(voices, bins, frames)``.
        exponent: 1 for the Wiener filter's power ratio, 0.5 for the paper's ratio of magnitudes.
    """
    floored = (powers + FLOOR * powers.amax().clamp_min(1e-20)).pow(exponent)
    # One by one, as sums over the first dimension take several times as long.
    return floored / reduce(torch.add, floored.unbind())
