"""Expected powers in closed form: what automatic differentiation says of the same formula."""

import torch
from torch import Tensor

from vocsep.estimator.expected import expected_powers

VOICES, FRAMES, CHOICES, BINS, BANDS = 3, 7, 4, 11, 5


def plain(
    shape: Tensor, noise: Tensor, shares: Tensor, voiced: Tensor, unvoiced: Tensor, bands: Tensor
) -> Tensor:
    sung = torch.einsum("vnc,vncf->vnf", shares, voiced)
    return (torch.pow(10.0, shape @ bands) * (sung + unvoiced * torch.pow(10.0, noise))).sum(dim=0)


def test_powers_and_gradients_are_those_of_the_formula() -> None:
    generator = torch.Generator().manual_seed(0)

    def drawn(*sizes: int) -> Tensor:
        return torch.rand(sizes, generator=generator, dtype=torch.float64)

    learned = [drawn(VOICES, FRAMES, size).requires_grad_() for size in (BANDS, 1, CHOICES)]
    given = [drawn(VOICES, FRAMES, CHOICES, BINS), drawn(VOICES, FRAMES, BINS), drawn(BANDS, BINS)]
    weight = drawn(FRAMES, BINS) - 0.5
    found, expected = (function(*learned, *given) for function in (expected_powers, plain))
    torch.testing.assert_close(found, expected)
    for ours, theirs in zip(
        torch.autograd.grad((found * weight).sum(), learned),
        torch.autograd.grad((expected * weight).sum(), learned),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)
