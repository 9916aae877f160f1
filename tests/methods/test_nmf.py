"""Score-informed NMF: against dense matrices, laws of its updates, and what it does to tones."""

import numpy as np
import torch
from tiny import music

from vocsep.filtering.wiener import wiener_filter
from vocsep.methods.nmf import MagnitudeNmf, NmfSettings, ScoreInformedNmf
from vocsep.methods.pitched import PitchedParts
from vocsep.spectra import MASK_FFT, SAMPLE_RATE, frame_count, stft


def a_mixture(seconds: float = 1.5) -> tuple[torch.Tensor, torch.Tensor]:
    audio, tracks = music(seconds)
    return torch.from_numpy(audio), tracks.as_input()


def a_factorisation() -> tuple[MagnitudeNmf, torch.Tensor]:
    audio, f0 = a_mixture()
    magnitudes = stft(audio, MASK_FFT).abs().T.contiguous()
    return MagnitudeNmf(magnitudes, f0, NmfSettings()), magnitudes


def dense(parts: PitchedParts) -> tuple[np.ndarray, np.ndarray]:
    """W ``(bins, pitches)`` and, one voice after another, H ``(voices, pitches, frames)``."""
    voices, frames = parts.pitches.shape
    activations = np.zeros((voices, len(parts.templates), frames))
    for voice in range(voices):
        activations[voice, parts.pitches[voice].numpy(), np.arange(frames)] = parts.activations[voice].numpy()
    return parts.templates.double().numpy().T, activations


def test_updates_are_those_of_lee_and_seung_on_dense_matrices() -> None:
    ours, magnitudes = a_factorisation()
    target = magnitudes.double().numpy().T
    for _ in range(3):
        template, activation = dense(ours.parts)
        quotient = target / np.maximum(template @ activation.sum(axis=0), 1e-12)
        ours.update_activations()
        wanted = activation * (template.T @ quotient) / np.maximum(template.sum(axis=0), 1e-30)[:, None]
        np.testing.assert_allclose(dense(ours.parts)[1], wanted, rtol=1e-3, atol=1e-6)
        template, activation = dense(ours.parts)
        quotient = target / np.maximum(template @ activation.sum(axis=0), 1e-12)
        ours.update_templates()
        both = activation.sum(axis=0)
        wanted = template * (quotient @ both.T) / np.maximum(both.sum(axis=1), 1e-30)
        np.testing.assert_allclose(dense(ours.parts)[0], wanted, rtol=1e-3, atol=1e-6)


def test_no_update_raises_the_cost() -> None:
    factors, _ = a_factorisation()
    costs = [factors.cost()]
    for _ in range(15):
        factors.update_activations()
        costs.append(factors.cost())
        factors.update_templates()
        costs.append(factors.cost())
    assert (np.diff(costs) <= 1e-6 * costs[0]).all()
    assert costs[-1] < 0.8 * costs[0]


def test_voices_on_one_pitch_share_a_template_and_what_it_explains() -> None:
    f0 = torch.full((2, 20), 220.0)
    parts = PitchedParts(f0, MASK_FFT, 0.2, 2.0)
    assert len(parts.templates) == 1
    torch.testing.assert_close(parts.voice(0), parts.voice(1))
    torch.testing.assert_close(parts.model(), 2 * parts.voice(0))


def test_what_is_zero_stays_zero() -> None:
    factors, _ = a_factorisation()
    silent, empty = factors.parts.activations == 0, factors.parts.templates == 0
    assert silent.any() and empty.any()
    factors.update()
    assert (factors.parts.activations[silent] == 0).all() and (factors.parts.templates[empty] == 0).all()


def test_voices_apart_come_out_alone_and_levels_do_not_matter() -> None:
    time = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    tones = [
        a * sum(np.sin(2 * np.pi * f * k * time) for k in (1, 2, 3))
        for a, f in ((0.3, 430.0), (0.1, 262.0), (0.1, 157.0))
    ]
    stems = torch.from_numpy(np.stack(tones).astype(np.float32))
    f0 = torch.tensor([[430.0], [262.0], [157.0]]).expand(-1, frame_count(stems.shape[1]))
    for level in (1.0, 1e-3):
        mixture = level * stems.sum(dim=0)
        found = ScoreInformedNmf()(mixture, f0)
        torch.testing.assert_close(found.masks.sum(dim=0), torch.ones_like(found.masks[0]))
        heard = wiener_filter(mixture[None], SAMPLE_RATE, found.masks)[:, 0]
        error = (heard - level * stems).square().sum(dim=1) / (level * stems).square().sum(dim=1)
        assert (error < 0.03).all()


def test_silence_and_voices_that_never_sing_are_no_trouble() -> None:
    audio, f0 = a_mixture(0.5)
    f0 = f0.clone()
    f0[1] = 0
    told: list[float] = []
    for mixture in (audio, torch.zeros_like(audio)):
        found = ScoreInformedNmf()(mixture, f0, progress=told.append)
        assert found.masks.isfinite().all() and found.powers is not None and found.powers.isfinite().all()
        torch.testing.assert_close(found.masks.sum(dim=0), torch.ones_like(found.masks[0]))
    assert ScoreInformedNmf()(audio, torch.zeros_like(f0)).masks.isfinite().all()
    assert told[-1] == 1.0
