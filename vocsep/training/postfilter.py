"""Training of the post-filter on synthetic singing: what was expected of each voice, and what it sang."""

import torch
from torch import Tensor

from vocsep.estimator.stored import load_estimator
from vocsep.filtering.postfilter import (
    PostfilterNetwork,
    PostfilterSettings,
    corrected,
    restore_postfilter,
)
from vocsep.pitch.estimate import PitchEstimator
from vocsep.singers.repertoire import Repertoire
from vocsep.spectra import HOP, SAMPLE_RATE
from vocsep.training.examples import Examples, samplers
from vocsep.training.postfilter_examples import make_examples
from vocsep.training.postfilter_sampler import PostfilterSampler
from vocsep.training.schedule import Schedule
from vocsep.training.settings import TrainingSettings
from vocsep.training.task import NetworkTask
from vocsep.training.train import Prepared, Recipe, Tell, prepared, saving, sing

SECONDS = 8.0  # of each quartet that is sung
SECTIONS = 0.2  # of the quartets: two to four singers a part
DRY = 0.5  # of the quartets: no room
BATCH = 2  # excerpts
VALIDATED = 16  # batches
SECOND = SAMPLE_RATE // HOP  # frames in which an error is scored as a whole
SILENT = 0.01  # of the mixture's energy: a voice below that is scored as if it had that
CAP = 1e-3  # of a voice's energy (-30 dB): there is little to gain below
SCHEDULE = Schedule(learning_rate=3e-3, warm_up=100, validate_every=250, patience=None)


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


def postfilter_loss(answer: Tensor, masks: Tensor, mixture: Tensor, stems: Tensor) -> Tensor:
    """`error_level` of the masks as the network's answer corrects them."""
    return error_level(corrected(masks, answer), mixture, stems)


def prepare_postfilter(
    network: PostfilterNetwork, settings: TrainingSettings, tell: Tell
) -> Prepared[Examples]:
    """Sing quartets and separate mixtures of them, of which some are kept for validation.

    Raises:
        ModelError: a model is none of its kind.
    """
    pitch, start = PitchEstimator(settings.pitch_model), load_estimator(settings.model).eval()
    songs, chorales = sing(settings, SECONDS, tell, section_share=SECTIONS, dry_share=DRY)

    def separate(part: Repertoire, seed: tuple[int, int], count: int) -> PostfilterSampler:
        heard = make_examples(part, pitch, start, count, seed, lambda share: tell("listening", share))
        return PostfilterSampler(heard, seed)

    def batch(sampler: PostfilterSampler) -> Examples:
        return Examples(tuple(sampler.excerpt() for _ in range(BATCH)))

    drawers = samplers(songs, settings.examples, settings.seed, separate)
    return prepared(NetworkTask(network, postfilter_loss), drawers, batch, VALIDATED, chorales=chorales)


save_postfilter = saving("postfilter")
POSTFILTER = Recipe(
    "postfilter",
    lambda sizes: PostfilterNetwork(PostfilterSettings(**sizes)),
    restore_postfilter,
    prepare_postfilter,
    SCHEDULE,
    save_postfilter,
)
