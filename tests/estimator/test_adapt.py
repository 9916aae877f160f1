"""Adaptation on the recording itself: it explains the mixture better and changes nothing else."""

from dataclasses import replace

import pytest
import torch
from one_comb import adapt_one_comb
from torch import Tensor

from vocsep.estimator.adapt_settings import AdaptSettings
from vocsep.source.excitation import harmonic_excitation
from vocsep.source.powers import comb_powers, mask_frequencies, voice_powers
from vocsep.source.voice import SourceParameters, band_matrix, synthesise
from vocsep.spectra import MASK_FFT, SAMPLE_RATE, frame_count, stft

SAMPLES = SAMPLE_RATE
FRAMES = frame_count(SAMPLES)
Problem = tuple[SourceParameters, SourceParameters, Tensor, Tensor]  # start, truth, combs, magnitudes


def flat(f0: tuple[float, ...] = (330.0, 205.0), alpha: float = 0.1) -> SourceParameters:
    """Voices without any formants."""
    voices = len(f0)
    return SourceParameters(
        f0=torch.tensor(f0).reshape(1, voices, 1).expand(1, voices, FRAMES).contiguous(),
        alpha=torch.full((1, voices, FRAMES), alpha),
        gain=torch.full((1, voices, FRAMES), 0.003),
        lsf=torch.linspace(0, torch.pi, 22)[1:-1].expand(1, voices, FRAMES, 20).contiguous(),
        noise_magnitudes=torch.ones(1, voices, 40),
    )


def coloured(given: SourceParameters) -> SourceParameters:
    """The same voices with formants: smooth corrections that differ from voice to voice."""
    centres = torch.linspace(0, 1, 22)
    cycles = torch.arange(1, given.voices + 1)[:, None]
    shapes = 12 * torch.cos(2 * torch.pi * cycles * centres)  # dB
    correction = shapes[None, :, None, :].expand(1, given.voices, FRAMES, 22)
    return replace(given, correction=correction.contiguous())


def combs_of(given: SourceParameters) -> Tensor:
    return comb_powers(harmonic_excitation(given.f0[0], SAMPLES))


def magnitudes_of(given: SourceParameters) -> Tensor:
    return stft(synthesise(given, SAMPLES)[0].sum(dim=0), MASK_FFT).abs()


def divergence(given: SourceParameters, combs: Tensor, magnitudes: Tensor) -> float:
    """Kullback-Leibler divergence between the mixture's magnitudes and the model's, below 5 kHz, a bin."""
    model = voice_powers(given, combs).sum(dim=0).sqrt() + 1e-7
    target = magnitudes + 1e-7
    below = mask_frequencies() < 5_000
    return (target * torch.log(target / model) - target + model)[below].mean().item()


@pytest.fixture(scope="module")
def problem() -> Problem:
    """Start, truth, combs, magnitudes of the mixture."""
    start = flat()
    truth = coloured(start)
    return start, truth, combs_of(start), magnitudes_of(truth)


def test_adaptation_lowers_the_divergence(
    problem: Problem,
) -> None:
    start, _, combs, magnitudes = problem
    before = divergence(start, combs, magnitudes)
    some, more = (divergence(adapt_one_comb(start, combs, magnitudes, n), combs, magnitudes) for n in (5, 40))
    assert more < some < before
    assert more < 0.25 * before


def test_shapes_stay_and_only_correction_and_noise_change(
    problem: Problem,
) -> None:
    start, _, combs, magnitudes = problem
    found = adapt_one_comb(start, combs, magnitudes, 3)
    assert found.correction is not None and found.correction.shape[:3] == (1, 2, FRAMES)
    assert found.gain.shape == start.gain.shape and (found.gain > 0).all()
    for name in ("f0", "alpha", "lsf", "noise_magnitudes"):
        assert torch.equal(getattr(found, name), getattr(start, name)), name
    assert not found.correction.requires_grad and not found.gain.requires_grad


@pytest.mark.parametrize("frames", [1, 2, 3, 8])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_any_number_of_frames_can_be_adapted(problem: Problem, frames: int, stride: int) -> None:
    start, _, combs, magnitudes = problem
    found = adapt_one_comb(
        start.frames_slice(0, frames),
        combs[..., :frames],
        magnitudes[:, :frames],
        2,
        AdaptSettings(stride=stride),
    )
    assert found.correction is not None and found.correction.shape[2] == frames
    assert torch.isfinite(found.correction).all() and torch.isfinite(found.gain).all()


def test_a_known_envelope_is_recovered(
    problem: Problem,
) -> None:
    """In dB at the partials of each voice, where nothing else is heard."""
    start, truth, combs, magnitudes = problem
    found = adapt_one_comb(start, combs, magnitudes, 80)
    assert found.correction is not None and truth.correction is not None
    for voice in range(2):
        partials = torch.arange(1, 13) * start.f0[0, voice, 0]
        other = start.f0[0, 1 - voice, 0]
        apart = (partials / other - (partials / other).round()).abs() * other > 40  # Hz
        bands = band_matrix(22, partials[apart])
        wanted = truth.correction[0, voice, 10:-10].mean(dim=0) @ bands
        got = found.correction[0, voice, 10:-10].mean(dim=0) @ band_matrix(
            found.correction.shape[-1], partials[apart]
        )
        assert (got - wanted).abs().mean() < 2.0


def test_a_voice_that_is_not_there_becomes_quiet() -> None:
    start = flat()
    alone = replace(start, alpha=start.alpha * torch.tensor([1.0, 0.0]).reshape(1, 2, 1))
    combs = combs_of(start)
    found = voice_powers(adapt_one_comb(start, combs, magnitudes_of(alone), 60), combs).sum(dim=(1, 2))
    assert found[1] < 0.05 * found[0]


def test_loudness_of_the_recording_does_not_matter(
    problem: Problem,
) -> None:
    start, _, combs, magnitudes = problem
    quiet = replace(start, alpha=0.01 * start.alpha, gain=0.01 * start.gain)
    slowly = AdaptSettings(rate=0.1)
    loud = adapt_one_comb(start, combs, magnitudes, 10, slowly)
    soft = adapt_one_comb(quiet, combs, 0.01 * magnitudes, 10, slowly)
    assert loud.correction is not None and soft.correction is not None
    # Adam turns the rounding of gradients that are about 0 into small steps.
    assert (soft.correction - loud.correction)[..., :16].abs().mean() < 0.1  # dB, bands that are compared


def test_silence_is_no_mistake(problem: Problem) -> None:
    start, _, _, magnitudes = problem
    for given in (start, replace(start, f0=torch.zeros_like(start.f0))):
        found = adapt_one_comb(given, combs_of(given), torch.zeros_like(magnitudes), 3)
        assert found.correction is not None and torch.isfinite(found.correction).all()


def test_progress_rises_to_one(problem: Problem) -> None:
    start, _, combs, magnitudes = problem
    told: list[float] = []
    adapt_one_comb(start, combs, magnitudes, 4, progress=told.append)
    assert told == [0.25, 0.5, 0.75, 1.0]


def test_adaptation_is_the_same_every_time(
    problem: Problem,
) -> None:
    start, _, combs, magnitudes = problem
    first, again = (adapt_one_comb(start, combs, magnitudes, 5) for _ in range(2))
    assert first.correction is not None and again.correction is not None
    assert torch.equal(first.correction, again.correction) and torch.equal(first.gain, again.gain)


def test_adapted_parameters_are_not_adapted_again(
    problem: Problem,
) -> None:
    _, truth, combs, magnitudes = problem
    with pytest.raises(ValueError, match="adapted"):
        adapt_one_comb(truth, combs, magnitudes, 1)
