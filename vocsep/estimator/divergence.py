"""Divergence between a mixture's magnitudes and the powers that source models expect of it.

Voices' expected powers add, so no waveform is synthesised: the combs are computed once, and a value costs a
few products. It is the generalised Kullback-Leibler divergence on magnitudes (P. Smaragdis and J. C. Brown,
"Non-negative matrix factorization for polyphonic music transcription", WASPAA 2003), without the terms that
do not depend on the model.
"""

import torch
from torch import Tensor

FLOOR = 1e-6  # power, in units of the mixture's squared mean magnitude


def magnitude_divergence(powers: Tensor, magnitudes: Tensor) -> Tensor:
    """Mean of ``m - M log m``, m the root of the expected power.

    Args:
        powers: ``(...)`` expected power of the mixture, in units of its squared mean magnitude.
        magnitudes: ``(...)`` of the mixture M, mean about 1.
    """
    model = (powers + FLOOR).sqrt()
    return (model - magnitudes * torch.log(model)).mean()
