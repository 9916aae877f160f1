"""Divergence between a mixture's magnitudes and the powers that source models expect of it.

Voices' expected powers add, so no waveform is synthesised: the combs are computed once, and a value costs a
few products. It is the generalised Kullback-Leibler divergence on magnitudes (P. Smaragdis and J. C. Brown,
"Non-negative matrix factorization for polyphonic music transcription", WASPAA 2003), without the terms that
do not depend on the model.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

FLOOR = 1e-6  # power, in units of the mixture's squared mean magnitude


class _Divergence(torch.autograd.Function):
    """The mean, and its slope ``(m - M) / (2 m^2)`` in the same pass."""

    @staticmethod
    def forward(ctx: Any, powers: Tensor, magnitudes: Tensor) -> Tensor:
        floored = powers + FLOOR
        model = floored.sqrt()
        value = (model - magnitudes * model.log()).mean()
        if ctx.needs_input_grad[0]:
            ctx.save_for_backward(model.sub_(magnitudes).div_(floored).div_(2 * max(floored.numel(), 1)))
        return value

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (slope,) = ctx.saved_tensors
        return slope * gradient, None


def magnitude_divergence(powers: Tensor, magnitudes: Tensor) -> Tensor:
    """Mean of ``m - M log m``, m the root of the expected power; differentiable once, in the powers alone.

    Args:
        powers: ``(...)`` expected power of the mixture, in units of its squared mean magnitude.
        magnitudes: ``(...)`` of the mixture M, mean about 1.
    """
    value: Tensor = _Divergence.apply(powers, magnitudes)  # type: ignore[no-untyped-call]
    return value
