"""Training of the salience network on synthetic singing.

Each step mixes voices of a repertoire anew: a random number of them, of the same score or of different ones,
at random levels, coloured by a random recording, with noise. The target is a Gaussian around each true F0 in
each frame.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vocsep.model import load_model, save_model
from vocsep.pitch.harmonic_stack import BINS, HOP_COARSE, bins_of
from vocsep.pitch.salience import SalienceNetwork, SalienceSettings, restore_network
from vocsep.singers.chorales import chorales_to_sing
from vocsep.singers.repertoire import Repertoire, sing_repertoire
from vocsep.singers.room import background, coloured
from vocsep.spectra import HOP, SAMPLE_RATE
from vocsep.training.pitch_learning import TrainingProgress, learn

SIGMA = 0.8  # F0 bins, width of the target
WEIGHT = 3.0  # of positives: a missed note costs more than a false one
SECONDS = 4.0  # of each example


def salience_target(f0: Tensor) -> Tensor:
    """``(batch, voices, frames)`` in Hz, 0 = unvoiced -> ``(batch, BINS, frames)``, 1 at each sung F0."""
    position = bins_of(f0.clamp_min(1.0))[:, :, None, :]
    bins = torch.arange(BINS, device=f0.device)[None, None, :, None]
    return torch.exp(-0.5 * ((bins - position) / SIGMA) ** 2).amax(dim=1)


class Mixer:
    """Draws examples from a repertoire: ``(batch, samples)`` and F0 ``(batch, 8, frames)``, a frame every
    ``hop`` samples (a multiple of `HOP`).
    """

    def __init__(self, repertoire: Repertoire, seed: int, hop: int = HOP_COARSE) -> None:
        self.hop = hop
        self.repertoire = repertoire
        self.rng = np.random.default_rng(seed)
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


def salience_loss(logits: Tensor, f0: Tensor) -> Tensor:
    """Cross-entropy against the Gaussian targets, positives weighted, mean over bins and frames."""
    weight = torch.tensor(WEIGHT, device=logits.device)
    return nn.functional.binary_cross_entropy_with_logits(logits, salience_target(f0), pos_weight=weight)


def train_network(
    network: SalienceNetwork,
    mixer: Mixer,
    *,
    seconds: float,
    batch: int = 8,
    learning_rate: float = 2e-3,
    steps: int | None = None,
    progress: Callable[[TrainingProgress], None] | None = None,
    checkpoint: Callable[[SalienceNetwork, int], None] | None = None,
) -> int:
    """Train for ``seconds`` seconds or ``steps`` steps, as `vocsep.training.pitch_learning.learn` says.

    Returns:
        the number of steps done.
    """

    def prepare() -> tuple[Tensor, ...]:
        signals, f0 = mixer.batch(batch)
        with torch.no_grad():
            stack: Tensor = network.stack(signals)
        return stack, f0

    return learn(
        network,
        prepare,
        salience_loss,
        seconds=seconds,
        learning_rate=learning_rate,
        steps=steps,
        progress=progress,
        checkpoint=checkpoint,
    )


def save_network(network: SalienceNetwork, path: Path, card: dict[str, Any]) -> None:
    """Write weights, settings and card as one model file."""
    save_model(path, dict(network.state_dict()), kind="pitch", settings=network.settings.to_dict(), card=card)


def train_pitch(
    output: Path,
    *,
    minutes: float = 60.0,
    seed: int = 1,
    singers: int = 1600,
    workers: int = 2,
    settings: SalienceSettings | None = None,
    start: Path | None = None,
    chorales: bool | None = None,
    meetings: float = 0.0,
    progress: Callable[[TrainingProgress], None] | None = None,
) -> Path:
    """Sing ``singers`` quartets, train a network on them for ``minutes`` and save it as ``output``.

    Args:
        output: the model file.
        minutes: of training; the singing comes on top.
        seed: of scores, singers, mixing and random weights.
        singers: quartets to sing. workers: processes that sing.
        settings: sizes of a new network.
        start: a model whose training is continued, instead of a new network.
        chorales: whether half of the scores are Bach's; by default where music21 is installed.
        meetings: share of the quartets whose voices meet (`vocsep.singers.meetings`).
        progress: told after every step.

    Raises:
        DependencyError: chorales are asked for and music21 is not installed.
        ModelError: ``start`` is no pitch model of this version.
    """
    torch.manual_seed(seed)
    bach = chorales_to_sing(chorales)
    repertoire = sing_repertoire(singers, 2 * SECONDS, seed, workers, chorales=bach, meeting_share=meetings)
    network = SalienceNetwork(settings)
    if start is not None:
        stored = load_model(start, "pitch")
        network = restore_network(stored)

    def keep(current: SalienceNetwork, step: int) -> None:
        save_network(current, output, {"unfinished_at_step": step})

    steps = train_network(
        network, Mixer(repertoire, seed), seconds=60 * minutes, progress=progress, checkpoint=keep
    )
    card = {
        "seed": seed,
        "quartets": singers,
        "minutes": minutes,
        "steps": steps,
        "data": "synthetic singing only",
        "chorales": len(bach),
        "continued": start is not None,
    }
    save_network(network, output, card)
    return output
