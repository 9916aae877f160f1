"""Training of the shipped estimator: without supervision, on mixtures of synthetic singers.

The network hears only mixtures and their F0; the isolated voices that the singers could give are never shown.
The F0 is what a pitch stage would give: some notes are missing, edges are late, some frequencies are off.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vocsep.estimator.network import Estimator, EstimatorSettings
from vocsep.estimator.stored import estimator_from, save_estimator
from vocsep.singers.repertoire import Repertoire
from vocsep.spectra import HOP, SAMPLE_RATE
from vocsep.training.estimator import EstimatorTask
from vocsep.training.examples import TRAINING, VALIDATION, Sampler, held_out
from vocsep.training.excerpts import Excerpts
from vocsep.training.schedule import Schedule
from vocsep.training.settings import TrainingSettings
from vocsep.training.train import Prepared, Recipe, Tell, prepared, sing

SECONDS = 4.0  # of an excerpt
BATCH = 8  # excerpts
VALIDATED = 3  # batches
OFTEN = (1, 2, 3, 4, 4, 4, 5, 6)  # how many may sing in the excerpts of a batch
SCHEDULE = Schedule(learning_rate=2e-3, validate_every=100)


def _worn(f0: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """F0 ``(voices, frames)`` as an estimator would give it: a few per cent of frames missing or off."""
    worn = f0 * 2 ** (rng.normal(0, 0.05, f0.shape) / 12).astype(np.float32)
    for track in worn:
        for _ in range(rng.poisson(1.0)):
            first = int(rng.integers(len(track)))
            track[first : first + int(rng.integers(2, 25))] *= rng.choice((0.0, 0.0, 2 ** (1 / 12), 2.0))
    return worn


class SyntheticMixtures(Sampler):
    """Draws batches of synthetic mixtures; all mixtures of a batch have the same number of voices.

    Args:
        songs: to mix.
        seed: of all that is random.
        voices: how many may sing, each count as likely as it is frequent here.
    """

    def __init__(self, songs: Repertoire, seed: int | Sequence[int], voices: tuple[int, ...] = OFTEN) -> None:
        super().__init__(seed)
        self.songs, self.voices = songs, voices
        self.samples = round(SECONDS * SAMPLE_RATE) // HOP * HOP

    def batch(self, size: int) -> Excerpts:
        """``size`` mixtures of peak 1 and the F0 of their voices."""
        count = int(self.rng.choice(self.voices))
        mixtures: list[NDArray[np.floating]] = []
        tracks: list[NDArray[np.floating]] = []
        while len(mixtures) < size:
            mixture, f0 = self._mixture(count)
            peak = np.abs(mixture).max()
            if peak < 1e-3:
                continue
            mixtures.append(mixture / peak)
            tracks.append(_worn(f0, self.rng))
        return Excerpts(_tensor(mixtures), _tensor(tracks))

    def _mixture(self, count: int) -> tuple[NDArray[np.floating], NDArray[np.float32]]:
        """Sound and F0 ``(count, frames)`` of voices of one score, beyond four of a second one."""
        songs, rng = self.songs, self.rng
        start = int(rng.integers(0, (songs.audio.shape[-1] - self.samples) // HOP + 1)) * HOP
        scores = rng.integers(songs.songs, size=2)
        rows = [(score, part) for score in scores for part in rng.permutation(4)][:count]
        gains = [10 ** (rng.uniform(-14, 3) / 20) / songs.level[row] for row in rows]
        parts = [g * songs.audio[r][start : start + self.samples] for g, r in zip(gains, rows, strict=True)]
        frames = slice(start // HOP, (start + self.samples) // HOP + 1)
        return np.sum(parts, axis=0), np.stack([songs.f0[row][frames] for row in rows])


def _tensor(arrays: list[NDArray[np.floating]]) -> Tensor:
    return torch.from_numpy(np.stack(arrays).astype(np.float32))


def prepare_voices(network: Estimator, settings: TrainingSettings, tell: Tell) -> Prepared[Excerpts]:
    """Sing quartets, of which some are kept for validation: those are mixtures of four."""
    songs, _ = sing(settings, 2 * SECONDS, tell, chorales=False)
    learned, kept = held_out(songs)
    mixers = (
        SyntheticMixtures(learned, (settings.seed, TRAINING)),
        SyntheticMixtures(kept, (settings.seed, VALIDATION), voices=(4,)),
    )
    task = EstimatorTask(network, objective="power")
    said = {"data": "mixtures of synthetic singers, unsupervised", "objective": "power"}
    return prepared(task, mixers, lambda mixer: mixer.batch(BATCH), VALIDATED, **said)


VOICES = Recipe(
    "voices",
    lambda sizes: Estimator(EstimatorSettings.from_dict(sizes)),
    estimator_from,
    prepare_voices,
    SCHEDULE,
    lambda network, path, card: save_estimator(path, network, card),
)
