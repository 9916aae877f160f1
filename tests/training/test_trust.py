"""Trust is learned from what partials do to stems: where they help it is high, where they harm it is low."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from vocsep.filtering.joint import correction
from vocsep.filtering.masks import soft_masks
from vocsep.filtering.postfilter import PostfilterNetwork
from vocsep.filtering.postfilter_features import BINS as KEPT
from vocsep.filtering.trust import SIGNS, Trust
from vocsep.source.excitation import harmonic_excitation
from vocsep.source.powers import comb_powers
from vocsep.spectra import MASK_FFT, SAMPLE_RATE, frame_count, istft, stft
from vocsep.training.postfilter_examples import PostfilterExample
from vocsep.training.trust import Effects, effects_of, learn_trust

SAMPLES = 2 * SAMPLE_RATE
F0 = (200.0, 301.5)
SURE = Trust((0.0,) * SIGNS, 50.0)


def example() -> PostfilterExample:
    f0 = torch.tensor(F0)[:, None].expand(-1, frame_count(SAMPLES)).contiguous()
    voices = 0.05 * harmonic_excitation(f0, SAMPLES)
    decibels = (10 * torch.log10(comb_powers(voices)[:, :KEPT] + 1e-10)).clamp(-100, 100)
    mixture = voices.sum(dim=0)
    return PostfilterExample(
        mixture.numpy(),
        voices.numpy().astype(np.float16),
        f0.numpy(),
        decibels.numpy().astype(np.float16),
        1.0,
    )


def effects() -> Effects:
    torch.manual_seed(0)
    found = effects_of(example(), PostfilterNetwork().eval())
    assert found is not None
    return found


def quality(truth: Tensor, found: Tensor) -> Tensor:
    error = (truth - found).square().sum(dim=1)
    return 10 * torch.log10(truth.square().sum(dim=1) / error)


def test_effects_are_those_of_the_correction() -> None:
    given, found = example(), effects()
    sure = torch.ones(found.signs.shape[:3])
    error = found.better(sure)
    mixture, stems = torch.from_numpy(given.mixture), torch.from_numpy(given.stems).float()
    powers = 10 ** (torch.from_numpy(given.powers).float() / 10)
    powers = torch.cat((powers, powers[:, -1:].expand(-1, MASK_FFT // 2 + 1 - KEPT, -1)), dim=1)
    masks = soft_masks(powers)
    by_masks = istft(masks * stft(mixture, MASK_FFT), SAMPLES, MASK_FFT)
    change = correction(mixture, torch.from_numpy(given.f0), powers, masks, SURE)
    assert change is not None
    low = [
        istft(
            torch.where(torch.arange(MASK_FFT // 2 + 1)[:, None] < 512, stft(s, MASK_FFT), 0),
            SAMPLES,
            MASK_FFT,
        )
        for s in (stems, by_masks, by_masks + change)
    ]
    expected = quality(low[0], low[2]) - quality(low[0], low[1])
    assert (expected > 3).all()
    assert abs(float(error.mean()) - float(expected.mean())) < 2


def test_no_trust_changes_nothing() -> None:
    found = effects()
    assert found.better(torch.zeros(found.signs.shape[:3])).abs().max() == 0


def test_partials_that_help_are_trusted_and_those_that_harm_are_not() -> None:
    good = effects()
    bad = replace(good, effect=-good.effect)
    for given, expected in ((good, True), (bad, False)):
        trust = learn_trust([given], epochs=25)(given.signs)
        assert (float(trust.mean()) > 0.6) is expected
    # Told apart by a sign, both get their due.
    marked = replace(bad, signs=good.signs.clone())
    marked.signs[..., 0] += 3
    trust = learn_trust([good, marked], epochs=60)
    assert trust(good.signs).mean() > trust(marked.signs).mean() + 0.1
