"""What is minimised: the mixture's loss, the sum of the source losses, and when each has its turn."""

from typing import Any

import pytest
import torch
from torch import Tensor

from vocsep.estimator.divergence import magnitude_divergence
from vocsep.estimator.long_spectra import COMPARED
from vocsep.source.excitation import harmonic_excitation
from vocsep.source.powers import comb_powers, voice_powers
from vocsep.source.voice import SourceParameters, synthesise
from vocsep.spectra import HOP, MASK_FFT, frame_count, stft
from vocsep.training.excerpts import Excerpts
from vocsep.training.loss import multi_scale_spectral_loss
from vocsep.training.objectives import Objective, learning_names, targets_of, training_losses

SAMPLES = 32 * HOP
F0 = (400.0, 300.0, 190.0)  # Hz


def batch(voices: int = 3, given: tuple[bool, ...] | None = None) -> Excerpts:
    """Two mixtures of tones, with the stems that are given."""
    f0 = torch.tensor(F0[:voices])[None, :, None] * torch.tensor([1.0, 1.1])[:, None, None]
    f0 = f0.expand(2, voices, frame_count(SAMPLES)).contiguous()
    stems = 0.02 * harmonic_excitation(f0, SAMPLES) * torch.arange(1, voices + 1)[None, :, None]
    peak = stems.sum(1).abs().amax(-1)[:, None]
    if given is None:
        return Excerpts(stems.sum(1) / peak, f0)
    mask = torch.tensor(given).expand(2, -1)
    return Excerpts(stems.sum(1) / peak, f0, stems / peak[..., None] * mask[..., None], mask)


def parameters(f0: Tensor, seed: int = 0) -> SourceParameters:
    generator = torch.Generator().manual_seed(seed)
    shape = f0.shape
    return SourceParameters(
        f0=f0,
        alpha=0.05 * torch.rand(shape, generator=generator) + 0.01,
        gain=0.01 * torch.rand(shape, generator=generator),
        lsf=(torch.arange(1, 7) * torch.pi / 7).expand(*shape, 6),
        noise_magnitudes=torch.ones(*shape[:2], 40),
    )


def loss(objective: Objective, target: str, excerpts: Excerpts, seed: int = 0) -> float:
    excitation = harmonic_excitation(excerpts.f0, SAMPLES)
    wanted: Any = target
    found = training_losses(objective, [wanted], parameters(excerpts.f0, seed), excitation, excerpts, 3)
    assert list(found) == [target]
    return float(found[wanted])


@pytest.mark.parametrize(
    ("excerpts", "none", "partly", "full"),
    [
        (batch(), ("mixture",), ("mixture",), ("mixture",)),
        (batch(3, (True, False, True)), ("mixture",), ("mixture", "sources"), ("sources",)),
        (batch(1, (True,)), ("mixture",), ("sources",), ("sources",)),
    ],
)
def test_each_kind_of_batch_has_its_targets(
    excerpts: Excerpts, none: tuple[str, ...], partly: tuple[str, ...], full: tuple[str, ...]
) -> None:
    assert targets_of(excerpts, "none") == none
    assert targets_of(excerpts, "partly") == partly
    assert targets_of(excerpts, "full") == full


def test_the_loss_of_sounds_is_the_sum_of_the_papers_losses_of_each_source() -> None:
    excerpts = batch(3, (True, False, True))
    assert excerpts.sources is not None
    voices = synthesise(
        parameters(excerpts.f0), SAMPLES, excitation=harmonic_excitation(excerpts.f0, SAMPLES), seed=3
    )
    expected = sum(multi_scale_spectral_loss(voices[:, j], excerpts.sources[:, j]) for j in (0, 2))
    assert loss("sound", "sources", excerpts) == pytest.approx(float(expected), rel=1e-5)
    together = multi_scale_spectral_loss(voices.sum(1), excerpts.mixture)
    assert loss("sound", "mixture", excerpts) == pytest.approx(float(together), rel=1e-5)


def test_the_loss_of_powers_is_the_sum_of_divergences_in_units_of_the_mixture() -> None:
    excerpts = batch(3, (False, True, True))
    assert excerpts.sources is not None
    expected = 0.0
    for i in range(2):
        scale = stft(excerpts.mixture[i], MASK_FFT, COMPARED * HOP).abs().mean()
        combs = comb_powers(harmonic_excitation(excerpts.f0[i], SAMPLES), COMPARED * HOP)
        sparse = parameters(excerpts.f0).batch_slice(i, i + 1).frames_slice(0, None, COMPARED)
        powers = voice_powers(sparse, combs)
        for j in (1, 2):
            stem = stft(excerpts.sources[i, j], MASK_FFT, COMPARED * HOP).abs()
            expected += 0.5 * float(magnitude_divergence(powers[j] / scale**2, stem / scale))
    assert loss("power", "sources", excerpts) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("objective", ["power", "sound"])
def test_a_voice_alone_is_its_mixture(objective: Objective) -> None:
    excerpts = batch(1, (True,))
    assert loss(objective, "sources", excerpts) == pytest.approx(
        loss(objective, "mixture", excerpts), rel=1e-5
    )


@pytest.mark.parametrize("objective", ["power", "sound"])
def test_voices_without_a_stem_have_no_part_in_the_loss_of_sources(objective: Objective) -> None:
    excerpts = batch(3, (True, False, False))
    given = parameters(excerpts.f0)
    alpha = given.alpha.clone().requires_grad_()
    excitation = harmonic_excitation(excerpts.f0, SAMPLES)
    changed = SourceParameters(given.f0, alpha, given.gain, given.lsf, given.noise_magnitudes)
    losses = training_losses(objective, ["sources"], changed, excitation, excerpts, 0)
    losses["sources"].backward()  # type: ignore[no-untyped-call]
    assert alpha.grad is not None
    assert alpha.grad[:, 0].abs().sum() > 0 and alpha.grad[:, 1:].abs().sum() == 0


@pytest.mark.parametrize("objective", ["power", "sound"])
def test_swapped_voices_are_told_by_their_stems_but_not_by_the_mixture(objective: Objective) -> None:
    """Two voices on one note: nothing but a stem says whose loudness is whose."""
    f0 = torch.full((1, 2, frame_count(SAMPLES)), 250.0)
    levels = torch.tensor([0.03, 0.01])[None, :, None]
    combs = harmonic_excitation(f0, SAMPLES)
    stems = synthesise(
        SourceParameters(
            f0,
            levels.expand_as(f0),
            torch.full_like(f0, 1e-5),
            (torch.arange(1, 7) * torch.pi / 7).expand(*f0.shape, 6),
            torch.ones(1, 2, 40),
        ),
        SAMPLES,
        excitation=combs,
    )
    excerpts = Excerpts(stems.sum(1), f0, stems, torch.ones(1, 2, dtype=torch.bool))
    values = {}
    for order in ((0, 1), (1, 0)):
        sung = SourceParameters(
            f0,
            levels[:, list(order)].expand_as(f0),
            torch.full_like(f0, 1e-5),
            (torch.arange(1, 7) * torch.pi / 7).expand(*f0.shape, 6),
            torch.ones(1, 2, 40),
        )
        found = training_losses(objective, ["mixture", "sources"], sung, combs, excerpts, 0)
        values[order] = [float(loss) for loss in found.values()]
    assert values[0, 1][0] == pytest.approx(values[1, 0][0], abs=2e-3)
    assert values[1, 0][1] > values[0, 1][1] + 0.01


def test_without_stems_there_is_no_loss_of_sources() -> None:
    with pytest.raises(ValueError, match="stems"):
        loss("power", "sources", batch())


def test_names_are_learned_from_stems_of_their_own_and_from_nothing_else() -> None:
    given = batch(3, (True, False, True))
    named = Excerpts(given.mixture, given.f0, given.sources, given.given, ("a", "b", None))
    assert learning_names(named, "sources") == ("a", None, None)
    assert learning_names(named, "mixture") == (None, None, None)
    assert learning_names(given, "sources") is None
