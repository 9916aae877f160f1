"""Fitted partials correct masked stems: they add up, scale with the mixture, and leave a lone voice alone."""

import pytest
import torch
from torch import Tensor

from vocsep.filtering.joint import correction, fit
from vocsep.filtering.masks import soft_masks
from vocsep.filtering.partials import Partials
from vocsep.filtering.trust import SIGNS, Trust, around, at_partials
from vocsep.filtering.upsampling import in_channels, to_rate
from vocsep.source.excitation import harmonic_excitation
from vocsep.source.powers import comb_powers
from vocsep.spectra import MASK_FFT, SAMPLE_RATE, frame_count, istft, stft

SAMPLES = SAMPLE_RATE
SURE, NEVER = Trust((0.0,) * SIGNS, 50.0), Trust((0.0,) * SIGNS, -200.0)


def steady(*frequencies: float) -> Tensor:
    return torch.tensor(frequencies)[:, None].expand(-1, frame_count(SAMPLES)).contiguous()


def sung(f0: Tensor) -> tuple[Tensor, Tensor]:
    """Voices ``(voices, samples)`` of alike harmonics, and their powers."""
    voices = 0.05 * harmonic_excitation(f0, SAMPLES)
    return voices, comb_powers(voices)


def masked(mixture: Tensor, masks: Tensor) -> Tensor:
    return istft(masks * stft(mixture, MASK_FFT), SAMPLES, MASK_FFT)


def quality(truth: Tensor, found: Tensor) -> Tensor:
    inside = slice(MASK_FFT, -MASK_FFT)
    error = (truth - found)[:, inside].square().sum(dim=1)
    return 10 * torch.log10(truth[:, inside].square().sum(dim=1) / error)


def test_corrections_add_up_to_zero() -> None:
    voices, powers = sung(steady(200.0, 253.0, 301.0))
    noise = 0.1 * torch.randn(SAMPLES, generator=torch.Generator().manual_seed(0))
    found = correction(voices.sum(dim=0) + noise, steady(200.0, 253.0, 301.0), powers, soft_masks(powers))
    assert found is not None
    assert found.abs().max() > 1e-3
    assert found.sum(dim=0).abs().max() < 1e-5


def test_partials_in_one_bin_come_out_better_than_by_masks() -> None:
    f0 = steady(200.0, 301.5)  # 3 and 2 times these are 3 Hz apart
    voices, powers = sung(f0)
    mixture, masks = voices.sum(dim=0), soft_masks(powers)
    found = correction(mixture, f0, powers, masks)
    assert found is not None
    by_masks = masked(mixture, masks)
    assert (quality(voices, by_masks + found) > quality(voices, by_masks) + 6).all()


def test_trust_says_how_much_is_corrected() -> None:
    f0 = steady(200.0, 301.5)
    voices, powers = sung(f0)
    mixture, masks = voices.sum(dim=0), soft_masks(powers)
    shipped, sure, never = (
        correction(mixture, f0, powers, masks, *trust) for trust in ((), (SURE,), (NEVER,))
    )
    assert shipped is not None
    assert sure is not None
    assert never is not None
    assert never.abs().max() == 0
    assert 0 < shipped.square().sum() < sure.square().sum()


@pytest.mark.parametrize("factor", [2.0, 1e-3])
def test_doubling_the_mixture_doubles_the_correction(factor: float) -> None:
    f0 = steady(200.0, 301.5)
    voices, powers = sung(f0)
    masks, mixture = soft_masks(powers), voices.sum(dim=0)
    once = correction(mixture, f0, powers, masks)
    again = correction(factor * mixture, f0, factor**2 * powers, masks)
    assert once is not None
    assert again is not None
    torch.testing.assert_close(again, factor * once, rtol=1e-3, atol=1e-4 * factor * float(once.abs().max()))


def test_one_voice_alone_is_the_mixture() -> None:
    f0 = steady(200.0)
    voices, powers = sung(f0)
    assert correction(voices[0], f0, powers, soft_masks(powers)) is None
    fitted = fit(voices[0], f0, powers, soft_masks(powers))
    assert fitted is not None
    assert (quality(voices, fitted.voices(SURE)) > 2).all()  # partials above 4 kHz stay out


def test_silence_and_voices_without_f0_are_left_to_the_masks() -> None:
    voices, powers = sung(steady(200.0, 301.5))
    masks = soft_masks(powers)
    assert correction(voices.sum(dim=0), steady(0.0, 0.0), powers, masks) is None
    assert correction(torch.zeros(SAMPLES), steady(200.0, 301.5), powers, masks) is None


def test_partials_see_the_bins_beside_them() -> None:
    partials = Partials(steady(250.0), SAMPLES, top=600.0)
    spectrogram = torch.zeros(100, partials.frames)
    spectrogram[33] = 1.0  # 250 Hz is bin 32
    assert at_partials(spectrogram, partials, 0)[:, 0].sum() == 0
    assert at_partials(spectrogram, partials, 1)[0, 0].tolist() == [1, 0]


def test_means_around_count_what_is_there() -> None:
    given = torch.rand(6, 5, generator=torch.Generator().manual_seed(0))
    found = around(given, 2, 1)
    torch.testing.assert_close(found[0, 0], given[:3, :2].mean())
    torch.testing.assert_close(found[3, 2], given[1:6, 1:4].mean())


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_corrections_at_other_rates_are_the_same_in_time(rate: int) -> None:
    time = torch.arange(SAMPLES) / SAMPLE_RATE
    tone = torch.sin(2000 * time)
    found = to_rate(tone, rate, rate)
    assert found.shape == (rate,)
    inside = slice(rate // 10, -rate // 10)
    expected = torch.sin(2000 * torch.arange(rate) / rate)
    torch.testing.assert_close(found[inside], expected[inside], rtol=0, atol=1e-3)


def test_channels_have_their_share_of_a_correction() -> None:
    generator = torch.Generator().manual_seed(0)
    mono = torch.randn(SAMPLES, generator=generator)
    change = torch.randn(2, SAMPLES, generator=generator)
    panned = torch.stack((1.5 * mono, -0.5 * mono))
    found = in_channels(change, panned.mean(dim=0), panned, SAMPLE_RATE)
    assert found is not None
    torch.testing.assert_close(found, change[:, None] * torch.tensor([3.0, -1.0])[:, None], rtol=0, atol=1e-4)
    alone = in_channels(change, mono, mono[None], SAMPLE_RATE)
    assert alone is not None
    assert torch.equal(alone[:, 0], change)
    different = torch.stack((mono, torch.randn(SAMPLES, generator=generator)))
    assert in_channels(change, different.mean(dim=0), different, SAMPLE_RATE) is None
