"""Training examples for the refiner: synthetic mixtures and the tracks that were estimated.

What the F0 refinement must mend is what the first one really does wrong, so the first estimate and the
assignment are run on each mixture once, and their tracks are laid beside the true ones.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from vocsep.pitch.candidates import CANDIDATES, FLOOR, find_candidates
from vocsep.pitch.gaps import mend
from vocsep.pitch.refinement import continued
from vocsep.pitch.refiner_features import BothStacks, bins_of_tracks, refiner_features
from vocsep.pitch.salience import SalienceNetwork
from vocsep.pitch.viterbi import assign_viterbi
from vocsep.training.examples import Sampler
from vocsep.training.pitch_examples import Mixer

MOST_SINGERS = 6  # of an example: the assignment of more takes too long
SAME = 1.0  # semitones, a track this near to the truth follows it
DISTURBED = 0.3  # of the tracks: disturbed anew in every batch, so that no two are the same
SHIFTED = 0.1  # of the tracks: out of tune as a whole

Array = NDArray[np.float64]


@dataclass(frozen=True)
class RefinerExample:
    """One mixture: ``audio`` ``(samples,)``, ``salience`` ``(BINS, frames)`` from 0 to 255, ``tracks`` and
    ``truth`` ``(voices, frames)`` in semitones, NaN = silent; row by row the same singer.
    """

    audio: NDArray[np.float16]
    salience: NDArray[np.uint8]
    tracks: Array
    truth: Array


def followed(tracks: Array, truth: Array) -> NDArray[np.intp]:
    """Which true track each of the estimated ones follows best, one each; both in semitones, NaN = silent."""
    near = np.abs(tracks[:, None] - truth[None]) < SAME  # NaN compares as false
    _, order = linear_sum_assignment(-near.sum(axis=-1))
    return np.asarray(order)


def make_examples(
    network: SalienceNetwork, mixer: Mixer, count: int, progress: Callable[[float], None] | None = None
) -> list[RefinerExample]:
    """``count`` mixtures through the first estimate, about half a second of a core each.

    Args:
        network: of the first estimate.
        mixer: with a hop of `HOP`.
        progress: told the share done, 0 to 1.
    """
    examples: list[RefinerExample] = []
    while len(examples) < count:
        signal, f0 = mixer.example()
        sung = f0[(f0 > 0).any(axis=1)].astype(np.float64)
        if not 1 <= len(sung) <= MOST_SINGERS:
            continue
        audio = signal.astype(np.float32)
        salience = network.salience(torch.from_numpy(audio)).numpy()
        found = find_candidates(salience, max(CANDIDATES, len(sung) + 2), FLOOR)
        tracks = mend(assign_viterbi(found, len(sung)))
        with np.errstate(divide="ignore"):
            truth = np.where(sung > 0, 69 + 12 * np.log2(sung / 440), np.nan)
        loud = audio / max(float(np.abs(audio).max()), 1e-9)
        examples.append(
            RefinerExample(
                loud.astype(np.float16),
                np.round(255 * salience).astype(np.uint8),
                tracks,
                truth[followed(tracks, truth)],
            )
        )
        if progress is not None:
            progress(len(examples) / count)
    return examples


def disturbed(tracks: Array, truth: Array, rng: np.random.Generator) -> Array:
    """Tracks with some of them broken off, bent away or set right for a moment, or shifted as a whole."""
    changed = tracks.copy()
    for voice in range(len(changed)):
        if rng.random() < DISTURBED:
            first = int(rng.integers(0, changed.shape[1]))
            span = slice(first, first + int(rng.integers(2, 25)))
            kind = rng.random()
            if kind < 0.4:
                changed[voice, span] = np.nan
            elif kind < 0.8:
                changed[voice, span] += rng.uniform(-2.5, 2.5)
            else:
                right = truth[voice, span]
                changed[voice, span] = np.where(np.isfinite(right), right, changed[voice, span])
        if rng.random() < SHIFTED:
            changed[voice] += rng.uniform(-0.6, 0.6)
    return np.asarray(changed)


class RefinerSampler(Sampler):
    """Draws batches of views from examples: each voice of each example drawn is one example."""

    def __init__(self, examples: list[RefinerExample], seed: int | Sequence[int]) -> None:
        super().__init__(seed)
        self.examples, self.stacks = examples, BothStacks()

    def batch(self, size: int) -> tuple[Tensor, Tensor, Tensor]:
        """Views ``(examples, CHANNELS, OFFSETS, frames)`` of ``size`` examples; true place in bins from the
        middle, and whether the voice sings, ``(examples, frames)`` each.
        """
        drawn = [
            self._example(self.examples[int(self.rng.integers(len(self.examples)))]) for _ in range(size)
        ]
        views, places, sung = (torch.cat(parts) for parts in zip(*drawn, strict=True))
        return views, places, sung

    @torch.no_grad()
    def _example(self, example: RefinerExample) -> tuple[Tensor, Tensor, Tensor]:
        tracks = disturbed(example.tracks, example.truth, self.rng)
        bins = bins_of_tracks(continued(tracks))
        signal = torch.from_numpy(example.audio.astype(np.float32))[None]
        stack = self.stacks(signal)[0]
        salience = torch.from_numpy(example.salience.astype(np.float32) / 255)
        view = refiner_features(stack, salience, bins, torch.from_numpy(np.isfinite(tracks)))
        place = bins_of_tracks(np.nan_to_num(example.truth, nan=60.0)) - bins.round()
        return view, place, torch.from_numpy(np.isfinite(example.truth))
