"""Mixtures of a repertoire: training examples of the salience network, and what the refiner listens to.

Each example mixes voices anew: a random number of them, of the same score or of different ones, at random
levels, coloured by a random recording, with noise.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from vocsep.pitch.harmonic_stack import HOP_COARSE
from vocsep.singers.repertoire import Repertoire
from vocsep.singers.room import background, coloured
from vocsep.spectra import HOP, SAMPLE_RATE
from vocsep.training.examples import Sampler

SECONDS = 4.0  # of each example


class Mixer(Sampler):
    """Draws examples from a repertoire: ``(batch, samples)`` and F0 ``(batch, 8, frames)``, a frame every
    ``hop`` samples (a multiple of `HOP`).
    """

    def __init__(self, repertoire: Repertoire, seed: int | Sequence[int], hop: int = HOP_COARSE) -> None:
        super().__init__(seed)
        self.hop = hop
        self.repertoire = repertoire
        self.samples = round(SECONDS * SAMPLE_RATE) // HOP_COARSE * HOP_COARSE

    def example(self) -> tuple[np.ndarray, np.ndarray]:
        rng, songs = self.rng, self.repertoire
        voices = int(rng.choice((0, 1, 2, 3, 4, 5, 6, 8), p=(0.08, 0.10, 0.13, 0.15, 0.34, 0.08, 0.07, 0.05)))
        rows = [(int(rng.integers(songs.songs)), int(part)) for part in rng.permutation(4)]
        if rng.random() < 0.6:  # companions of one score, in harmony
            rows = [(rows[0][0], part) for _, part in rows]
        rows += [(int(rng.integers(songs.songs)), int(part)) for part in rng.permutation(4)]
        last = songs.audio.shape[-1] - self.samples
        mixture = np.zeros(self.samples)
        f0 = np.zeros((8, self.samples // self.hop + 1), np.float32)
        starts: dict[int, int] = {}
        weakest = -22.0 if rng.random() < 0.5 else -8.0
        for slot, (song, part) in enumerate(rows[:voices]):
            start = starts.setdefault(song, int(rng.integers(0, last // HOP + 1)) * HOP)
            gain = 10 ** (rng.uniform(weakest, 3.0) / 20) / songs.level[song, part]
            mixture += gain * songs.audio[song, part, start : start + self.samples]
            frame = start // HOP
            f0[slot] = songs.f0[song, part, frame : frame + self.samples // HOP + 1 : self.hop // HOP]
        if voices == 0:
            mixture = self._nobody()
        return self._recorded(mixture), f0

    def _nobody(self) -> np.ndarray:
        """Sound without a singer: noise, in bursts or steady, a lone tone, mains hum."""
        rng, time = self.rng, np.arange(self.samples) / SAMPLE_RATE
        sound = background(rng, self.samples)
        if rng.random() < 0.5:
            beat = rng.uniform(0.1, 1.0)
            sound = sound * np.exp(-(time % beat) * rng.uniform(5, 60))
        kind = rng.random()
        if kind < 0.35:
            tone = np.sin(2 * np.pi * np.exp(rng.uniform(np.log(40), np.log(4000))) * time)
            sound = tone + sound * 10 ** (rng.uniform(-80, -10) / 20)
        elif kind < 0.5:  # perfectly steady partials, as no larynx makes them
            mains = rng.choice((50.0, 60.0)) * np.arange(1, 11)
            hum = np.sin(2 * np.pi * mains[:, None] * time + rng.uniform(0, 2 * np.pi, (10, 1)))
            sound = rng.uniform(0, 1, 10) ** 2 @ hum + sound * 10 ** (rng.uniform(-80, -10) / 20)
        return np.asarray(sound)

    def _recorded(self, mixture: np.ndarray) -> np.ndarray:
        """The mixture through a random recording: colour, noise, now and then clipping."""
        rng = self.rng
        mixture = coloured(rng, mixture)
        scale = np.sqrt(np.mean(mixture**2)) + 1e-6
        mixture = mixture + scale * 10 ** (rng.uniform(-75, -14) / 20) * background(rng, len(mixture))
        mixture /= np.abs(mixture).max() + 1e-9
        if rng.random() < 0.05:
            mixture = np.clip(mixture, -0.5, 0.5)
        return mixture * 10 ** (rng.uniform(-30, 0) / 20)

    def batch(self, size: int) -> tuple[Tensor, Tensor]:
        examples = [self.example() for _ in range(size)]
        signals = torch.from_numpy(np.stack([signal for signal, _ in examples]).astype(np.float32))
        return signals, torch.from_numpy(np.stack([f0 for _, f0 in examples]))
