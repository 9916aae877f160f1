"""Soft masks: they add up, cut where and when they should, and know how loud a voice is expected to be."""

import numpy as np
import pytest
import torch
from torch import Tensor

from vocsep.filtering.masks import soft_masks
from vocsep.filtering.wiener import wiener_filter
from vocsep.source.excitation import harmonic_excitation
from vocsep.source.lsf import lsf_from_increments
from vocsep.source.powers import comb_powers, mask_frequencies, voice_powers
from vocsep.source.voice import SourceParameters, synthesise
from vocsep.spectra import HOP, MASK_FFT, SAMPLE_RATE, frame_count, stft

RATES = [8_000, 16_000, 22_050, 44_100, 48_000, 96_000]
BINS = MASK_FFT // 2 + 1


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def powers(voices: int, seconds: float) -> Tensor:
    """Random powers over ten decades, some bins without any."""
    values = 10 ** (10 * torch.rand(voices, BINS, frame_count(round(seconds * SAMPLE_RATE))) - 8)
    values[:, :50, ::3] = 0
    return values


def test_bins_reach_from_zero_to_the_nyquist_frequency() -> None:
    frequencies = mask_frequencies()
    expected = np.fft.rfftfreq(MASK_FFT, 1 / SAMPLE_RATE)
    np.testing.assert_allclose(frequencies.numpy(), expected)


@pytest.mark.parametrize("exponent", [1.0, 0.5])
@pytest.mark.parametrize("voices", [1, 2, 5])
def test_masks_add_up_to_one_in_every_bin(voices: int, exponent: float) -> None:
    masks = soft_masks(powers(voices, 0.5), exponent)
    assert masks.min() >= 0
    torch.testing.assert_close(masks.sum(dim=0), torch.ones(masks.shape[1:]), rtol=0, atol=1e-6)


def test_a_mask_is_the_share_of_the_power_or_of_the_magnitude() -> None:
    given = torch.tensor([9.0, 1.0]).reshape(2, 1, 1).expand(2, BINS, 3)
    torch.testing.assert_close(soft_masks(given)[0], torch.full((BINS, 3), 0.9))
    torch.testing.assert_close(soft_masks(given, 0.5)[0], torch.full((BINS, 3), 0.75))


def test_where_nothing_is_modelled_all_voices_share_alike() -> None:
    for given in (
        torch.zeros(4, BINS, 3),
        torch.cat((torch.zeros(4, BINS, 3), torch.ones(4, BINS, 1)), dim=2),
    ):
        torch.testing.assert_close(soft_masks(given)[:, :, :3], torch.full((4, BINS, 3), 0.25))


def test_the_level_of_everybody_does_not_matter() -> None:
    given = powers(3, 0.3)
    torch.testing.assert_close(soft_masks(1e-4 * given), soft_masks(given), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", RATES)
def test_stems_add_up_to_the_recording(rate: int, channels: int) -> None:
    samples = rate + 37
    audio = 0.3 * noise(channels, samples)
    given = powers(3, samples / rate)
    stems = wiener_filter(audio, rate, soft_masks(given), given)
    assert stems.shape == (3, channels, samples)
    torch.testing.assert_close(stems.sum(dim=0), audio, rtol=0, atol=3e-6)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("seconds", [0.016, 0.05, 0.131])
def test_stems_of_the_shortest_recordings_add_up(rate: int, seconds: float) -> None:
    audio = noise(1, round(seconds * rate))
    given = powers(2, seconds)
    stems = wiener_filter(audio, rate, soft_masks(given), given)
    torch.testing.assert_close(stems.sum(dim=0), audio, rtol=0, atol=1e-5)


def test_channels_are_filtered_alike_and_apart() -> None:
    audio = noise(2, 12_000)
    given = powers(2, 0.75)
    both = wiener_filter(audio, SAMPLE_RATE, soft_masks(given), given)
    alone = wiener_filter(audio[1:], SAMPLE_RATE, soft_masks(given), given)
    torch.testing.assert_close(both[:, 1:], alone)


def level(signal: Tensor) -> float:
    return signal.square().mean().sqrt().item()


@pytest.mark.parametrize("rate", RATES)
def test_masks_cut_at_their_frequency(rate: int) -> None:
    border = 1_500.0  # Hz: below is voice 1, above voice 2
    given = torch.zeros(2, BINS, frame_count(SAMPLE_RATE)) + 1e-9
    given[0, mask_frequencies() < border] = 1.0
    given[1, mask_frequencies() >= border] = 1.0
    time = torch.arange(rate) / rate
    low, high = (torch.sin(2 * torch.pi * f * time)[None] for f in (border - 100, border + 100))
    stems = wiener_filter(low + high, rate, soft_masks(given), given)
    inside = slice(rate // 8, -rate // 8)
    for stem, tone in ((stems[0], low), (stems[1], high)):
        assert level((stem - tone)[:, inside]) < 0.02 * level(tone)


@pytest.mark.parametrize("rate", RATES)
def test_masks_cut_at_their_time(rate: int) -> None:
    switch = 40  # frames: before it is voice 1, after it voice 2
    given = torch.zeros(2, BINS, frame_count(SAMPLE_RATE))
    given[0, :, :switch], given[1, :, switch:] = 1.0, 1.0
    audio = noise(1, rate)
    stems = wiener_filter(audio, rate, soft_masks(given), given)[:, 0]
    moment = round((switch - 0.5) * HOP / SAMPLE_RATE * rate)
    # Half a window, reading between frames, and above 8 kHz the mean over a tenth of a second.
    reach = round((0.064 + 0.016 + (0.05 if rate > SAMPLE_RATE else 0.0)) * rate)
    assert stems[1, : moment - reach].abs().max() < 1e-3
    assert stems[0, moment + reach :].abs().max() < 1e-3
    # Both are equally loud in the middle of the transition, to a fraction of a frame.
    energy = [float(stem.square().sum()) for stem in stems]
    share = moment / rate
    assert energy[0] / sum(energy) == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_above_the_band_of_analysis_the_mask_below_goes_on(rate: int) -> None:
    given = torch.full((2, BINS, frame_count(SAMPLE_RATE)), 1e-9)
    given[0, mask_frequencies() < 3_500] = 1.0
    given[1, mask_frequencies() >= 3_500] = 1.0
    time = torch.arange(rate) / rate
    hiss = torch.sin(2 * torch.pi * 12_000 * time)[None]
    stems = wiener_filter(hiss, rate, soft_masks(given), given)
    assert level(stems[1]) > 0.99 * level(hiss) and level(stems[0]) < 0.01 * level(hiss)


def test_above_the_band_the_mask_follows_time() -> None:
    frames = frame_count(2 * SAMPLE_RATE)
    given = torch.full((2, BINS, frames), 1e-9)
    given[0, :, : frames // 2], given[1, :, frames // 2 :] = 1.0, 1.0
    hiss = torch.sin(2 * torch.pi * 12_000 * torch.arange(88_200) / 44_100)[None]
    stems = wiener_filter(hiss, 44_100, soft_masks(given), given)[:, 0]
    assert level(stems[0, :35_000]) > 0.95 * level(hiss) > 20 * level(stems[0, 53_000:])


def test_silence_stays_silent() -> None:
    stems = wiener_filter(torch.zeros(2, 8_000), 44_100, soft_masks(powers(2, 0.18)), powers(2, 0.18))
    assert stems.abs().max() == 0


def parameters(alpha: float, gain: float, voices: int = 2, seconds: float = 2.0) -> SourceParameters:
    """Voices that stand still, each with its own formants."""
    frames = frame_count(round(seconds * SAMPLE_RATE))
    generator = torch.Generator().manual_seed(3)
    shape = 0.5 * torch.randn(1, voices, 1, 21, generator=generator)
    f0 = torch.tensor([330.0, 210.0])[:voices].reshape(1, voices, 1)
    return SourceParameters(
        f0=f0.expand(1, voices, frames).contiguous(),
        alpha=torch.full((1, voices, frames), alpha),
        gain=torch.full((1, voices, frames), gain),
        lsf=lsf_from_increments(shape).expand(1, voices, frames, 20).contiguous(),
        noise_magnitudes=0.2 + torch.rand(1, voices, 40, generator=generator),
    )


def in_decibels(power: Tensor) -> Tensor:
    return 10 * torch.log10(power)


def test_expected_powers_of_harmonics_are_those_of_the_sound() -> None:
    given = parameters(0.3, 0.0)
    samples = 2 * SAMPLE_RATE
    combs = comb_powers(harmonic_excitation(given.f0[0], samples))
    expected = voice_powers(given, combs)
    actual = stft(synthesise(given, samples)[0], MASK_FFT).abs().square()
    assert expected.shape == actual.shape
    middle = slice(20, -20)
    for voice in range(2):
        bins = torch.arange(1, 15) * given.f0[0, voice, 0] / (SAMPLE_RATE / MASK_FFT)
        peaks = bins.round().long()
        difference = in_decibels(expected[voice, peaks, middle]) - in_decibels(actual[voice, peaks, middle])
        assert difference.abs().max() < 1.0  # dB, at every partial
        total = expected[voice, :, middle].sum() / actual[voice, :, middle].sum()
        assert in_decibels(total).abs() < 0.2


def test_expected_powers_of_noise_are_those_of_the_sound_on_average() -> None:
    given = parameters(0.0, 0.5, seconds=6.0)
    samples = 6 * SAMPLE_RATE
    combs = comb_powers(harmonic_excitation(given.f0[0], samples))
    expected = voice_powers(given, combs)[..., 10:-10].mean(dim=2)
    actual = stft(synthesise(given, samples, seed=5)[0], MASK_FFT).abs().square()[..., 10:-10].mean(dim=2)
    bands = slice(16, 16 + 31 * 32)  # 32 bins each
    smooth = [power[:, bands].reshape(2, 31, 32).mean(dim=2) for power in (expected, actual)]
    assert in_decibels(smooth[0] / smooth[1]).abs().max() < 1.5


def test_expected_powers_of_harmonics_and_noise_add_up() -> None:
    samples = SAMPLE_RATE
    both, voiced, breath = parameters(0.2, 0.1), parameters(0.2, 0.0), parameters(0.0, 0.1)
    combs = comb_powers(harmonic_excitation(both.f0[0], 2 * samples))
    torch.testing.assert_close(
        voice_powers(both, combs), voice_powers(voiced, combs) + voice_powers(breath, combs)
    )


def test_masks_of_the_true_parameters_separate_what_was_synthesised() -> None:
    given = parameters(0.3, 0.01)
    samples = 2 * SAMPLE_RATE
    voices = synthesise(given, samples)[0]
    model = voice_powers(given, comb_powers(harmonic_excitation(given.f0[0], samples)))
    stems = wiener_filter(voices.sum(dim=0)[None], SAMPLE_RATE, soft_masks(model), model)[:, 0]
    for stem, voice in zip(stems, voices, strict=True):
        assert level(stem - voice) < 0.1 * level(voice)
