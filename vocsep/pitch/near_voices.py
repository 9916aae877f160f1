"""Where two voices sing near one note, both get the F0 that the two combs say; elsewhere tracks stay.

The first look hears one peak where two voices are less than a semitone apart. The assignment then gives it to
one voice, and takes the other for silent, or to both. `vocsep.pitch.two_combs` tells both F0 there. Where
only one track is sung, the gain of a second comb says whether another voice is on that note as well.
"""

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.gaps import voiced_runs
from vocsep.pitch.smoothing import gaussian_filter1d
from vocsep.pitch.two_combs import best_pairs

Array = NDArray[np.float64]

NEAR = 1.0  # semitones between tracks within which both are found again
EVEN = 3.0  # frames over which the gain is averaged
GAIN, JOINED = 8.0, 5.0  # nats by which a second comb must explain more: of silence, and of a unison
STRENGTH = 0.5  # of what a frame's gain says: windows overlap
SWITCH = 6.0  # nats, of a second voice that comes or goes
SHORTEST = 3  # frames of a run that is looked at
LEAP = 4.0  # semitones from a voice's notes beside a silence, within which it may have joined the line


def near_voices(audio: NDArray[np.float32], pitch: Array, joined: Array) -> Array:
    """Two tracks, the higher first, with both F0 where the voices are near each other.

    Args:
        audio: ``(samples,)`` mono at 16 kHz.
        pitch: ``(2, frames)`` semitones, the higher first, NaN = silent.
        joined: the same, where voices may have joined each other in unison (`vocsep.pitch.joining`).
    """
    there = np.isfinite(pitch)
    close = there.all(axis=0) & ~(pitch[0] - pitch[1] > NEAR)
    alone = there.any(axis=0) & ~there.all(axis=0)
    line = np.where(there[0], pitch[0], pitch[1])
    alone &= _within_reach(pitch, line)
    found = pitch.copy()
    for first, last in voiced_runs(close | alone):
        if last - first < SHORTEST:
            continue
        part = slice(first, last)
        pairs = best_pairs(audio, line[part], first)
        together = np.isfinite(joined[:, part]).all(axis=0)
        gain = gaussian_filter1d(pairs.gain, EVEN, mode="nearest") - np.where(together, JOINED, GAIN)
        two = _sounding(np.where(close[part], SWITCH, STRENGTH * gain)) | close[part]
        found[:, part] = np.where(two, line[part] + pairs.cents / 100, found[:, part])
    return np.asarray(found)


def _within_reach(pitch: Array, line: Array) -> NDArray[np.bool_]:
    """Where a silent voice has a note near the line on either side of its silence, ``(frames,)``."""
    near = np.ones(len(line), dtype=np.bool_)
    for track in pitch:
        silent = ~np.isfinite(track)
        for first, last in voiced_runs(silent):
            sides = [(first - 1, first), (last, last - 1)]
            away = [
                abs(track[note] - line[place])
                for note, place in sides
                if 0 <= note < len(line) and np.isfinite(line[place])
            ]
            near[first:last] &= not away or min(away) < LEAP
    return near


def _sounding(odds: Array) -> NDArray[np.bool_]:
    """Whether a second voice sings, ``(frames,)``: the best path, given the odds in nats of each frame."""
    score, back = np.zeros(2), []  # silent, singing
    for value in odds:
        change = score[::-1] - SWITCH > score
        back.append(change)
        score = np.where(change, score[::-1] - SWITCH, score) + np.array([-value, value]) / 2
    state, path = int(score.argmax()), np.zeros(len(odds), dtype=np.bool_)
    for frame in range(len(odds) - 1, -1, -1):
        path[frame] = bool(state)
        state = 1 - state if back[frame][state] else state
    return path
