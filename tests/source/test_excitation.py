"""Harmonics, noise, tilt and the exponential sigmoid."""

import numpy as np
import pytest
import torch
from plain import plain_oscillator_bank
from scipy.signal.windows import blackmanharris

from vocsep.source.excitation import exponential_sigmoid, glottal_tilt, harmonic_excitation, uniform_noise
from vocsep.spectra import HOP, SAMPLE_RATE, frame_count


def constant_f0(hertz: float, samples: int) -> torch.Tensor:
    return torch.full((1, frame_count(samples)), hertz, dtype=torch.float64)


def test_closed_form_equals_a_bank_of_oscillators() -> None:
    samples = 8000
    glide = torch.linspace(0, 1, frame_count(samples))
    f0 = torch.stack([110 * 1.5**glide, 440 * 0.8**glide, 110 + 30 * torch.sin(9 * glide)]).unsqueeze(0)
    expected = plain_oscillator_bank(torch.cat([f0, f0[..., -1:]], -1), samples)
    torch.testing.assert_close(harmonic_excitation(f0, samples), expected, atol=2e-3, rtol=0)


def test_nothing_sounds_above_the_top_frequency() -> None:
    samples = SAMPLE_RATE
    window = blackmanharris(samples)
    for hertz in (83.0, 440.0, 1234.5):
        signal = harmonic_excitation(constant_f0(hertz, samples), samples)[0].numpy()
        spectrum = np.abs(np.fft.rfft(signal * window))
        assert spectrum[7610:].max() < 1e-4 * spectrum.max()


def test_fundamental_above_the_top_is_silent() -> None:
    assert harmonic_excitation(constant_f0(3900, 1000), 1000, top=2000).abs().max() == 0


def test_a_new_harmonic_enters_without_a_click() -> None:
    samples = 4000
    critical = 7600 / 20
    below = harmonic_excitation(constant_f0(critical * (1 - 1e-9), samples), samples)
    above = harmonic_excitation(constant_f0(critical * (1 + 1e-9), samples), samples)
    assert (below - above).abs().max() < 2e-3


def test_unvoiced_frames_are_exactly_silent() -> None:
    f0 = torch.tensor([0.0, 0.0, 220.0, 220.0, 0.0, 0.0, 0.0, 330.0])
    signal = harmonic_excitation(f0, 7 * HOP + 100)
    voiced_reach = 3 * HOP // 4  # half a hop of ramp, midway between the frames
    assert signal[: 2 * HOP - voiced_reach].abs().max() == 0
    assert signal[3 * HOP + voiced_reach : 7 * HOP - voiced_reach].abs().max() == 0
    assert signal[2 * HOP : 3 * HOP].abs().max() > 10
    assert signal[7 * HOP :].abs().max() > 5


def test_f0_is_held_where_a_voice_enters_and_leaves() -> None:
    samples = 5 * HOP
    gated = harmonic_excitation(torch.tensor([200.0, 200.0, 200.0, 0.0, 0.0, 0.0]), samples)
    held = harmonic_excitation(torch.full((6,), 200.0), samples).numpy()
    position = np.arange(2 * HOP, 3 * HOP) / HOP - 2
    gate = np.cos(np.pi * np.clip(position - 0.25, 0, 0.5)) ** 2
    np.testing.assert_array_equal(gated[: 2 * HOP], held[: 2 * HOP])
    np.testing.assert_allclose(gated[2 * HOP : 3 * HOP], held[2 * HOP : 3 * HOP] * gate, atol=1e-4)


def test_phase_stays_exact_over_five_minutes() -> None:
    samples = 300 * SAMPLE_RATE
    tail = harmonic_excitation(constant_f0(441.3, samples), samples)[0, -1000:].numpy()
    time = np.arange(samples - 999, samples + 1)
    cycles = np.array([int(t) * 4413 % (SAMPLE_RATE * 10) for t in time]) / (SAMPLE_RATE * 10)
    weights = np.ones(17)
    weights[16] = 7600 / 441.3 - 17
    expected = sum(w * np.sin(2 * np.pi * (i + 1) * cycles) for i, w in enumerate(weights))
    np.testing.assert_allclose(tail, expected, atol=2e-4)


def test_too_few_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="need 3 frames of F0, not 2"):
        harmonic_excitation(torch.ones(2), 2 * HOP)


def test_an_empty_signal_is_empty() -> None:
    assert harmonic_excitation(torch.ones(2, 1), 0).shape == (2, 0)


def test_noise_is_uniform_and_repeatable() -> None:
    noise = uniform_noise((2, 50_000), 3)
    assert noise.min() >= -1 and noise.max() < 1
    assert noise.var().item() == pytest.approx(1 / 3, rel=0.02)
    assert torch.equal(noise, uniform_noise((2, 50_000), 3))
    assert not torch.equal(noise, uniform_noise((2, 50_000), 4))


def test_a_generator_continues() -> None:
    generator = torch.Generator().manual_seed(0)
    assert not torch.equal(uniform_noise((9,), generator), uniform_noise((9,), generator))


def test_tilt_is_flat_then_falls_by_six_decibels_an_octave() -> None:
    gains = 20 * torch.log10(glottal_tilt(torch.tensor([0.0, 100.0, 200.0, 400.0, 800.0])))
    expected = torch.tensor([0.0, 0.0, 0.0, -6.0206, -12.0412])
    assert torch.allclose(gains, expected, atol=1e-3)


def test_exponential_sigmoid_is_equation_7() -> None:
    x = np.linspace(-8, 8, 33)
    expected = 2 * (1 / (1 + np.exp(-x))) ** np.log(10) + 1e-7
    np.testing.assert_allclose(exponential_sigmoid(torch.from_numpy(x), 2.0), expected, rtol=1e-10)


def test_exponential_sigmoid_keeps_a_finite_gradient_far_out() -> None:
    x = torch.tensor([-200.0, -20.0, 0.0, 200.0], requires_grad=True)
    (gradient,) = torch.autograd.grad(exponential_sigmoid(x, 1.0).sum(), x)
    assert gradient.isfinite().all() and gradient[2] > 0
