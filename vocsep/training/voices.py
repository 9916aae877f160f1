"""Training of the shipped estimator: without supervision, on mixtures of synthetic singers.

The network hears only mixtures and their F0; the isolated voices that the singers could give are never shown.
The F0 is what a pitch stage would give: some notes are missing, edges are late, some frequencies are off.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vocsep.estimator.network import Estimator, EstimatorSettings
from vocsep.estimator.stored import save_estimator
from vocsep.singers.repertoire import Repertoire, sing_repertoire
from vocsep.spectra import HOP, SAMPLE_RATE
from vocsep.training.excerpts import Excerpts
from vocsep.training.loop import Objective, Trainer, train_steps
from vocsep.training.schedule import Progress, Schedule

SECONDS = 4.0  # of an excerpt
HELD_OUT = 3  # batches that are never learned from


def _worn(f0: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """F0 ``(voices, frames)`` as an estimator would give it: a few per cent of frames missing or off."""
    worn = f0 * 2 ** (rng.normal(0, 0.05, f0.shape) / 12).astype(np.float32)
    for track in worn:
        for _ in range(rng.poisson(1.0)):
            first = int(rng.integers(len(track)))
            track[first : first + int(rng.integers(2, 25))] *= rng.choice((0.0, 0.0, 2 ** (1 / 12), 2.0))
    return worn


def synthetic_excerpts(
    songs: Repertoire, batch: int, seed: int, voices: tuple[int, ...] = (1, 2, 3, 4, 4, 4, 5, 6)
) -> Iterator[Excerpts]:
    """Batches of synthetic mixtures without end; all mixtures of a batch have the same number of voices."""
    rng = np.random.default_rng(seed)
    samples = round(SECONDS * SAMPLE_RATE) // HOP * HOP
    while True:
        count = int(rng.choice(voices))
        mixtures: list[NDArray[np.floating]] = []
        tracks: list[NDArray[np.floating]] = []
        while len(mixtures) < batch:
            start = int(rng.integers(0, (songs.audio.shape[-1] - samples) // HOP + 1)) * HOP
            first, second = rng.integers(songs.songs, size=2)
            rows = [(first, part) for part in rng.permutation(4)] + [
                (second, part) for part in rng.permutation(4)
            ]
            gains = [10 ** (rng.uniform(-14, 3) / 20) / songs.level[row] for row in rows[:count]]
            parts = [g * songs.audio[r][start : start + samples] for g, r in zip(gains, rows, strict=False)]
            mixture = np.sum(parts, axis=0)
            peak = np.abs(mixture).max()
            if peak < 1e-3:
                continue
            mixtures.append(mixture / peak)
            f0 = np.stack(
                [songs.f0[row][start // HOP : (start + samples) // HOP + 1] for row in rows[:count]]
            )
            tracks.append(_worn(f0, rng))
        yield Excerpts(_tensor(mixtures), _tensor(tracks))


def _tensor(arrays: list[NDArray[np.floating]]) -> Tensor:
    return torch.from_numpy(np.stack(arrays).astype(np.float32))


def train_voices(
    output: Path,
    *,
    minutes: float = 30.0,
    seed: int = 1,
    songs: Repertoire | int = 800,
    workers: int = 2,
    batch: int = 8,
    settings: EstimatorSettings | None = None,
    learning_rate: float = 2e-3,
    objective: Objective = "power",
    progress: Callable[[Progress], None] | None = None,
) -> Trainer:
    """Sing a repertoire, train an estimator on its mixtures for ``minutes`` and save it as ``output``."""
    torch.manual_seed(seed)
    if isinstance(songs, int):
        songs = sing_repertoire(songs, 2 * SECONDS, seed, workers)
    estimator = Estimator(settings)
    trainer = Trainer(estimator, objective=objective, seed=seed)
    stock = synthetic_excerpts(songs, batch, seed + 1, voices=(4,))
    held_out = [next(stock) for _ in range(HELD_OUT)]
    schedule = Schedule(seconds=60 * minutes, learning_rate=learning_rate, judge_every=100)
    card = {"data": "mixtures of synthetic singers, unsupervised", "quartets": songs.songs, "seed": seed}

    def keep() -> None:
        save_estimator(output, estimator, {**card, "unfinished_at_step": trainer.at.step})

    batches = synthetic_excerpts(songs, batch, seed)
    train_steps(trainer, batches, held_out, schedule, progress=progress, checkpoint=keep)
    trainer.use_best()
    at = trainer.at
    card |= {"objective": objective, "minutes": minutes, "steps": at.step, "best_step": at.best_step}
    save_estimator(output, estimator, {**card, "held_out_loss": round(at.best, 4)})
    return trainer
