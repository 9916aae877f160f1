"""The source model as a whole, against straightforward code and its own laws."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from plain import plain_synthesise

from vocsep.source.excitation import harmonic_excitation, uniform_noise
from vocsep.source.lsf import lsf_from_increments
from vocsep.source.voice import SourceParameters, band_matrix, mel, power_envelopes, synthesise
from vocsep.spectra import HOP, frame_count, stft

SAMPLES = 20 * HOP
FRAMES = frame_count(SAMPLES)


def parameters(
    batch: int = 1, voices: int = 2, frames: int = FRAMES, sharpness: float = 0.5
) -> SourceParameters:
    """Slowly moving random voices."""
    generator = torch.Generator().manual_seed(7)
    glide = torch.linspace(0, 1, frames).reshape(-1, 1)
    ends = sharpness * torch.randn(2, batch, voices, 1, 21, generator=generator)
    return SourceParameters(
        f0=(150 + 200 * torch.rand(batch, voices, 1, generator=generator)) * (1 + 0.1 * glide[:, 0]),
        alpha=0.1 + 0.1 * torch.rand(batch, voices, 1, generator=generator) * glide[:, 0],
        gain=0.02 * torch.rand(batch, voices, frames, generator=generator),
        lsf=lsf_from_increments(ends[0] + glide * (ends[1] - ends[0])),
        noise_magnitudes=torch.rand(batch, voices, 40, generator=generator),
    )


def unfiltered(given: SourceParameters) -> SourceParameters:
    """The same with 1/A = 1."""
    return replace(given, lsf=lsf_from_increments(torch.zeros(*given.lsf.shape[:-1], 21)))


def test_voices_are_close_to_the_plain_source_model() -> None:
    given = parameters(sharpness=0.3)
    noise = uniform_noise((1, 2, SAMPLES), 1)
    ours, plain = synthesise(given, SAMPLES, noise=noise), plain_synthesise(given, SAMPLES, noise)
    inside = slice(2 * HOP, -2 * HOP)
    error = (ours - plain)[..., inside].square().mean() / plain[..., inside].square().mean()
    assert error < 0.01  # the paper cuts the ringing at the ends of frames


def test_alpha_is_upsampled_with_hann_windows() -> None:
    given = unfiltered(replace(parameters(), gain=torch.zeros(1, 2, FRAMES)))
    given = replace(given, alpha=torch.rand(1, 2, FRAMES, generator=torch.Generator().manual_seed(1)))
    window = np.hanning(2 * HOP + 1)[:-1]
    alpha = np.zeros((2, (FRAMES + 1) * HOP))
    for n in range(FRAMES):
        alpha[:, n * HOP : (n + 2) * HOP] += given.alpha[0, :, n : n + 1].numpy() * window
    product = alpha[:, HOP : HOP + SAMPLES] * harmonic_excitation(given.f0, SAMPLES)[0].numpy()
    frequencies = np.fft.rfftfreq(SAMPLES, 1 / 16_000)
    tilt = np.minimum(1, 200 / np.maximum(frequencies, 1))
    expected = np.fft.irfft(np.fft.rfft(product) * tilt, SAMPLES)
    inside = slice(HOP, -HOP)
    error = np.sum((synthesise(given, SAMPLES)[0].numpy() - expected)[:, inside] ** 2)
    assert error < 1e-4 * np.sum(expected[:, inside] ** 2)


def test_an_unvoiced_voice_without_noise_is_exactly_silent() -> None:
    given = replace(parameters(), f0=torch.zeros(1, 2, FRAMES), gain=torch.zeros(1, 2, FRAMES))
    assert synthesise(given, SAMPLES).abs().max() == 0


def test_each_voice_depends_on_its_own_parameters_only() -> None:
    given = parameters()
    louder = replace(given, alpha=given.alpha * torch.tensor([1.0, 2.0]).reshape(1, 2, 1))
    before, after = synthesise(given, SAMPLES), synthesise(louder, SAMPLES)
    assert torch.equal(before[:, 0], after[:, 0]) and not torch.equal(before[:, 1], after[:, 1])


def test_recordings_of_a_batch_do_not_touch() -> None:
    given, noise = parameters(batch=3), uniform_noise((3, 2, SAMPLES), 0)
    together = synthesise(given, SAMPLES, noise=noise)
    alone = synthesise(given.batch_slice(1, 2), SAMPLES, noise=noise[1:2])
    torch.testing.assert_close(together[1:2], alone)


def test_the_seed_decides_the_noise() -> None:
    given = parameters()
    assert torch.equal(synthesise(given, SAMPLES, seed=4), synthesise(given, SAMPLES, seed=4))
    assert not torch.equal(synthesise(given, SAMPLES, seed=4), synthesise(given, SAMPLES, seed=5))


def test_a_given_excitation_replaces_the_computed_one() -> None:
    given = parameters()
    harmonics = harmonic_excitation(given.f0, SAMPLES)
    assert torch.equal(synthesise(given, SAMPLES), synthesise(given, SAMPLES, excitation=harmonics))


@pytest.mark.parametrize("samples", [1, 255, 3000])
def test_any_length_is_possible(samples: int) -> None:
    given = parameters(frames=frame_count(samples))
    voices = synthesise(given, samples)
    assert voices.shape == (1, 2, samples) and voices.isfinite().all()


def test_another_number_of_frames_is_refused() -> None:
    with pytest.raises(ValueError, match="have 21 frames, not 22"):
        synthesise(parameters(frames=FRAMES + 1), SAMPLES)


def test_correction_is_in_decibels() -> None:
    given = parameters()
    plain = synthesise(given, SAMPLES)
    flat = synthesise(replace(given, correction=torch.zeros(1, 2, FRAMES, 22)), SAMPLES)
    torch.testing.assert_close(flat, plain)
    raised = synthesise(replace(given, correction=torch.full((1, 2, FRAMES, 22), 20.0)), SAMPLES)
    torch.testing.assert_close(raised, 10 * plain, rtol=1e-4, atol=1e-4)


def test_noise_envelope_is_the_expected_power() -> None:
    samples = 400 * HOP
    given = parameters(frames=frame_count(samples))
    still = replace(
        given,
        alpha=torch.zeros_like(given.alpha),
        gain=torch.ones_like(given.gain),
        lsf=given.lsf[:, :, :1].expand_as(given.lsf),
    )
    measured = (
        stft(synthesise(still, samples), 512).abs().square()[..., 3:-3].mean(-1) / 192
    )  # sum of hann(512)^2
    _, expected = power_envelopes(still, torch.linspace(0, 8000, 257))
    error = 10 * torch.log10(measured / expected[:, :, 5])[..., 2:-2]
    assert error.abs().mean() < 0.5 and error.abs().max() < 2.5  # dB, over 400 frames


def test_harmonic_envelope_is_the_power_on_the_harmonics() -> None:
    given = replace(parameters(), f0=torch.full((1, 2, FRAMES), 250.0), gain=torch.zeros(1, 2, FRAMES))
    given = replace(
        given, alpha=torch.full_like(given.alpha, 0.3), lsf=given.lsf[:, :, :1].expand_as(given.lsf)
    )
    comb = stft(harmonic_excitation(given.f0, SAMPLES), 2048)[..., 8:-8].abs().square()
    measured = stft(synthesise(given, SAMPLES), 2048)[..., 8:-8].abs().square()
    expected, _ = power_envelopes(given, torch.linspace(0, 8000, 1025))
    peaks = torch.arange(1, 30) * 32  # bins of the multiples of 250 Hz
    ratio = measured[:, :, peaks] / comb[:, :, peaks] / expected.transpose(2, 3)[:, :, peaks, 8:-8]
    assert (10 * torch.log10(ratio)).abs().max() < 0.5  # dB


def test_envelopes_contain_the_correction() -> None:
    given = parameters()
    raised = replace(given, correction=torch.full((1, 2, FRAMES, 22), 10.0))
    frequencies = torch.linspace(0, 8000, 30)
    for plain, corrected in zip(
        power_envelopes(given, frequencies), power_envelopes(raised, frequencies), strict=True
    ):
        torch.testing.assert_close(corrected, 10 * plain, rtol=1e-4, atol=0)


@pytest.mark.parametrize("voiced", [True, False])
def test_gradients_are_finite_and_there(voiced: bool) -> None:
    given = replace(parameters(), correction=torch.zeros(1, 2, FRAMES, 22))
    given = replace(given, f0=given.f0 * voiced)
    leaves = [given.alpha, given.gain, given.lsf, given.noise_magnitudes, given.correction]
    for leaf in leaves:
        assert leaf is not None
        leaf.requires_grad_()
    harmonic, noise = power_envelopes(given, torch.linspace(0, 8000, 50))
    (synthesise(given, SAMPLES).square().sum() + harmonic.sum() + noise.sum()).backward()
    for leaf in leaves:
        assert leaf is not None and leaf.grad is not None
        assert leaf.grad.isfinite().all() and leaf.grad.abs().sum() > 0


def test_frames_slice_cuts_what_varies() -> None:
    given = replace(parameters(), correction=torch.rand(1, 2, FRAMES, 22))
    part = given.frames_slice(3, 8)
    assert part.frames == 5 and part.voices == 2 and part.correction is not None
    assert torch.equal(part.lsf, given.lsf[:, :, 3:8])
    assert torch.equal(part.noise_magnitudes, given.noise_magnitudes)


def test_detach_and_to_keep_the_values() -> None:
    given = parameters()
    given.alpha.requires_grad_()
    copy = given.detach().to("cpu")
    assert not copy.alpha.requires_grad and torch.equal(copy.alpha, given.alpha) and copy.correction is None


def test_band_weights_add_up_to_one_and_peak_at_their_centres() -> None:
    frequencies = torch.linspace(0, 8000, 1025, dtype=torch.float64)
    weights = band_matrix(22, frequencies)
    np.testing.assert_allclose(weights.sum(0), np.ones(1025), atol=1e-6)
    centres = np.interp(np.arange(22) * mel(frequencies[-1]).item() / 21, mel(frequencies), frequencies)
    np.testing.assert_allclose(frequencies[weights.argmax(1)], centres, atol=8)


def test_one_band_is_refused() -> None:
    with pytest.raises(ValueError, match="1 bands; at least 2"):
        band_matrix(1, torch.zeros(3))
