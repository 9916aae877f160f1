"""The mixture's expected powers as a function of what adaptation changes, with its gradient in closed form.

    P(n, f) = sum_v c_v(n, f) (sum_k s_vk(n) H_vk(n, f) + 10^y_v(n) U_v(n, f)),    c_v = 10^(x_v B)

with the combs H and noises U of all voices. Automatic differentiation would go through all of them several
times as often; here each is read once on the way there and once on the way back.
"""

from typing import Any

import torch
from torch import Tensor

LN10 = 2.302585093


class ExpectedPowers(torch.autograd.Function):
    """P of corrections and shares; `expected_powers` says of what shapes."""

    @staticmethod
    def forward(
        ctx: Any,
        shape: Tensor,
        noise: Tensor,
        shares: Tensor,
        voiced: Tensor,
        unvoiced: Tensor,
        bands: Tensor,
    ) -> Tensor:
        loud = torch.exp(LN10 * noise)
        total = torch.zeros_like(unvoiced[0])
        curves, sung = torch.empty_like(unvoiced), torch.empty_like(unvoiced)
        for voice in range(len(unvoiced)):  # what belongs to one voice stays in a processor's cache
            torch.matmul(LN10 * shape[voice], bands, out=curves[voice]).exp_()
            torch.bmm(shares[voice][:, None], voiced[voice], out=sung[voice][:, None])
            sung[voice].addcmul_(unvoiced[voice], loud[voice])
            total.addcmul_(curves[voice], sung[voice])
        ctx.save_for_backward(curves, sung, loud, voiced, unvoiced, bands)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        curves, sung, loud, voiced, unvoiced, bands = ctx.saved_tensors
        of_shape = voiced.new_empty(*loud.shape[:2], len(bands))
        of_noise, of_shares = torch.empty_like(loud), voiced.new_empty(voiced.shape[:3])
        for voice in range(len(unvoiced)):
            weight = gradients[0] * curves[voice]
            # As rows times matrices, which take a fifth of the time of matrices times columns.
            torch.bmm(weight[:, None], voiced[voice].mT, out=of_shares[voice][:, None])
            torch.sum(weight * unvoiced[voice], dim=1, keepdim=True, out=of_noise[voice])
            torch.matmul(weight.mul_(sung[voice]), bands.T, out=of_shape[voice])
        return of_shape.mul_(LN10), of_noise.mul_(loud).mul_(LN10), of_shares, None, None, None


def expected_powers(
    shape: Tensor, noise: Tensor, shares: Tensor, voiced: Tensor, unvoiced: Tensor, bands: Tensor
) -> Tensor:
    """P, differentiable in what is learned.

    Args:
        shape: x, ``(voices, frames, bands)`` in decades of power. noise: y, ``(voices, frames, 1)``.
        shares: s, ``(voices, frames, choices)``.
        voiced: H, ``(voices, frames, choices, bins)``. unvoiced: U, ``(voices, frames, bins)``.
        bands: B, ``(bands, bins)``.

    Returns:
        ``(frames, bins)``.
    """
    found: Tensor = ExpectedPowers.apply(shape, noise, shares, voiced, unvoiced, bands)  # type: ignore[no-untyped-call]
    return found
