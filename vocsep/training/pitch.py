"""Training of the salience network on synthetic singing.

Each step mixes voices of a repertoire anew (`vocsep.training.pitch_examples`). The target is a Gaussian
around each true F0 in each frame.
"""

from functools import partial

import torch
from torch import Tensor, nn

from vocsep.pitch.harmonic_stack import BINS, HarmonicStack, bins_of
from vocsep.pitch.salience import SalienceNetwork, SalienceSettings, restore_network
from vocsep.training.examples import Examples, samplers
from vocsep.training.pitch_examples import SECONDS, Mixer
from vocsep.training.schedule import Schedule
from vocsep.training.settings import TrainingSettings
from vocsep.training.task import NetworkTask
from vocsep.training.train import Prepared, Recipe, Tell, prepared, saving, sing

SIGMA = 0.8  # F0 bins, width of the target
WEIGHT = 3.0  # of positives: a missed note costs more than a false one
BATCH = 8  # examples
VALIDATED = 4  # batches
SCHEDULE = Schedule(learning_rate=2e-3, warm_up=100, validate_every=250, patience=None)


def salience_target(f0: Tensor) -> Tensor:
    """``(batch, voices, frames)`` in Hz, 0 = unvoiced -> ``(batch, BINS, frames)``, 1 at each sung F0."""
    position = bins_of(f0.clamp_min(1.0))[:, :, None, :]
    bins = torch.arange(BINS, device=f0.device)[None, None, :, None]
    return torch.exp(-0.5 * ((bins - position) / SIGMA) ** 2).amax(dim=1)


def salience_loss(logits: Tensor, f0: Tensor) -> Tensor:
    """Cross-entropy against the Gaussian targets, positives weighted, mean over bins and frames."""
    weight = torch.tensor(WEIGHT, device=logits.device)
    return nn.functional.binary_cross_entropy_with_logits(logits, salience_target(f0), pos_weight=weight)


@torch.no_grad()
def salience_examples(mixer: Mixer, batch: int, stack: HarmonicStack) -> Examples:
    """A batch that the network can learn from: harmonic stacks, and the F0 that is sung."""
    signals, f0 = mixer.batch(batch)
    return Examples(((stack(signals), f0),))


def prepare_pitch(network: SalienceNetwork, settings: TrainingSettings, tell: Tell) -> Prepared[Examples]:
    """Sing quartets, of which some are kept for validation."""
    songs, chorales = sing(settings, 2 * SECONDS, tell)
    stack = HarmonicStack()  # the network's own may be on another device
    mixers = samplers(songs, 0, settings.seed, lambda part, seed, count: Mixer(part, seed))
    task = NetworkTask(network, salience_loss)
    batch = partial(salience_examples, batch=BATCH, stack=stack)
    return prepared(task, mixers, batch, VALIDATED, chorales=chorales)


save_network = saving("pitch")
PITCH = Recipe(
    "pitch",
    lambda sizes: SalienceNetwork(SalienceSettings(**({"bins": BINS} | dict(sizes)))),
    restore_network,
    prepare_pitch,
    SCHEDULE,
    save_network,
)
