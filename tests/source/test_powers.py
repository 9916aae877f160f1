"""Expected powers in closed form: values and gradients of the same formula as autograd records it."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from vocsep.source.lsf import lsf_from_increments
from vocsep.source.powers import PowerFactors, mask_frequencies, voice_powers
from vocsep.source.voice import SourceParameters, power_envelopes
from vocsep.spectra import MASK_FFT, hann

VOICES, FRAMES = 2, 150  # more frames than are worked on together


def learned(deviation: float) -> tuple[list[Tensor], SourceParameters]:
    """Leaves, and source parameters of them."""
    generator = torch.Generator().manual_seed(2)
    shape = (1, VOICES, FRAMES)
    raw = (deviation * torch.randn(*shape, 21, generator=generator)).requires_grad_()
    alpha, gain = (torch.rand(shape, generator=generator).requires_grad_() for _ in range(2))
    magnitudes = torch.rand(1, VOICES, 40, generator=generator).requires_grad_()
    sung = SourceParameters(torch.ones(shape), alpha, gain, lsf_from_increments(raw), magnitudes)
    return [raw, alpha, gain, magnitudes], sung


def recorded(sung: SourceParameters, combs: Tensor, noise_share: float) -> Tensor:
    harmonic, noise = power_envelopes(sung, mask_frequencies()[: combs.shape[1]])
    energy = hann(MASK_FFT, combs).square().sum()
    return harmonic[0].transpose(1, 2) * combs + noise[0].transpose(1, 2) * (noise_share * energy)


def error(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).detach().norm() / expected.detach().norm())


@pytest.mark.parametrize("bins", [1025, 641])
@pytest.mark.parametrize("deviation", [0.3, 1.0])
def test_powers_and_gradients_are_those_that_autograd_finds(bins: int, deviation: float) -> None:
    leaves, sung = learned(deviation)
    generator = torch.Generator().manual_seed(3)
    combs = torch.rand(VOICES, bins, FRAMES, generator=generator) * 1e4
    weight = torch.rand(VOICES, bins, FRAMES, generator=generator) - 0.3
    found, expected = voice_powers(sung, combs, 0.7), recorded(sung, combs, 0.7)
    assert error(found, expected) < 1e-5
    # The logarithm weighs all bins alike, as a divergence does.
    of_found, of_expected = (
        torch.autograd.grad((powers.log() * weight).sum(), leaves, retain_graph=True)
        for powers in (found, expected)
    )
    for ours, theirs in zip(of_found, of_expected, strict=True):
        assert error(ours, theirs) < 1e-4


def test_a_correction_raises_both_parts() -> None:
    _, sung = learned(0.3)
    combs = torch.ones(VOICES, 1025, FRAMES)
    raised = replace(sung, correction=torch.full((1, VOICES, FRAMES, 22), 10.0))
    torch.testing.assert_close(voice_powers(raised, combs), 10 * voice_powers(sung, combs))


def test_factors_of_a_batch_are_those_of_its_recordings() -> None:
    _, sung = learned(0.3)
    doubled = SourceParameters(
        *(torch.cat([part, 2 * part]) for part in (sung.f0, sung.alpha, sung.gain)),
        sung.lsf.repeat(2, 1, 1, 1),
        sung.noise_magnitudes.repeat(2, 1, 1),
    )
    combs = torch.ones(VOICES, FRAMES, 1025)
    first, second = (factors.powers(combs) for factors in PowerFactors.of(doubled).recordings())
    torch.testing.assert_close(second, 4 * first)
