"""Training of the post-filter on synthetic singing: what was expected of each voice, and what it sang."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vocsep.estimator.stored import load_estimator
from vocsep.filtering.masks import soft_masks
from vocsep.filtering.postfilter import (
    PostfilterNetwork,
    PostfilterSettings,
    corrected,
    mean_power,
    restore_postfilter,
)
from vocsep.filtering.postfilter_features import BINS, postfilter_features
from vocsep.model import load_model, save_model
from vocsep.pitch.estimate import PitchEstimator
from vocsep.singers.chorales import chorales_to_sing
from vocsep.singers.repertoire import sing_repertoire
from vocsep.spectra import HOP, MASK_FFT, SAMPLE_RATE, stft
from vocsep.training.pitch_learning import TrainingProgress, learn
from vocsep.training.postfilter_examples import PostfilterExample, make_examples

SECONDS = 8.0  # of each quartet that is sung
SECTIONS = 0.2  # of the quartets: two to four singers a part
DRY = 0.5  # of the quartets: no room
FRAMES = 124  # of an excerpt
SECOND = SAMPLE_RATE // HOP  # frames in which an error is judged as a whole
SILENT = 0.01  # of the mixture's energy: a voice below that is judged as if it had that
CAP = 1e-3  # of a voice's energy (-30 dB): there is little to gain below
DISTURBED = 0.2  # of the excerpts: expected powers are off by more than they are anyway
FARTHEST = 3.0  # dB, by that much at most (standard deviation)
DETUNED = 0.2  # of the excerpts: F0 is off, too
AMONG = 0.6  # of the voices in these
OFF = 20.0  # cents, by that much at most (standard deviation)


def error_level(masks: Tensor, mixture: Tensor, stems: Tensor) -> Tensor:
    """Mean over voices and seconds of the error's level relative to the voice's, in dB.

    Args:
        masks: ``(voices, bins, frames)``.
        mixture: ``(bins, frames)`` complex STFT.
        stems: ``(voices, bins, frames)`` complex STFTs.
    """

    def seconds(energy: Tensor) -> Tensor:
        length = min(SECOND, energy.shape[-1])
        return energy.unfold(-1, length, length).sum(dim=-1)

    error = seconds((masks * mixture - stems).abs().square().sum(dim=1))
    own = seconds(stems.abs().square().sum(dim=1)) + SILENT * seconds(mixture.abs().square().sum(dim=0))
    return 10 * torch.log10((error + CAP * own) / own.clamp_min(1e-9)).mean()


class PostfilterSampler:
    """Draws excerpts from examples, one at a time: views, masks, and the spectra that masks are judged by."""

    def __init__(self, examples: list[PostfilterExample], seed: int) -> None:
        self.examples, self.rng = examples, np.random.default_rng(seed)
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


def train_postfilter(
    output: Path,
    *,
    minutes: float = 60.0,
    seed: int = 1,
    singers: int = 400,
    examples: int = 1500,
    workers: int = 2,
    settings: PostfilterSettings | None = None,
    pitch_model: Path | None = None,
    model: Path | None = None,
    start: Path | None = None,
    chorales: bool | None = None,
    progress: Callable[[str, TrainingProgress], None] | None = None,
) -> Path:
    """Sing ``singers`` quartets, separate ``examples`` mixtures of them, train a post-filter and save it.

    Args:
        output: the model file.
        minutes: of training; singing and listening come on top.
        seed: of scores, singers, mixing and random weights.
        singers: quartets to sing. examples: mixtures. workers: processes that sing.
        settings: sizes of a new network.
        pitch_model, model: of the pitches and of the source parameters; the shipped ones by default.
        start: a post-filter whose training is continued, instead of a new network.
        chorales: whether half of the scores are Bach's; by default where music21 is installed.
        progress: told the stage, ``listening`` or ``learning``, and where it stands.

    Raises:
        DependencyError: chorales are asked for and music21 is not installed.
        ModelError: a model is none of its kind.
    """
    torch.manual_seed(seed)
    told = progress or (lambda stage, at: None)
    network = PostfilterNetwork(settings)
    if start is not None:
        stored = load_model(start, "postfilter")
        network = restore_postfilter(stored)
    pitch, estimator = PitchEstimator(pitch_model), load_estimator(model).eval()
    bach = chorales_to_sing(chorales)
    songs = sing_repertoire(
        singers, SECONDS, seed, workers, chorales=bach, section_share=SECTIONS, dry_share=DRY
    )
    taken = make_examples(
        songs,
        pitch,
        estimator,
        examples,
        seed,
        lambda share: told("listening", TrainingProgress(share, 0, float("nan"))),
    )
    sampler = PostfilterSampler(taken, seed)
    steps = learn(
        network,
        sampler.excerpt,
        lambda answer, masks, mixture, stems: error_level(corrected(masks, answer), mixture, stems),
        seconds=60 * minutes,
        learning_rate=3e-3,
        gather=2,
        progress=lambda at: told("learning", at),
        checkpoint=lambda current, step: save_postfilter(current, output, {"unfinished_at_step": step}),
    )
    card = {
        "seed": seed,
        "quartets": singers,
        "examples": examples,
        "minutes": minutes,
        "steps": steps,
        "data": "synthetic singing only",
        "chorales": len(bach),
        "continued": start is not None,
    }
    save_postfilter(network, output, card)
    return output


def save_postfilter(network: PostfilterNetwork, path: Path, card: dict[str, Any]) -> None:
    """Write weights, settings and card as one model file."""
    tensors = dict(network.state_dict())
    save_model(path, tensors, kind="postfilter", settings=network.settings.to_dict(), card=card)
