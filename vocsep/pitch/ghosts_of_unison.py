"""Ghosts of a unison: pitches that nobody sings, given to the second of two voices that sing one line.

Where two singers meet, the salience shows one peak, and the assignment, with a voice to spare, takes what
else it can find: an octave below the line, whose even partials are the second singer's, or a combination of
both. The source model is the judge. A ghost hardly helps to explain the mixture, while two combs near the
line of the other voice (`vocsep.pitch.two_combs`) leave far less of it unexplained; one who sings there
explains most of what is left without him, and no unison does as well.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vocsep.estimator.long_spectra import LONG_HOP
from vocsep.pitch.ghosts import left_unexplained
from vocsep.pitch.octaves import unexplained_within
from vocsep.pitch.stretches import find_cuts
from vocsep.pitch.two_combs import best_pairs
from vocsep.spectra import HOP

Array = NDArray[np.float64]

APART = 1.0  # semitones between tracks, nearer than which they are a unison already
SHORTEST, TOGETHER = 8, 0.8  # frames of a stretch, and the share of them in which both must sing
WEAK = 0.5  # of what is unexplained without a voice: who explains more is no ghost
BETTER = 0.7  # of what a ghost leaves unexplained, a unison may leave at most


def in_unison(audio: NDArray[np.float32], pitch: Array) -> Array:
    """Two tracks, the second on the line of the first where it is a ghost of their unison, or the first on
    the second's.

    Args:
        audio: ``(samples,)`` mono at 16 kHz.
        pitch: ``(2, frames)`` semitones, NaN = silent.

    Returns:
        The same shape; the same object where there are no ghosts.
    """
    doubtful = [
        (first, last) for first, last in pairwise(find_cuts(pitch).tolist()) if _apart(pitch[:, first:last])
    ]
    if not doubtful:
        return pitch
    left, step, found = left_unexplained(audio, pitch), LONG_HOP // HOP, pitch
    for first, last in doubtful:
        own = slice(first // step, max(last // step, first // step + 1))
        as_heard, *without = (float(row[own].mean()) for row in left)
        voice = int(np.argmin(without))
        if without[voice] - as_heard > WEAK * without[voice]:
            continue
        track = pitch[1 - voice, first:last]
        known = np.flatnonzero(np.isfinite(track))
        line = np.interp(np.arange(last - first), known, track[known])
        two = line + best_pairs(audio, line, first).cents / 100
        [by_unison] = unexplained_within(audio, pitch, first, last, (two,))
        if by_unison < BETTER * as_heard:
            found = pitch.copy() if found is pitch else found
            found[:, first:last] = line
    return found


def _apart(pitch: Array) -> bool:
    """Whether two tracks sing along all of a stretch, away from each other."""
    gap = np.abs(pitch[0] - pitch[1])
    gap = gap[np.isfinite(gap)]
    count = pitch.shape[1]
    return count >= SHORTEST and len(gap) >= TOGETHER * count and float(np.median(gap)) > APART
