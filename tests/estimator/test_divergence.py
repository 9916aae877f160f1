"""The divergence: least where the model is the mixture, and its gradient says which way to go."""

import numpy as np
import pytest
import torch

from vocsep.estimator.divergence import FLOOR, magnitude_divergence


def magnitudes(seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(5, 7, generator=generator) + 0.05


def test_it_is_the_mean_of_m_minus_big_m_log_m() -> None:
    powers, mixture = magnitudes(1).square(), magnitudes(2)
    model = np.sqrt(powers.numpy() + FLOOR)
    expected = np.mean(model - mixture.numpy() * np.log(model))
    assert magnitude_divergence(powers, mixture).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("factor", [0.25, 0.9, 1.1, 4.0])
def test_nothing_is_nearer_than_the_mixture_itself(factor: float) -> None:
    mixture = magnitudes()
    assert magnitude_divergence(mixture.square(), mixture) < magnitude_divergence(
        factor * mixture.square(), mixture
    )


def test_gradients_are_finite_in_silence() -> None:
    powers = torch.zeros(3, 4, requires_grad=True)
    magnitude_divergence(powers, torch.zeros(3, 4)).backward()
    assert powers.grad is not None and bool(torch.isfinite(powers.grad).all())


def test_its_slope_is_the_one_that_autograd_finds() -> None:
    generator = torch.Generator().manual_seed(0)
    powers = torch.rand(5, 7, generator=generator, dtype=torch.float64).requires_grad_()
    mixture = torch.rand(5, 7, generator=generator, dtype=torch.float64)
    model = (powers + FLOOR).sqrt()
    recorded = (model - mixture * model.log()).mean()
    found = magnitude_divergence(powers, mixture)
    torch.testing.assert_close(found, recorded)
    ours, theirs = (torch.autograd.grad(3 * value, powers)[0] for value in (found, recorded))
    torch.testing.assert_close(ours, theirs)
