"""Line spectral frequencies, against numpy's polynomials and scipy's frequency response."""

import math

import numpy as np
import pytest
import scipy.signal
import torch

from vocsep.errors import SettingsError
from vocsep.source.lsf import lsf_from_increments, polynomial_from_lsf, power_response_from_lsf
from vocsep.spectra import SAMPLE_RATE


def random_lsf(count: int, order: int = 20, deviation: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(order)
    return lsf_from_increments(
        deviation * torch.randn(count, order + 1, generator=generator, dtype=torch.float64)
    )


def polynomial_by_roots(lsf: np.ndarray) -> np.ndarray:
    """A = (P + Q) / 2 from the roots of P and Q on the unit circle, by numpy."""
    odd, even = np.exp(1j * lsf[0::2]), np.exp(1j * lsf[1::2])
    p = np.poly(np.concatenate([odd, odd.conj(), [-1]])).real
    q = np.poly(np.concatenate([even, even.conj(), [1]])).real
    return (p + q)[:-1] / 2


@pytest.mark.parametrize("deviation", [0.0, 1.0, 5.0])
def test_frequencies_rise_by_the_minimum_gap(deviation: float) -> None:
    raw = deviation * torch.randn(500, 21, generator=torch.Generator().manual_seed(1))
    lsf = lsf_from_increments(raw, 0.02)
    edges = torch.cat([torch.zeros(500, 1), lsf, torch.full((500, 1), math.pi)], -1)
    assert edges.diff().min() > 0.02 - 1e-6


def test_increments_are_normalised_as_in_equations_10_and_11() -> None:
    raw = np.array([-1.0, 0.0, 2.0])
    v = 2 * (1 / (1 + np.exp(-raw))) ** np.log(10) + 1e-7
    np.testing.assert_allclose(
        lsf_from_increments(torch.from_numpy(raw), 0.0), np.cumsum(v / v.sum() * np.pi)[:-1], rtol=1e-12
    )


@pytest.mark.parametrize("order", [1, 3, 21])
def test_odd_orders_are_refused(order: int) -> None:
    with pytest.raises(SettingsError, match=f"is {order}; it must be even"):
        lsf_from_increments(torch.zeros(order + 1))
    with pytest.raises(SettingsError, match=f"is {order}; it must be even"):
        polynomial_from_lsf(torch.ones(order))


@pytest.mark.parametrize("gap", [-0.1, 0.15])
def test_gaps_that_do_not_fit_are_refused(gap: float) -> None:
    with pytest.raises(SettingsError, match=r"must lie in \[0, 0.1496\)"):
        lsf_from_increments(torch.zeros(21), gap)


@pytest.mark.parametrize("order", [2, 4, 6, 20])
def test_polynomial_equals_the_product_of_its_roots(order: int) -> None:
    lsf = random_lsf(20, order)
    for ours, angles in zip(polynomial_from_lsf(lsf), lsf.numpy(), strict=True):
        expected = polynomial_by_roots(angles)
        np.testing.assert_allclose(ours, expected, atol=1e-11 * np.abs(expected).max())


def test_equally_spaced_frequencies_make_no_filter() -> None:
    polynomial = polynomial_from_lsf(torch.arange(1, 21, dtype=torch.float64) * math.pi / 21)
    np.testing.assert_allclose(polynomial, [1.0] + [0.0] * 20, atol=1e-9)


@pytest.mark.parametrize("deviation", [1.0, 1.5])
def test_filters_are_stable_in_single_precision(deviation: float) -> None:
    polynomials = polynomial_from_lsf(random_lsf(1000, 20, deviation).float()).numpy()
    largest = max(np.abs(np.roots(polynomial)).max() for polynomial in polynomials)
    assert largest < 1


def test_closed_form_power_equals_scipy() -> None:
    lsf = random_lsf(10, 20, 0.5)
    frequencies = torch.linspace(0, SAMPLE_RATE / 2, 65, dtype=torch.float64)
    ours = power_response_from_lsf(lsf, frequencies)
    for row, polynomial in zip(ours, polynomial_from_lsf(lsf), strict=True):
        _, response = scipy.signal.freqz([1.0], polynomial, worN=frequencies.numpy(), fs=SAMPLE_RATE)
        np.testing.assert_allclose(row, np.abs(response) ** 2, rtol=1e-6)


def test_gradients_are_those_of_finite_differences() -> None:
    raw = 0.5 * torch.randn(2, 7, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    chain = lambda x: polynomial_from_lsf(lsf_from_increments(x))  # noqa: E731
    assert torch.autograd.gradcheck(chain, raw.requires_grad_())
