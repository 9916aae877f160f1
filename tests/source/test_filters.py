"""Frame-wise filters, against scipy's filters, convolution and the plain recursion."""

import numpy as np
import pytest
import scipy.signal
import torch
from plain import plain_frames, plain_overlap_add, plain_recursion

from vocsep.errors import SettingsError
from vocsep.source.all_pole import LARGEST_GAIN, all_pole_power, all_pole_response
from vocsep.source.filters import (
    bin_frequencies,
    filter_frames,
    fir_from_magnitudes,
    zero_phase_response,
)
from vocsep.source.lsf import lsf_from_increments, polynomial_from_lsf
from vocsep.spectra import SAMPLE_RATE, frame_count

GENERATOR = torch.Generator().manual_seed(5)


def random_polynomials(*shape: int, deviation: float = 0.5) -> torch.Tensor:
    return polynomial_from_lsf(lsf_from_increments(deviation * torch.randn(*shape, 21, generator=GENERATOR)))


def relative_error(ours: torch.Tensor, expected: torch.Tensor) -> float:
    return float((ours - expected).square().sum().sqrt() / expected.square().sum().sqrt())


@pytest.mark.parametrize("samples", [1, 255, 256, 257, 1000, 4096])
@pytest.mark.parametrize("fft_size", [512, 1024])
def test_response_of_one_changes_nothing(samples: int, fft_size: int) -> None:
    signal = torch.randn(2, 3, samples, generator=GENERATOR)
    response = torch.ones(2, 3, frame_count(samples), fft_size // 2 + 1)
    torch.testing.assert_close(filter_frames(signal, response), signal, atol=2e-6, rtol=0)


def test_a_constant_all_pole_filter_equals_scipys_recursion() -> None:
    signal = torch.randn(8000, generator=GENERATOR)
    for polynomial in random_polynomials(5):
        response = all_pole_response(polynomial).expand(frame_count(8000), -1)
        expected = scipy.signal.lfilter([1.0], polynomial.numpy(), signal.numpy())
        assert relative_error(filter_frames(signal, response), torch.from_numpy(expected)) < 0.02


def test_a_moving_filter_is_close_to_the_recursion_of_each_frame() -> None:
    samples = 4096
    signal = torch.randn(samples, generator=GENERATOR)
    raw = torch.randn(2, 21, generator=GENERATOR).mul(0.4)
    glide = torch.linspace(0, 1, frame_count(samples)).unsqueeze(-1)
    polynomials = polynomial_from_lsf(lsf_from_increments(raw[0] + glide * (raw[1] - raw[0])))
    expected = plain_overlap_add(plain_recursion(plain_frames(signal), polynomials), samples)
    ours = filter_frames(signal, all_pole_response(polynomials))
    assert relative_error(ours, expected) < 0.1  # the paper cuts the ringing at the ends of frames


def test_plain_recursion_is_scipys() -> None:
    signal = torch.randn(100, generator=GENERATOR, dtype=torch.float64)
    polynomial = random_polynomials()
    expected = scipy.signal.lfilter([1.0], polynomial.numpy(), signal.numpy())
    np.testing.assert_allclose(plain_recursion(signal, polynomial), expected, atol=1e-9)


def test_a_zero_phase_filter_has_no_delay() -> None:
    signal = torch.randn(3000, generator=GENERATOR)
    fir = fir_from_magnitudes(torch.rand(40, generator=GENERATOR))
    response = zero_phase_response(fir, bin_frequencies(1024)).expand(frame_count(3000), -1)
    expected = np.convolve(signal.numpy(), fir.numpy(), mode="same")
    np.testing.assert_allclose(filter_frames(signal, response), expected, atol=1e-5)


def test_frequency_sampling_equals_numpy() -> None:
    magnitudes = np.linspace(1, 0, 40) ** 2
    impulse = np.fft.fftshift(np.fft.irfft(magnitudes, 78))[1:]
    expected = impulse * np.hanning(79)[1:-1]
    np.testing.assert_allclose(fir_from_magnitudes(torch.from_numpy(magnitudes)), expected, atol=1e-12)


def test_equal_magnitudes_are_a_single_tap() -> None:
    fir = fir_from_magnitudes(torch.full((40,), 0.7), 31)
    assert fir[15].item() == pytest.approx(0.7) and fir.abs().sum().item() == pytest.approx(0.7, abs=1e-5)


@pytest.mark.parametrize("taps", [30, 79, -1])
def test_impossible_numbers_of_taps_are_refused(taps: int) -> None:
    with pytest.raises(ValueError, match=f"has {taps} taps; the number must be odd and at most 77"):
        fir_from_magnitudes(torch.ones(40), taps)


def test_zero_phase_response_equals_scipy() -> None:
    fir = fir_from_magnitudes(torch.rand(40, generator=GENERATOR, dtype=torch.float64))
    frequencies = np.linspace(0, SAMPLE_RATE / 2, 33)
    _, response = scipy.signal.freqz(fir.numpy(), worN=frequencies, fs=SAMPLE_RATE)
    advanced = response * np.exp(2j * np.pi * frequencies / SAMPLE_RATE * 38)
    np.testing.assert_allclose(
        zero_phase_response(fir, torch.from_numpy(frequencies)), advanced.real, atol=1e-12
    )


def test_all_pole_response_equals_scipy() -> None:
    polynomials = random_polynomials(10, deviation=1.0)
    response, power = all_pole_response(polynomials, 512), all_pole_power(polynomials, bin_frequencies(512))
    for polynomial, ours, our_power in zip(polynomials, response, power, strict=True):
        _, expected = scipy.signal.freqz([1.0], polynomial.numpy(), worN=np.linspace(0, np.pi, 257))
        np.testing.assert_allclose(ours, expected, rtol=1e-4)
        np.testing.assert_allclose(our_power, np.abs(expected) ** 2, rtol=1e-3)


def test_response_has_the_gradient_of_a_direct_transform() -> None:
    polynomials = random_polynomials(4).requires_grad_()
    weights = torch.randn(4, 257, generator=GENERATOR)
    (ours,) = torch.autograd.grad((all_pole_response(polynomials, 512).abs() * weights).sum(), polynomials)
    direct = 1 / torch.fft.rfft(polynomials, 512).abs()
    (expected,) = torch.autograd.grad((direct * weights).sum(), polynomials)
    torch.testing.assert_close(ours, expected, rtol=1e-3, atol=1e-3)


def test_the_sharpest_resonances_are_bounded_and_have_finite_gradients() -> None:
    raw = torch.full((1, 21), -6.0)
    raw[..., -1] = 20.0  # all frequencies crowd at 0 Hz
    raw.requires_grad_()
    polynomial = polynomial_from_lsf(lsf_from_increments(raw, 1e-4))
    response = torch.view_as_real(all_pole_response(polynomial))
    power = all_pole_power(polynomial, bin_frequencies(1024))
    assert response.isfinite().all() and response.abs().max() <= LARGEST_GAIN * 1.001
    (gradient,) = torch.autograd.grad(response.abs().sum() + power.sum(), raw)
    assert gradient.isfinite().all()


def test_odd_orders_are_refused() -> None:
    with pytest.raises(SettingsError, match="is 3; it must be even"):
        all_pole_response(torch.ones(4))


def test_unfitting_responses_are_refused() -> None:
    with pytest.raises(ValueError, match="1000 samples have 4 frames, not 5"):
        filter_frames(torch.zeros(1000), torch.ones(5, 513))
    with pytest.raises(ValueError, match="the block is 256 samples"):
        filter_frames(torch.zeros(1000), torch.ones(4, 129))
