"""Octaves that nobody sings: the even partials of a singer in unison, heard as one more voice.

Of two singers on one note, the one with strong even partials and a vibrato of his own looks like a singer an
octave higher. The assignment has a voice to alternative, believes it, and all voices between move by one
place.
What tells the two apart lies between the partials of the octave: a singer on f has odd partials that move as
his even ones do, a singer on 2 f has none. So both are tried on the mixture, the octave as it was heard and
the same F0 an octave lower, beside the singer who is there already, with the levels of all voices by a
closed-form fit (`vocsep.estimator.features.projections_and_levels`).

In a hall the lower place gains by tails and not by a singer. So the octaves of the recording that are surely
sung are asked as well: where one in ten of them would rather stand lower, or where there are too few to tell,
all octaves stay; else a doubtful one falls if it gains more than almost all of these.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vocsep.estimator.bands import BandSums
from vocsep.estimator.features import QUIETEST, noise_normalised_power, projections_and_levels
from vocsep.estimator.long_spectra import LONG_FFT, LONG_HOP
from vocsep.pitch.candidates import Candidates, log_odds
from vocsep.pitch.gaps import voiced_runs, without_gaps
from vocsep.source.excitation import harmonic_excitation
from vocsep.source.powers import mask_frequencies
from vocsep.source.voice import band_matrix
from vocsep.spectra import HOP, SAMPLE_RATE, hann

Array = NDArray[np.float64]

OCTAVE = 12.0  # semitones
NEAR = 1.0  # semitones from an octave: singers in unison have vibratos of their own
GAP = 9  # frames, shorter interruptions are closed
SHORTEST, LONGEST = 0.5, 2.0  # s of an octave that are looked at
MARGIN = 12  # frames, heard on either side
BANDS = 14  # so wide that a voice cannot be without its odd partials
TOP = 4_000.0  # Hz, up to which mixtures are compared
FLOOR = 3e-5  # power, in units of the mixture's squared mean magnitude
DOUBTFUL = 1.5  # nats, mean log odds of salience: a note that is surer than this is sung
BETTER = 0.015  # of the mixture's magnitudes, by which the lower place must explain more
MOST, ALMOST_ALL = 90, 98  # per cent of the octaves that are surely sung
FEWEST, ASKED = 4, 16  # of these: fewer do not tell the room, and more are not looked at
FALL = 2.0  # nats that the salience of an octave loses


@dataclass(frozen=True)
class Octave:
    """Frames ``first`` to ``last`` (one past) in which voice ``upper`` is an octave above voice ``lower``."""

    first: int
    last: int
    upper: int
    lower: int


def octaves(pitch: Array) -> list[Octave]:
    """Where one track runs an octave above another for at least `SHORTEST` seconds.

    Args:
        pitch: ``(voices, frames)`` semitones, highest voice first, NaN = silent.
    """
    found = []
    for upper in range(len(pitch)):
        for lower in range(upper + 1, len(pitch)):
            apart = np.abs(pitch[upper] - pitch[lower] - OCTAVE) < NEAR  # NaN compares as false
            apart = without_gaps(apart, GAP) & np.isfinite(pitch[upper])
            runs = voiced_runs(apart)
            found += [Octave(a, b, upper, lower) for a, b in runs if (b - a) * HOP / SAMPLE_RATE >= SHORTEST]
    return found


@torch.inference_mode()
def unexplained(audio: NDArray[np.float32], pitch: Array) -> Array:
    """How much of each second frame the voices leave unexplained, with the best levels in broad bands.

    The generalised Kullback-Leibler divergence of magnitudes (`vocsep.estimator.divergence`) below `TOP`,
    divided by the sum of the frame's magnitudes.

    Args:
        audio: ``(samples,)`` mono at 16 kHz.
        pitch: ``(..., voices, frames)`` semitones, NaN = silent; of guesses that are compared, each track is
            sounded once.

    Returns:
        ``(..., frames)``, a frame every `LONG_HOP` samples.
    """
    f0 = np.nan_to_num(440.0 * 2 ** ((pitch - 69) / 12)).astype(np.float32)
    tracks, place = np.unique(f0.reshape(-1, f0.shape[-1]), axis=0, return_inverse=True)
    mixture = torch.from_numpy(np.ascontiguousarray(audio))
    excitation = harmonic_excitation(torch.from_numpy(tracks), len(mixture))
    rms = mixture.square().mean().sqrt().clamp_min(QUIETEST)
    power = noise_normalised_power(mixture / rms, LONG_FFT, LONG_HOP)
    combs = noise_normalised_power(excitation, LONG_FFT, LONG_HOP)
    left = [_left(power, combs[guess], rms) for guess in place.reshape(-1, f0.shape[-2])]
    return torch.stack(left).double().numpy().reshape(*f0.shape[:-2], -1)


def unexplained_within(
    audio: NDArray[np.float32], pitch: Array, first: int, last: int, guesses: Sequence[Array]
) -> Array:
    """What is unexplained of a stretch, in the mean, with each of some guesses in place of the tracks there.

    Args:
        audio, pitch: as in `unexplained`, of the whole recording; `MARGIN` frames beside are heard, too.
        first, last: the stretch, in frames, the last one past.
        guesses: each ``(voices, last - first)`` semitones.

    Returns:
        ``(guesses,)``.
    """
    begin, end = max(first - MARGIN, 0), min(last + MARGIN, pitch.shape[1])
    tracks = np.repeat(pitch[None, :, begin:end], len(guesses), axis=0)
    tracks[..., first - begin : last - begin] = guesses
    left = unexplained(audio[begin * HOP : (end - 1) * HOP + 1], tracks)
    step = LONG_HOP // HOP
    place = (first - begin) // step
    return np.asarray(left[:, place : max((last - begin) // step, place + 1)].mean(axis=1))


def _left(power: Tensor, combs: Tensor, rms: Tensor) -> Tensor:
    """`unexplained` of one guess.

    Args:
        power: of the mixture, ``(frames, bins)``, and combs: of the voices, ``(voices, frames, bins)``; see
            `vocsep.estimator.features.noise_normalised_power`. rms: of the mixture.
    """
    sums = BandSums.of(BANDS, LONG_FFT, power)
    levels = projections_and_levels(power[None, None], combs[None], sums)[1][0] * rms.square()
    bins = round(TOP * LONG_FFT / SAMPLE_RATE)
    bands = band_matrix(BANDS, mask_frequencies(fft_size=LONG_FFT)[:bins])
    envelopes = torch.exp(levels.clamp_min(1e-20).log() @ bands)  # (voices, frames, bins)
    energy = hann(LONG_FFT, power).square().sum()
    expected = (envelopes * combs[..., :bins]).sum(dim=0) * energy
    heard = (power[:, :bins] * energy).sqrt() * rms
    mean = heard.mean().clamp_min(1e-9)
    model, heard = (expected / mean.square() + FLOOR).sqrt(), heard / mean
    divergence = model - heard - heard * (model / heard.clamp_min(1e-3)).log()
    return divergence.sum(dim=1) / (heard.sum(dim=1) + 1.0)


def gain_below(audio: NDArray[np.float32], pitch: Array, octave: Octave) -> float:
    """How much better the mixture is explained, on the mean, if the upper voice sings an octave lower.

    Args:
        audio: ``(samples,)`` mono at 16 kHz.
        pitch: ``(voices, frames)`` semitones, NaN = silent. octave: which frames and voices.

    Returns:
        The difference of `unexplained`, more than 0 where the lower place is better.
    """
    last = min(octave.last, octave.first + round(LONGEST * SAMPLE_RATE / HOP))
    as_heard = pitch[:, octave.first : last]
    lower = as_heard.copy()
    lower[octave.upper] -= OCTAVE
    return float(np.subtract(*unexplained_within(audio, pitch, octave.first, last, (as_heard, lower))))


def _taken(candidates: Candidates, pitch: Array, octave: Octave) -> tuple[NDArray[np.int64], Array]:
    """Frames in which the upper voice has a candidate, and which, ``(2, frames)``; their log odds."""
    frames = np.arange(octave.first, octave.last)
    away = np.abs(candidates.pitch[frames] - pitch[octave.upper, frames, None])
    there = away.min(axis=1) < NEAR
    taken = np.stack((frames[there], away.argmin(axis=1)[there]))
    return taken, log_odds(candidates.salience[taken[0], taken[1]])


def lower_octaves(audio: NDArray[np.float32], candidates: Candidates, pitch: Array) -> Candidates:
    """Candidates in which octaves that nobody sings weigh less, and stand an octave lower as well.

    In each frame the lower place is given to the weakest candidate; who sings it is for the assignment to
    say, which knows the ranges of the voices.

    Args:
        audio: ``(samples,)`` mono at 16 kHz.
        candidates: of all frames.
        pitch: ``(voices, frames)`` semitones, NaN = silent: the tracks that were made of these candidates.

    Returns:
        The same object where all octaves are taken as sung.
    """
    heard = [(octave, *_taken(candidates, pitch, octave)) for octave in octaves(pitch)]
    sung = [octave for octave, _, odds in heard if len(odds) and odds.mean() >= DOUBTFUL]
    doubtful = [
        (octave, taken, odds) for octave, taken, odds in heard if len(odds) and odds.mean() < DOUBTFUL
    ]
    if not doubtful or len(sung) < FEWEST:
        return candidates
    usual = [gain_below(audio, pitch, octave) for octave in sung[:: -(-len(sung) // ASKED)]]
    most, almost_all = np.percentile(usual, (MOST, ALMOST_ALL))
    if most > 0:
        return candidates
    needed = max(float(almost_all), BETTER)
    phantoms = [
        (taken, odds) for octave, taken, odds in doubtful if gain_below(audio, pitch, octave) > needed
    ]
    return _lowered(candidates, phantoms) if phantoms else candidates


def _lowered(candidates: Candidates, phantoms: list[tuple[NDArray[np.int64], Array]]) -> Candidates:
    pitch, salience = candidates.pitch.copy(), candidates.salience.copy()
    for (frames, chosen), odds in phantoms:
        weakest = salience[frames].argmin(axis=1)
        salience[frames, chosen] = 1 / (1 + np.exp(FALL - odds))
        pitch[frames, weakest] = candidates.pitch[frames, chosen] - OCTAVE
        salience[frames, weakest] = candidates.salience[frames, chosen]
    order = np.argsort(pitch, axis=1)
    return Candidates(np.take_along_axis(pitch, order, axis=1), np.take_along_axis(salience, order, axis=1))
