"""F0 of a reverberant mixture once more, with its tails taken away first.

Voices are assigned in order of height alone: what tails leave is too little to hear unisons in, and the more
the two answers differ, the more their mean is worth (`vocsep.methods.halls`).
"""

from copy import copy

import numpy as np
import torch
from torch import Tensor

from vocsep.errors import VoicesNotFound
from vocsep.pitch.alternatives import surely_sung
from vocsep.pitch.dereverberation import dereverberated
from vocsep.pitch.estimate import PitchEstimator
from vocsep.pitch.sections import same_voices


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
    by_height = copy(estimator)
    by_height.assign = "viterbi"
    audio = np.ascontiguousarray(dereverberated(mixture).cpu().numpy(), dtype=np.float32)
    try:
        found = surely_sung(by_height.estimate(audio, len(f0))).fitted(f0.shape[1])
    except VoicesNotFound:
        return None
    known = torch.where(f0 > 0, f0, torch.nan).cpu().double().numpy()
    return found.as_input()[same_voices(known, found.frequencies)].to(f0)
