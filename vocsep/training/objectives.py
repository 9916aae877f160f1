"""What training minimises: how far the voices are from the mixture, or from the stems that are at hand.

Unsupervised (the paper, section III-C): the voices together are compared with the mixture. Supervised
(section IV-B): each voice is compared with its own stem, and these source losses are added. Where stems of
some voices are at hand, the losses of mixture and sources are added (`Supervision`).

Each comparison is made in one of two ways (`Objective`): of waveforms by the multi-scale spectral loss (13),
(14), or of the powers that source models expect with magnitudes (`vocsep.estimator.divergence`), which is
what masks are made of and costs a third. Powers are those heard in rooms where these are given
(`vocsep.training.rooms`).
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from vocsep.estimator.divergence import magnitude_divergence
from vocsep.estimator.long_spectra import COMPARED, LONG_FFT, LongSpectra
from vocsep.source.excitation import glottal_tilt
from vocsep.source.powers import PowerFactors, mask_frequencies
from vocsep.source.voice import SourceParameters, synthesise
from vocsep.spectra import HOP, power_spectrogram
from vocsep.training.excerpts import Excerpts, Supervision
from vocsep.training.loss import multi_scale_spectral_loss
from vocsep.training.rooms import Rooms

Objective = Literal["sound", "power"]
Target = Literal["mixture", "sources"]


def targets_of(excerpts: Excerpts, supervision: Supervision) -> tuple[Target, ...]:
    """What a batch is compared with: the mixture, the stems at hand, or both.

    A voice alone has one target: its stem is the mixture.
    """
    if excerpts.sources is None or supervision == "none":
        return ("mixture",)
    return ("sources",) if excerpts.alone or supervision == "full" else ("mixture", "sources")


def learning_names(excerpts: Excerpts, target: Target) -> tuple[str | None, ...] | None:
    """Names of the voices while they are learned; None where none of them has any.

    The mixture teaches what all voices share, so there nobody has a name. A decoder of a part's own learns
    from stems of that part.
    """
    if excerpts.names is None:
        return None
    if target == "mixture" or excerpts.given is None:
        return (None,) * len(excerpts.names)
    given = excerpts.given[0].tolist()
    return tuple(name if own else None for name, own in zip(excerpts.names, given, strict=True))


def training_losses(
    objective: Objective,
    targets: Sequence[Target],
    parameters: SourceParameters,
    excitation: Tensor,
    excerpts: Excerpts,
    noise_seed: int,
    rooms: Rooms | None = None,
    spectra: LongSpectra | None = None,
) -> dict[Target, Tensor]:
    """Means over the batch: of the mixture's loss, and of the sum of the losses of the sources at hand.

    Args:
        objective: ``sound`` or ``power``.
        targets: what the voices are compared with.
        parameters: estimated from the batch, of all frames or (``power``) of every `COMPARED`-th alone.
        excitation: ``(batch, voices, samples)``.
        excerpts: the batch; with stems where the targets hold ``sources``.
        noise_seed: of the synthesised noise (``sound``).
        rooms: of the recordings (``power``); None: voices have no tails.
        spectra: of mixtures and excitations (``power``), of every `COMPARED`-th frame, if they have been
            computed before.

    Returns:
        A scalar for each target.

    Raises:
        ValueError: there are no stems to compare with.
    """
    if "sources" in targets and excerpts.sources is None:
        raise ValueError("the loss of sources needs stems")
    if objective == "power":
        spectra = spectra or LongSpectra.of(excerpts.mixture, excitation, COMPARED)
        losses = _power_losses(parameters, spectra, excerpts, targets, rooms)
    else:
        losses = _sound_losses(parameters, excitation, excerpts, noise_seed, targets)
    return {target: losses[target] for target in targets}


def _sound_losses(
    parameters: SourceParameters,
    excitation: Tensor,
    excerpts: Excerpts,
    noise_seed: int,
    targets: Sequence[Target],
) -> dict[Target, Tensor]:
    """Multi-scale spectral loss of the synthesised voices, the excerpt's peak being 1."""
    sources, given = excerpts.sources, excerpts.given
    voices = synthesise(parameters, excerpts.mixture.shape[-1], excitation=excitation, seed=noise_seed)
    losses: dict[Target, Tensor] = {}
    if "mixture" in targets:
        losses["mixture"] = multi_scale_spectral_loss(voices.sum(dim=1), excerpts.mixture)
    if "sources" in targets and sources is not None and given is not None:
        loss = multi_scale_spectral_loss(voices[given], sources[given])
        losses["sources"] = loss * (given.sum() / len(given))  # a mean over stems, wanted is their sum
    return losses


def _power_losses(
    parameters: SourceParameters,
    spectra: LongSpectra,
    excerpts: Excerpts,
    targets: Sequence[Target],
    rooms: Rooms | None,
) -> dict[Target, Tensor]:
    """Divergence of expected powers; one recording at a time, which keeps its blocks in the cache.

    Everything is in units of the mixture's mean magnitude, so that a loud voice counts for more than a soft
    one, as it does in the mixture.
    """
    losses = {target: excerpts.mixture.new_zeros(()) for target in targets}
    if parameters.frames != spectra.mixture.shape[1]:
        parameters = parameters.frames_slice(0, None, COMPARED)
    tilt = glottal_tilt(mask_frequencies(spectra.combs.device)).square()
    for i, factors in enumerate(PowerFactors.of(parameters).recordings()):
        with torch.no_grad():
            magnitudes = spectra.mixture[i].sqrt()
            scale = magnitudes.mean().clamp_min(1e-9)
            combs = spectra.combs[i] * (tilt / scale**2)
        powers = factors.powers(combs, 1 / scale**2)
        if rooms is not None and excerpts.recordings is not None:
            sung_in = excerpts.recordings[i].tolist()
            powers = rooms(powers, sung_in, COMPARED, apart="sources" in targets)
        if "mixture" in targets:
            together = magnitude_divergence(powers.sum(dim=0), magnitudes / scale)
            losses["mixture"] = losses["mixture"] + together
        if "sources" in targets and excerpts.sources is not None and excerpts.given is not None:
            given = excerpts.given[i]
            with torch.no_grad():
                alone = power_spectrogram(excerpts.sources[i][given], LONG_FFT, COMPARED * HOP)
                stems = alone.sqrt_() / scale
            apart = magnitude_divergence(powers[given], stems) * len(stems)
            losses["sources"] = losses["sources"] + apart
    return {target: loss / len(excerpts.mixture) for target, loss in losses.items()}
