"""Excerpts of the post-filter's training examples, with errors of levels and pitches added to some."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from vocsep.filtering.masks import soft_masks
from vocsep.filtering.postfilter import mean_power
from vocsep.filtering.postfilter_features import BINS, postfilter_features
from vocsep.spectra import HOP, MASK_FFT, stft
from vocsep.training.examples import Sampler
from vocsep.training.postfilter_examples import PostfilterExample

FRAMES = 124  # of an excerpt
DISTURBED = 0.2  # of the excerpts: expected powers are off by more than they are anyway
FARTHEST = 3.0  # dB, by that much at most (standard deviation)
DETUNED = 0.2  # of the excerpts: F0 is off, too
AMONG = 0.6  # of the voices in these
OFF = 20.0  # cents, by that much at most (standard deviation)


class PostfilterSampler(Sampler):
    """Draws excerpts from examples, one at a time: views, masks, and the spectra that masks are scored by."""

    def __init__(self, examples: list[PostfilterExample], seed: int | Sequence[int]) -> None:
        super().__init__(seed)
        self.examples = examples
        self.means = [mean_power(stft(torch.from_numpy(one.mixture), MASK_FFT)) for one in examples]

    @torch.no_grad()
    def excerpt(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """View ``(voices, CHANNELS, BINS, frames)``, masks ``(voices, BINS, frames)``, and the spectra of
        mixture ``(BINS, frames)`` and stems ``(voices, BINS, frames)``."""
        number = int(self.rng.integers(len(self.examples)))
        example = self.examples[number]
        first = int(self.rng.integers(0, max(example.f0.shape[1] - FRAMES, 1)))
        frames, samples = slice(first, first + FRAMES), slice(first * HOP, (first + FRAMES - 1) * HOP)
        spectrum = stft(torch.from_numpy(example.mixture[samples]), MASK_FFT)[:BINS]
        stems = stft(torch.from_numpy(example.stems[:, samples].astype(np.float32)), MASK_FFT)[:, :BINS]
        decibels = torch.from_numpy(example.powers[..., frames].astype(np.float32))
        if self.rng.random() < DISTURBED:
            decibels = decibels + self._bent(decibels)
        powers, f0 = 10 ** (decibels / 10), torch.from_numpy(example.f0[:, frames])
        if self.rng.random() < DETUNED:
            powers, f0 = self._detuned(powers, f0)
        masks = soft_masks(powers, example.exponent)
        return postfilter_features(spectrum, powers, masks, f0, self.means[number]), masks, spectrum, stems

    def _bent(self, decibels: Tensor) -> Tensor:
        """Errors of levels that are smooth in time and frequency, each voice's own."""
        spread = self.rng.uniform(0, FARTHEST)
        nodes = int(self.rng.integers(3, 16)), int(self.rng.integers(2, 8))
        errors = torch.from_numpy(self.rng.normal(0, spread, (len(decibels), 1, *nodes)))
        shape = tuple(decibels.shape[1:])
        return nn.functional.interpolate(errors.float(), shape, mode="bilinear", align_corners=True)[:, 0]

    def _detuned(self, powers: Tensor, f0: Tensor) -> tuple[Tensor, Tensor]:
        """Voices that are taken to sing some cents higher or lower, with all their partials."""
        nodes = int(self.rng.integers(2, 20))
        cents = torch.from_numpy(self.rng.normal(0, self.rng.uniform(0, OFF), (len(f0), 1, nodes))).float()
        cents = nn.functional.interpolate(cents, f0.shape[1], mode="linear", align_corners=True)[:, 0]
        cents = cents * torch.from_numpy(self.rng.random((len(f0), 1)) < AMONG)
        ratio = 2 ** (cents / 1200)
        position = torch.arange(BINS)[:, None] / ratio[:, None]
        below = position.floor().long().clamp(0, BINS - 2)
        share = (position - below).clamp(0, 1)
        return torch.lerp(powers.gather(1, below), powers.gather(1, below + 1), share), ratio * f0
