"""F0 refinement by phases: a wrong F0 becomes right, a right one stays, the smoothing is least squares."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from vocsep.filtering.joint import refined_f0
from vocsep.filtering.partials import Partials
from vocsep.filtering.phase_refinement import BENDS, OFFSETS, demodulated, smoothed
from vocsep.source.excitation import harmonic_excitation
from vocsep.spectra import HOP, MASK_FFT, SAMPLE_RATE, stft

FRAMES = 126  # 2 s
SAMPLES = (FRAMES - 1) * HOP
TIMES = torch.arange(FRAMES) * (HOP / SAMPLE_RATE)


def vibrato(centre: float, rate: float, cents: float) -> Tensor:
    return centre * torch.exp2(cents / 1200 * torch.sin(2 * math.pi * rate * TIMES))


def ideal_masks(voices: Tensor) -> Tensor:
    powers = stft(voices, MASK_FFT).abs().square() + 1e-9
    return powers / powers.sum(dim=0)


def errors(found: Tensor, true: Tensor) -> Tensor:
    """Cents, away from the ends, ``(voices, frames)``."""
    return (1200 * torch.log2(found / true)).abs()[:, 8:-8]


@pytest.mark.parametrize("offset", [-12.0, 5.0, 20.0])
def test_a_wrong_f0_becomes_right(offset: float) -> None:
    true = torch.stack((vibrato(330.0, 5.5, 40.0), vibrato(196.0, 6.1, 25.0)))
    voices = harmonic_excitation(true, SAMPLES)
    wrong = true * 2 ** (offset / 1200)
    found = refined_f0(voices.sum(dim=0), wrong, ideal_masks(voices))
    assert errors(found, true).median() < 1.0
    assert errors(found, true).quantile(0.9) < 3.0


def test_a_blurred_vibrato_comes_back() -> None:
    true = vibrato(440.0, 6.0, 50.0)[None]
    voices = harmonic_excitation(true, SAMPLES)
    flat = torch.full_like(true, 440.0) * torch.exp2(0.7 * torch.log2(true / 440.0))
    found = refined_f0(voices[0], flat, torch.ones(1, MASK_FFT // 2 + 1, FRAMES))
    assert errors(flat, true).median() > 8
    assert errors(found, true).median() < 1.0


def test_silence_stays_silence_and_noise_changes_little() -> None:
    f0 = vibrato(220.0, 5.0, 20.0).repeat(2, 1)
    f0[1] = 0
    f0[0, 40:60] = 0
    noise = 0.1 * torch.randn(SAMPLES, generator=torch.Generator().manual_seed(1))
    found = refined_f0(noise, f0, torch.full((2, MASK_FFT // 2 + 1, FRAMES), 0.5))
    assert torch.equal(found > 0, f0 > 0)
    sung = f0 > 0
    assert (1200 * torch.log2(found[sung] / f0[sung])).abs().median() < OFFSETS
    assert torch.equal(refined_f0(torch.zeros(SAMPLES), f0, torch.ones(2, MASK_FFT // 2 + 1, FRAMES)), f0)


def test_demodulated_partials_are_their_amplitudes() -> None:
    f0 = vibrato(250.0, 5.0, 30.0)[None]
    partials = Partials(f0, SAMPLES)
    first, second = 0.8 * torch.exp(torch.tensor(0.5j)), 0.3 * torch.exp(torch.tensor(-2j))
    turn = torch.exp(1j * partials.angle(0, 0, SAMPLES))
    wave = (first * turn + second * turn.square()).real
    found = demodulated(partials, 0, wave)[5:-5]
    assert torch.allclose(found[:, 0], first.expand(len(found)), atol=0.01)
    assert torch.allclose(found[:, 1], second.expand(len(found)), atol=0.01)
    assert found[:, 2:].abs().max() < 0.01


@pytest.mark.parametrize("frames", [3, 32, 70])
def test_the_curve_is_that_of_dense_least_squares(frames: int) -> None:
    chance = np.random.default_rng(frames)
    measured, weight = chance.normal(0, 8, (2, frames - 1)), chance.gamma(1.0, 0.3, (2, frames - 1))
    weight[0, : frames // 3] = 0
    mean = np.eye(frames)[:-1] / 2 + np.eye(frames)[1:] / 2
    bend = np.diff(np.eye(frames), 2, axis=0)
    for row in range(2):
        matrix = mean.T @ (weight[row][:, None] * mean) + bend.T @ bend / BENDS**2
        matrix += np.eye(frames) / OFFSETS**2
        expected = np.linalg.solve(matrix, mean.T @ (weight[row] * measured[row]))
        found = smoothed(torch.from_numpy(measured), torch.from_numpy(weight))[row].numpy()
        np.testing.assert_allclose(found, expected, atol=1e-9)
