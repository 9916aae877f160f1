"""What the post-filter sees of a voice: the mixture, what the voice is expected to be in it, and the others.

Expected powers are smooth; the mixture is not. Where a partial beats, glides away from its track or begins
early, the mixture shows it. Besides levels, the view holds the *instantaneous frequency* of each bin, which
is the derivative of its phase (J. L. Flanagan and R. M. Golden, "Phase vocoder", Bell System Technical
Journal 1966): where one voice is louder than all others, it lies on one of that voice's harmonics.
"""

import math

import torch
from torch import Tensor

from vocsep.spectra import HOP, MASK_FFT, SAMPLE_RATE
from vocsep.spectra import power as power_of

BINS = 640  # from the lowest, up to 5 kHz, that the network is taught on
CHANNELS = 10
LEAST = 1e-9  # of power, in relation to the mixture's mean
NEAR = 0.5  # bins, how far an instantaneous frequency may lie from a harmonic and be on it
FAR = 3.0  # bins, what lies farther away is no farther


def instantaneous_frequency(spectrum: Tensor) -> Tensor:
    """Frequency of each bin from one frame to the next, ``(bins, frames) -> (bins, frames - 1)`` in bins.

    A HOP of MASK_FFT / 8 tells frequencies up to four bins around each bin apart.
    """
    bins = torch.arange(spectrum.shape[0], device=spectrum.device)[:, None]
    expected = 2 * math.pi * HOP / MASK_FFT
    turned = torch.angle(spectrum[:, 1:] * spectrum[:, :-1].conj()) - expected * bins
    return bins + (torch.remainder(turned + math.pi, 2 * math.pi) - math.pi) / expected


def _from_harmonics(frequency: Tensor, f0: Tensor) -> Tensor:
    """Distance of frequencies ``(bins, frames)`` to the nearest harmonic of ``(voices, frames)`` F0, in bins.

    Returns:
        ``(voices, bins, frames)``; FAR where the voice is silent.
    """
    known = f0[:, None].clamp_min(1.0)
    distance = frequency - known * (frequency / known).round().clamp_min(1)
    return torch.where(f0[:, None] > 0, distance.clamp(-FAR, FAR), FAR)


def _loudest_other(masks: Tensor) -> Tensor:
    """Of each voice's mask, the largest of the others; 0 of a lone voice's."""
    first, second = masks[0], torch.zeros_like(masks[0])
    for mask in masks[1:]:  # `topk` over the first dimension takes three times as long
        second = torch.maximum(second, torch.minimum(first, mask))
        first = torch.maximum(first, mask)
    return torch.where(masks == first, second, first)


def postfilter_features(
    spectrum: Tensor, powers: Tensor, masks: Tensor, f0: Tensor, mean: Tensor, bins: int = BINS
) -> Tensor:
    """The view of each voice.

    Args:
        spectrum: ``(bins, frames)`` complex STFT of the mixture, at least ``bins`` and two frames.
        powers: ``(voices, bins, frames)`` expected of each voice.
        masks: ``(voices, bins, frames)`` that follow from them.
        f0: ``(voices, frames)`` Hz, 0 where unvoiced.
        mean: power of the mixture in the mean of a longer stretch: the unit of all levels.
        bins: that are seen, from the lowest.

    Returns:
        ``(voices, CHANNELS, bins, frames)``, each channel roughly within -2 .. 2.
    """
    spectrum, powers, masks = spectrum[:bins], powers[:, :bins], masks[:, :bins]
    power = power_of(spectrum)
    level = torch.log10(power / mean + LEAST)
    expected = torch.log10(powers / mean + LEAST)
    misfit = level - torch.log10(powers.sum(dim=0) / mean + LEAST)
    claim = torch.log10(masks.clamp_min(1e-4))
    other = _loudest_other(masks)
    height = torch.linspace(-1, 1, BINS, device=power.device)[:bins, None].expand_as(power)
    frequency = instantaneous_frequency(spectrum)
    channels = [
        claim / 1.5 + 0.7,
        torch.log10(other.clamp_min(1e-4)) / 1.5 + 0.7,
        (level / 2 + 1).expand_as(claim),
        (misfit.clamp(-4, 4) / 1.5).expand_as(claim),
        expected / 2 + 1,
        height.expand_as(claim),
    ]
    pitch = f0 * (MASK_FFT / SAMPLE_RATE)
    before = torch.cat((frequency[:, :1], frequency), dim=1)
    after = torch.cat((frequency, frequency[:, -1:]), dim=1)
    for between in (before, after):
        distance = _from_harmonics(between, pitch)
        channels += [distance / 2, torch.exp(-0.5 * (distance / NEAR).square())]
    return torch.stack(channels, dim=1)
