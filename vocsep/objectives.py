"""What training minimises: how far the voices are from the mixture, or from the stems that are at hand.

Unsupervised (the paper, section III-C): the voices together are compared with the mixture. Supervised
(section IV-B): each voice is compared with its own stem, and these source losses are added. Where stems of
some voices are at hand, the losses of mixture and sources are added (`Supervision`).

Each comparison is made in one of two ways (`Objective`): of waveforms by the multi-scale spectral loss (13),
(14), or of the powers that source models expect with magnitudes (`vocsep.divergence`), which is what masks
are made of and costs a third.
"""

from typing import Literal

import torch
from torch import Tensor

from vocsep.divergence import magnitude_divergence
from vocsep.excerpts import Excerpts
from vocsep.loss import multi_scale_spectral_loss
from vocsep.masks import comb_powers, voice_powers
from vocsep.source.voice import SourceParameters, synthesise
from vocsep.spectra import HOP, MASK_FFT, stft

Objective = Literal["sound", "power"]
Supervision = Literal["none", "partly", "full"]  # stems ignored; used where at hand; nothing but stems
Target = Literal["mixture", "sources"]

POWER_HOP = 2 * HOP  # samples: windows of 128 ms need not be compared every 16 ms


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


def training_loss(
    objective: Objective,
    target: Target,
    parameters: SourceParameters,
    excitation: Tensor,
    excerpts: Excerpts,
    noise_seed: int,
) -> Tensor:
    """Mean over the batch of the mixture's loss, or of the sum of the losses of the sources at hand.

    Args:
        objective: ``sound`` or ``power``.
        target: what the voices are compared with.
        parameters: estimated from the batch.
        excitation: ``(batch, voices, samples)``.
        excerpts: the batch; with stems where the target is ``sources``.
        noise_seed: of the synthesised noise (``sound``).

    Returns:
        A scalar.

    Raises:
        ValueError: there are no stems to compare with.
    """
    sources, given = excerpts.sources, excerpts.given
    if target == "sources" and (sources is None or given is None):
        raise ValueError("the loss of sources needs stems")
    if objective == "power":
        return _power_loss(target, parameters, excitation, excerpts)
    voices = synthesise(parameters, excerpts.mixture.shape[-1], excitation=excitation, seed=noise_seed)
    if target == "mixture" or sources is None or given is None:
        return multi_scale_spectral_loss(voices.sum(dim=1), excerpts.mixture)
    loss = multi_scale_spectral_loss(voices[given], sources[given])
    return loss * (given.sum() / len(given))  # it is a mean over stems, wanted is their sum


def _power_loss(
    target: Target, parameters: SourceParameters, excitation: Tensor, excerpts: Excerpts
) -> Tensor:
    """Mean divergence of a batch; one recording at a time, which keeps its blocks in the cache.

    Everything is in units of the mixture's mean magnitude, so that a loud voice counts for more than a soft
    one, as it does in the mixture.
    """
    mixture = excerpts.mixture
    total = mixture.new_zeros(())
    for i, signal in enumerate(mixture):
        with torch.no_grad():
            magnitudes = stft(signal, MASK_FFT, POWER_HOP).abs()
            scale = magnitudes.mean().clamp_min(1e-9)
            combs = comb_powers(excitation[i], POWER_HOP)
        sparse = parameters.batch_slice(i, i + 1).frames_slice(0, None, POWER_HOP // HOP)
        powers = voice_powers(sparse, combs) / scale**2
        if target == "mixture" or excerpts.sources is None or excerpts.given is None:
            total = total + magnitude_divergence(powers.sum(dim=0), magnitudes / scale)
            continue
        given = excerpts.given[i]
        with torch.no_grad():
            stems = stft(excerpts.sources[i][given], MASK_FFT, POWER_HOP).abs() / scale
        total = total + magnitude_divergence(powers[given], stems) * len(stems)
    return total / len(mixture)
