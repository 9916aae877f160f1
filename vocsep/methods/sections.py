"""Sections: a part that two or more sing is estimated a second time, as two voices.

A section is a wide comb (`vocsep.source.unison`), but its singers are 20 to 50 cents apart, and phases tell
their partials apart once their F0 are known: with both true F0 as voices of their own, two real singers a
part have 9.0 and 9.5 dB, with one estimated F0 and a wide comb 5.4 and 5.5 (two stretches of 35 s, SI-SDR of
seconds). Here both F0 are looked for in each voice's stem, from which the masks of the first estimate keep
the other voices (`vocsep.pitch.two_combs`). The mean of both estimates is better than either. SI-SDR of the
same stretches as a whole: 6.07 and 5.59 dB with wide combs alone, 6.58 and 5.95 by pairs, 6.59 and 5.99 by
the mean; synthetic sections of three and four 5.71 and 3.13, 5.80 and 2.76, 6.00 and 3.14 dB.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from vocsep.methods.mean import mean_of
from vocsep.methods.protocol import SourceEstimate
from vocsep.pitch.gaps import voiced_runs
from vocsep.pitch.two_combs import best_pairs
from vocsep.source.unison import OFFSETS
from vocsep.source.voice import SourceParameters
from vocsep.spectra import MASK_FFT, istft, stft

WIDE = 0.5  # outer combs against the own one, in the mean of the voices: single singers have at most .37
MOST = 6  # voices: twice as many are the most that are told apart at all
SPAN, STEP = 100.0, 10.0  # cents around a track in which two singers are looked for
SHORTEST = 5  # frames of a note in which they are

# F0 of voices ``(voices, frames)`` in Hz -> what is estimated with them.
Estimate = Callable[[Tensor], SourceEstimate]


def width(parameters: SourceParameters) -> float:
    """Share of the outermost combs of a voice against its own, while it sings: the mean of the voices; 0
    without shares."""
    if parameters.shares is None:
        return 0.0
    own, last = OFFSETS.index(0.0), len(OFFSETS) - 1
    ratios = []
    for shares, f0 in zip(parameters.shares[0], parameters.f0[0], strict=True):
        if (f0 > 0).any():
            mean = shares[f0 > 0].mean(dim=0)
            ratios.append(float((mean[0] + mean[last]) / mean[own].clamp_min(1e-6)))
    return sum(ratios) / len(ratios) if ratios else 0.0


def are_sections(estimated: SourceEstimate) -> bool:
    """Whether the voices of a first estimate are wider than those of single singers. In a room nobody knows:
    its tails make combs as wide."""
    if estimated.parameters is None or estimated.room is not None or not 1 < len(estimated.masks) <= MOST:
        return False
    return width(estimated.parameters) > WIDE


def as_pairs(mixture: Tensor, f0: Tensor, estimated: SourceEstimate, estimate: Estimate) -> SourceEstimate:
    """Every voice as two: its two F0 are found in its stem, and what both claim is added up; then the mean of
    both estimates.

    Args:
        mixture: ``(samples,)`` at 16 kHz.
        f0: ``(voices, frames)`` Hz, 0 where unvoiced.
        estimated: with these F0.
        estimate: does it again.

    Returns:
        The parameters are those of the first estimate, which has one source model a voice.
    """
    voices, spectrum = len(f0), stft(mixture, MASK_FFT)
    stems = istft(estimated.masks * spectrum, mixture.shape[-1], MASK_FFT)
    pairs = estimate(pairs_of_f0(stems, f0).flatten(0, 1))

    def added(of_singers: Tensor | None) -> Tensor | None:
        return None if of_singers is None else of_singers[:voices] + of_singers[voices:]

    masks = pairs.masks[:voices] + pairs.masks[voices:]
    both = replace(pairs, masks=masks, powers=added(pairs.powers), correction=added(pairs.correction))
    return mean_of(spectrum.abs(), estimated, both)


def pairs_of_f0(stems: Tensor, f0: Tensor) -> Tensor:
    """Two F0 for each voice: those of the pair of combs that explain its stem best, in each note.

    Args:
        stems: ``(voices, samples)`` at 16 kHz.
        f0: ``(voices, frames)`` Hz, 0 where unvoiced.

    Returns:
        ``(2, voices, frames)`` Hz, the higher first; the same twice in very short notes.
    """
    found = torch.stack((f0, f0))
    for voice, (stem, track) in enumerate(zip(stems.cpu().numpy(), f0.cpu().double().numpy(), strict=True)):
        for first, last in voiced_runs(track > 0):
            if last - first >= SHORTEST:
                line = 69 + 12 * np.log2(track[first:last] / 440)
                cents = best_pairs(stem, line, first, SPAN, STEP).cents
                factors = torch.from_numpy(2 ** (cents / 1200)).to(found)
                found[:, voice, first:last] *= factors
    return found
