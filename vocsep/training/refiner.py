"""Training of the refiner on synthetic singing: what the first estimate heard, and what was sung."""

import torch
from torch import Tensor

from vocsep.model import load_model, shipped_model
from vocsep.pitch.refiner import RefinerNetwork, RefinerSettings, restore_refiner
from vocsep.pitch.refiner_features import REACH
from vocsep.pitch.salience import restore_network
from vocsep.singers.repertoire import Repertoire
from vocsep.spectra import HOP
from vocsep.training.examples import Examples, samplers
from vocsep.training.pitch import SIGMA
from vocsep.training.pitch_examples import Mixer
from vocsep.training.refiner_examples import RefinerSampler, make_examples
from vocsep.training.schedule import Schedule
from vocsep.training.settings import TrainingSettings
from vocsep.training.task import NetworkTask
from vocsep.training.train import Prepared, Recipe, Tell, prepared, saving, sing

SECONDS = 8.0  # of each quartet that is sung
BATCH = 4  # examples, of one to six voices each
VALIDATED = 8  # batches
SCHEDULE = Schedule(learning_rate=2e-3, warm_up=100, validate_every=250, patience=None)


def refiner_loss(logits: Tensor, place: Tensor, sung: Tensor) -> Tensor:
    """Cross-entropy between the network's distribution over places and silence and the true one.

    A sung frame's target is a Gaussian around the true place; where that lies beyond the crop, the frame does
    not count, as no answer would be right.

    Args:
        logits: ``(voices, OFFSETS + 1, frames)``, silence last.
        place: ``(voices, frames)`` true F0 in bins from the middle of the crop.
        sung: ``(voices, frames)`` boolean.
    """
    offsets = torch.arange(-REACH, REACH + 1, device=logits.device)[None, :, None]
    density = torch.exp(-0.5 * ((offsets - place[:, None]) / SIGMA) ** 2)
    density = density / (density.sum(dim=1, keepdim=True) + 1e-9)
    target = torch.cat((density * sung[:, None], (~sung)[:, None].to(density.dtype)), dim=1)
    counts = ((place.abs() <= REACH) | ~sung).to(logits.dtype)
    entropy = -(target * torch.log_softmax(logits, dim=1)).sum(dim=1)
    return (entropy * counts).sum() / counts.sum().clamp_min(1.0)


def prepare_refiner(network: RefinerNetwork, settings: TrainingSettings, tell: Tell) -> Prepared[Examples]:
    """Sing quartets and listen to mixtures of them, of which some are kept for validation.

    Raises:
        ModelError: the pitch model is none.
    """
    ears = restore_network(load_model(settings.pitch_model or shipped_model("pitch"), "pitch"))
    songs, chorales = sing(settings, SECONDS, tell)

    def listen(part: Repertoire, seed: tuple[int, int], count: int) -> RefinerSampler:
        mixer = Mixer(part, seed, HOP)
        heard = make_examples(ears, mixer, count, lambda share: tell("listening", share))
        return RefinerSampler(heard, seed)

    drawers = samplers(songs, settings.examples, settings.seed, listen)
    task = NetworkTask(network, refiner_loss)
    return prepared(task, drawers, lambda s: Examples((s.batch(BATCH),)), VALIDATED, chorales=chorales)


REFINER = Recipe(
    "refiner",
    lambda sizes: RefinerNetwork(RefinerSettings(**sizes)),
    restore_refiner,
    prepare_refiner,
    SCHEDULE,
    saving("refiner"),
)
