"""F0 of a reverberant mixture once more, with its tails taken away first.

Voices are assigned in order of height alone: what tails leave is too little to hear unisons in, and the more
the two answers differ, the more their mean is worth (`vocsep.methods.halls`).
"""

from copy import copy

import numpy as np
import torch
from torch import Tensor

from vocsep.errors import VoicesNotFound
from vocsep.pitch.dereverberation import dereverberated
from vocsep.pitch.estimate import PitchEstimator

SAME = 2 ** (1 / 12)  # a ratio of F0 below it is one note


def f0_without_tails(estimator: PitchEstimator, mixture: Tensor, f0: Tensor) -> Tensor | None:
    """F0 of as many voices as are known, estimated from the dereverberated mixture.

    Args:
        estimator: of F0; stays as it is.
        mixture: ``(samples,)`` at 16 kHz.
        f0: ``(voices, frames)`` Hz as estimated from the mixture itself, 0 where unvoiced.

    Returns:
        Of the shape of ``f0``, each row the one that agrees with that row of it in most frames; None where
        too little is left to hear.
    """
    from scipy.optimize import linear_sum_assignment  # only halls wait for it

    by_height = copy(estimator)
    by_height.assign = "viterbi"
    audio = np.ascontiguousarray(dereverberated(mixture).cpu().numpy(), dtype=np.float32)
    try:
        found = by_height.estimate(audio, len(f0)).fitted(f0.shape[1]).as_input().to(f0)
    except VoicesNotFound:
        return None
    ratio = torch.maximum(found[None] / f0[:, None], f0[:, None] / found[None])
    agree = (ratio < SAME).sum(dim=2)  # infinite or not a number where one of both is silent
    _, order = linear_sum_assignment(-agree.cpu().numpy())
    return found[torch.from_numpy(order).to(f0.device)]
