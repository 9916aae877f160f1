"""Unison: combs wide enough for several singers, and no wider for one."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from vocsep.estimator.adapt import adapt, compared_bins
from vocsep.estimator.adapt_settings import AdaptSettings
from vocsep.methods.source_filter import SourceFilterSettings, estimate_sources, levelled_comb, untrained_comb
from vocsep.source.excitation import harmonic_excitation
from vocsep.source.powers import comb_powers, voice_powers
from vocsep.source.unison import (
    OFFSETS,
    choices_of_f0,
    coarse_combs,
    first_shares,
    mixed_combs,
    settled,
    sung_choices,
)
from vocsep.source.voice import SourceParameters, synthesise
from vocsep.spectra import HOP, MASK_FFT, SAMPLE_RATE, frame_count, stft

SAMPLES = 2 * SAMPLE_RATE
FRAMES = frame_count(SAMPLES)


def steady(*pitches: float, cents: float = 0.0) -> Tensor:
    """``(voices, frames)`` Hz."""
    return torch.tensor(pitches)[:, None].expand(-1, FRAMES) * 2 ** (cents / 1200)


def comb_parameters(f0: Tensor, choices: int) -> SourceParameters:
    """Unfiltered voices whose choices have equal shares."""
    parameters = untrained_comb(torch.zeros(1, SAMPLES), f0[None], torch.zeros(1, len(f0), SAMPLES))
    return replace(parameters, shares=torch.full((1, *f0.shape, choices), 1 / choices))


def sung(f0: Tensor, seed: int = 0) -> Tensor:
    """All voices at once, with a vibrato of their own each, ``(samples,)``."""
    swing = torch.sin(torch.arange(FRAMES) * HOP / SAMPLE_RATE * 35 + seed + torch.arange(len(f0))[:, None])
    moving = f0 * 2 ** (3 * swing / 1200)
    return synthesise(comb_parameters(moving, 1), SAMPLES, seed=seed)[0].sum(dim=0)


def shares_of(mixture: Tensor, f0: Tensor, alternative: Tensor | None = None, steps: int = 60) -> Tensor:
    """Learned shares, ``(choices,)`` on average over voices and frames, around the F0 as it is given."""
    settings = SourceFilterSettings(steps, partials=False)  # by phases F0 would follow one singer of two
    found = estimate_sources(mixture, f0, untrained_comb, settings, alternative=alternative).parameters.shares
    assert found is not None
    return found.mean(dim=(0, 1, 2))


def test_without_a_width_it_is_the_plain_comb() -> None:
    f0 = steady(330.0, 205.0)
    choices = choices_of_f0(f0, offsets=(0.0,))
    assert torch.equal(choices, f0[None])
    mixed = mixed_combs(comb_parameters(f0, 1), sung_choices(choices, SAMPLES))
    torch.testing.assert_close(mixed, comb_powers(harmonic_excitation(f0, SAMPLES)))


def test_choices_are_the_f0_a_little_flat_and_sharp_and_the_alternative() -> None:
    f0, alternative = steady(330.0, 0.0), steady(0.0, 205.0)
    choices = choices_of_f0(f0, alternative)
    assert choices.shape == (len(OFFSETS) + 1, 2, FRAMES)
    cents = 1200 * torch.log2(choices[:-1, 0, 0] / 330)
    torch.testing.assert_close(cents, torch.tensor(OFFSETS), atol=0.01, rtol=0)
    assert (choices[:-1, 1] == 0).all() and torch.equal(choices[-1], alternative)


def test_shares_begin_with_a_narrow_bell() -> None:
    shares = torch.softmax(first_shares(len(OFFSETS)), dim=0).flatten()
    middle = OFFSETS.index(0.0)
    assert shares.argmax() == middle and torch.equal(shares, shares.flip(0))
    assert first_shares(len(OFFSETS) + 1)[-1] == first_shares(len(OFFSETS) + 1)[middle]


def test_a_wider_comb_has_the_same_energy() -> None:
    f0 = steady(330.0, 205.0)
    choices = choices_of_f0(f0)
    wide = mixed_combs(comb_parameters(f0, len(choices)), sung_choices(choices, SAMPLES)).sum(dim=(1, 2))
    narrow = comb_powers(harmonic_excitation(f0, SAMPLES)).sum(dim=(1, 2))
    torch.testing.assert_close(wide, narrow, rtol=0.02, atol=0)


def test_what_is_silent_is_taken_off_the_level_and_the_powers_stay() -> None:
    f0 = steady(330.0, 205.0).clone()
    f0[:, : FRAMES // 2] = 0
    choices = choices_of_f0(f0, torch.where(f0 > 0, 0.0, 1.02 * steady(330.0, 205.0)))
    before = comb_parameters(f0, len(choices))
    after = settled(before, choices)
    assert after.shares is not None
    torch.testing.assert_close(after.shares.sum(dim=-1), torch.ones(1, 2, FRAMES))
    # Frames away from the change, where a window sees one side only.
    apart = torch.arange(FRAMES).sub(FRAMES // 2).abs() > MASK_FFT // HOP
    powers = [
        voice_powers(p, mixed_combs(p, sung_choices(choices, SAMPLES)))[..., apart] for p in (before, after)
    ]
    torch.testing.assert_close(powers[1], powers[0], rtol=1e-4, atol=1e-6)
    nowhere = settled(before, torch.zeros_like(choices))
    assert torch.equal(nowhere.alpha, before.alpha) and nowhere.shares is not None


def test_shares_add_up_to_one_and_so_do_masks() -> None:
    f0 = steady(330.0, 205.0)
    found = estimate_sources(
        sung(f0), f0, levelled_none, SourceFilterSettings(5), alternative=steady(340.0, 0.0)
    )
    assert found.parameters.shares is not None
    torch.testing.assert_close(found.parameters.shares.sum(dim=-1), torch.ones(1, 2, FRAMES))
    torch.testing.assert_close(found.masks.sum(dim=0), torch.ones(found.masks.shape[1:]))


def levelled_none(mixture: Tensor, f0: Tensor, excitation: Tensor) -> SourceParameters:
    """A start without corrections."""
    assert levelled_comb(mixture, f0, excitation).correction is not None
    return untrained_comb(mixture, f0, excitation)


def test_one_singer_keeps_one_comb_and_a_section_gets_a_wide_one() -> None:
    f0 = steady(330.0, 205.0)
    middle = OFFSETS.index(0.0)
    one = shares_of(sung(f0), f0)
    section = sung(steady(330.0, 205.0, cents=-22), 1) + sung(steady(330.0, 205.0, cents=23), 2)
    several = shares_of(section, f0)
    assert one[middle] > 0.5 and one[0] + one[-1] < 0.1
    assert several[0] + several[-1] > 0.5 and several[middle] < 0.3


def test_a_singer_on_the_alternative_pitch_is_found_there() -> None:
    f0, alternative = steady(330.0, 205.0), steady(352.0, 217.0)
    away, there = (
        shares_of(sung(f0), f0, alternative)[-1],
        shares_of(sung(f0) + sung(alternative), f0, alternative)[-1],
    )
    assert away < 0.1 and 0.25 < there < 0.75


def test_adapting_shares_twice_is_refused() -> None:
    f0, settings = steady(330.0), AdaptSettings(steps=1)
    choices = choices_of_f0(f0)
    coarse = coarse_combs(sung_choices(choices, SAMPLES), settings.stride * HOP, compared_bins(settings))
    assert coarse.shape[:3] == (len(OFFSETS), 1, compared_bins(settings))
    start = untrained_comb(torch.zeros(1, SAMPLES), f0[None], torch.zeros(1, 1, SAMPLES))
    magnitudes = stft(sung(f0), MASK_FFT).abs()
    found = adapt(start, coarse, first_shares(len(choices)), magnitudes, settings)
    with pytest.raises(ValueError, match="adapted"):
        adapt(found, coarse, first_shares(len(choices)), magnitudes, settings)


def test_combs_need_their_shares() -> None:
    f0 = steady(330.0)
    with pytest.raises(ValueError, match="shares"):
        mixed_combs(comb_parameters(f0, 2), sung_choices(choices_of_f0(f0), SAMPLES))
