"""Spectra of the factorisations: where partials lie, glottal source, smooth filters; F0 on finer grids."""

import numpy as np
import torch

from vocsep.methods.dictionaries import (
    f0_every,
    glottal_amplitudes,
    glottal_combs,
    harmonic_templates,
    pitch_frequencies,
    pitch_numbers,
    smooth_atoms,
)
from vocsep.spectra import SAMPLE_RATE

BIN = SAMPLE_RATE / 1024  # Hz


def test_pitch_numbers_are_the_nearest_and_come_back() -> None:
    f0 = torch.tensor([82.41, 110.0, 440.0, 443.0, 987.8])
    numbers = pitch_numbers(f0, 20)
    cents = 1200 * torch.log2(pitch_frequencies(numbers, 20) / f0)
    assert cents.abs().max() <= 2.5 + 1e-2
    assert pitch_numbers(torch.zeros(2), 20).tolist() == [0, 0]


def test_f0_between_frames_are_geometric_means_and_voice_reaches_half_way() -> None:
    f0 = torch.tensor([[200.0, 800.0, 0.0, 0.0, 300.0]])
    finer = f0_every(f0, 128, 10)
    torch.testing.assert_close(finer, torch.tensor([[200.0, 400, 800, 800, 0, 0, 0, 300, 300, 300]]))
    assert torch.equal(f0_every(f0, 256, 5), f0)
    quarters = f0_every(f0, 64, 13)
    assert (quarters > 0).tolist()[0] == [True] * 7 + [False] * 6


def test_templates_are_zero_but_near_harmonics() -> None:
    f0 = torch.tensor([150.0, 410.0])
    templates = harmonic_templates(f0, 1024, 0.5, 2.0)
    frequencies = np.arange(513) * BIN
    for template, base in zip(templates.numpy(), f0.tolist(), strict=True):
        for bin_, frequency in enumerate(frequencies):
            partial = max(round(frequency / base), 1)
            reach = max(2 * BIN, partial * base * (2 ** (0.5 / 12) - 1))
            distance = abs(frequency - partial * base)
            if abs(distance - reach) > 1e-2:  # rounding decides at the very edge
                assert template[bin_] == (np.float32(partial**-2.0) if distance < reach else 0)


def test_glottal_amplitudes_are_those_of_the_pulse() -> None:
    samples = 1 << 16
    for quotient in (0.25, 0.6):
        time = np.arange(samples) / samples
        s = time / quotient
        pulse = np.where(s < 1, 2 * s - 3 * s**2, 0.0) / quotient
        plain = np.abs(np.fft.rfft(pulse))[1:41] / samples
        ours = glottal_amplitudes(torch.arange(1, 41), quotient).numpy()
        np.testing.assert_allclose(ours, plain, atol=1e-3 * plain.max())


def test_glottal_combs_have_the_amplitudes_at_their_harmonics() -> None:
    f0 = torch.tensor([250.0, 500.0])  # whole numbers of bins, lobes apart
    combs = glottal_combs(f0, 1024)
    torch.testing.assert_close(combs.sum(dim=1), torch.ones(2))
    for comb, base in zip(combs, f0.tolist(), strict=True):
        harmonics = comb[round(base / BIN) :: round(base / BIN)][: int(7_500 / base)]
        wanted = glottal_amplitudes(torch.arange(1, len(harmonics) + 1)).square().float()
        torch.testing.assert_close(harmonics / harmonics[0], wanted / wanted[0], rtol=1e-2, atol=1e-5)
        between = comb[round(1.5 * base / BIN) :: round(base / BIN)][: len(harmonics) - 1]
        assert (between < 1e-3 * harmonics[:-1]).all()


def test_atoms_cover_all_frequencies_alike() -> None:
    atoms = smooth_atoms(513, 30)
    assert atoms.shape == (30, 513) and atoms.min() == 0
    total = atoms.sum(dim=0)
    inner = total[54:-54]  # where no atom lacks beyond the edge
    torch.testing.assert_close(inner, torch.full_like(inner, 2.0))  # Hann windows at 75 % overlap
    assert total.min() > 0.9
