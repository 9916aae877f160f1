"""Training of the refiner on synthetic singing: what the first estimate heard, and what was sung."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vocsep.model import load_model, save_model, shipped_model
from vocsep.pitch.refiner import RefinerNetwork, RefinerSettings, restore_refiner
from vocsep.pitch.refiner_features import REACH
from vocsep.pitch.salience import restore_network
from vocsep.singers.chorales import chorales_to_sing
from vocsep.singers.repertoire import sing_repertoire
from vocsep.spectra import HOP
from vocsep.training.pitch import SIGMA, Mixer
from vocsep.training.pitch_learning import TrainingProgress, learn
from vocsep.training.refiner_examples import RefinerSampler, make_examples

SECONDS = 8.0  # of each quartet that is sung
BATCH = 4  # examples, of one to six voices each


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


def train_refiner(
    output: Path,
    *,
    minutes: float = 40.0,
    seed: int = 1,
    singers: int = 1600,
    examples: int = 2000,
    workers: int = 2,
    settings: RefinerSettings | None = None,
    pitch_model: Path | None = None,
    start: Path | None = None,
    chorales: bool | None = None,
    meetings: float = 0.0,
    progress: Callable[[str, TrainingProgress], None] | None = None,
) -> Path:
    """Sing ``singers`` quartets, listen to ``examples`` mixtures of them, train a refiner and save it.

    Args:
        output: the model file.
        minutes: of training; singing and listening come on top.
        seed: of scores, singers, mixing and random weights.
        singers: quartets to sing. examples: mixtures. workers: processes that sing.
        settings: sizes of a new network.
        pitch_model: the first estimate; the shipped one by default.
        start: a model whose training is continued, instead of a new network.
        chorales: whether half of the scores are Bach's; by default where music21 is installed.
        meetings: share of the quartets whose voices meet (`vocsep.singers.meetings`).
        progress: told the stage, ``listening`` or ``learning``, and where it stands.

    Raises:
        DependencyError: chorales are asked for and music21 is not installed.
        ModelError: ``start`` or ``pitch_model`` is no model of its kind.
    """
    torch.manual_seed(seed)
    told = progress or (lambda stage, at: None)
    first = load_model(pitch_model or shipped_model("pitch"), "pitch")
    ears = restore_network(first)
    network = RefinerNetwork(settings)
    if start is not None:
        stored = load_model(start, "refiner")
        network = restore_refiner(stored)
    bach = chorales_to_sing(chorales)
    repertoire = sing_repertoire(singers, SECONDS, seed, workers, chorales=bach, meeting_share=meetings)
    taken = make_examples(
        ears,
        Mixer(repertoire, seed, HOP),
        examples,
        lambda share: told("listening", TrainingProgress(share, 0, float("nan"))),
    )
    sampler = RefinerSampler(taken, seed)
    steps = learn(
        network,
        lambda: sampler.batch(BATCH),
        refiner_loss,
        seconds=60 * minutes,
        learning_rate=2e-3,
        progress=lambda at: told("learning", at),
        checkpoint=lambda current, step: save_refiner(current, output, {"unfinished_at_step": step}),
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
    save_refiner(network, output, card)
    return output


def save_refiner(network: RefinerNetwork, path: Path, card: dict[str, Any]) -> None:
    """Write weights, settings and card as one model file."""
    tensors = dict(network.state_dict())
    save_model(path, tensors, kind="refiner", settings=network.settings.to_dict(), card=card)
