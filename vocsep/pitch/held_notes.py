"""Notes that are held behind the partials of other voices.

Where a singer holds a note on the third or fourth partial of another one, the salience network can lose her
for as long as both last: each of her partials is one of his, too. Her track breaks off and comes back on the
same pitch. Level tells what salience cannot: with her the mixture is explained better by far, whatever the
levels of the others (`vocsep.pitch.octaves.unexplained`). In rests, where nobody or hardly anybody sings,
anything explains more than nothing, so there a gap stays a gap.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.gaps import LONGEST_GAP, voiced_runs
from vocsep.pitch.ghosts import share_explained
from vocsep.spectra import HOP, SAMPLE_RATE

Array = NDArray[np.float64]

LONGEST = 2.0  # s of a gap that is asked about
SAME = 1.0  # semitones between both sides
EDGE = 8  # frames whose median is the pitch of a side
OTHERS = 0.9  # share of the gap in which another voice must sing
BETTER = 0.25  # of what is unexplained without the note, it must explain (measured on real singers)


def with_held_notes(audio: NDArray[np.float32], pitch: Array) -> Array:
    """Tracks whose gaps are closed where the mixture says that the note went on.

    Args:
        audio: ``(samples,)`` mono at 16 kHz.
        pitch: ``(voices, frames)`` semitones, NaN = silent.

    Returns:
        The same shape; the same object where nothing is closed.
    """
    closed = pitch
    for voice, track in enumerate(pitch):
        runs = voiced_runs(np.isfinite(track))
        for (begin, first), (last, end) in pairwise(runs):
            seconds = (last - first) * HOP / SAMPLE_RATE
            before = float(np.median(track[max(begin, first - EDGE) : first]))
            after = float(np.median(track[last : min(end, last + EDGE)]))
            if not LONGEST_GAP < seconds <= LONGEST or abs(before - after) > SAME:
                continue
            held = np.linspace(before, after, last - first)
            if _explains(audio, pitch, voice, first, held):
                closed = pitch.copy() if closed is pitch else closed
                closed[voice, first:last] = held
    return closed


def _explains(audio: NDArray[np.float32], pitch: Array, voice: int, first: int, held: Array) -> bool:
    """Whether a voice that goes on from frame ``first`` explains enough of the mixture."""
    last = first + len(held)
    others = np.delete(pitch[:, first:last], voice, axis=0)
    if np.isfinite(others).any(axis=0).mean() < OTHERS:
        return False
    sung = pitch.copy()
    sung[voice, first:last] = held
    return share_explained(audio, sung, voice, first, last) > BETTER
