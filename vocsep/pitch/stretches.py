"""Cuts of tracks: wherever a voice begins, ends, changes its note, or meets another."""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.gaps import voiced_runs
from vocsep.pitch.smoothing import gaussian_filter1d

Array = NDArray[np.float64]

TOUCH = 0.8  # semitones: nearer than this, two voices meet
STEP = 0.8  # semitones within `ACROSS` frames: another note
ACROSS = 4  # frames
SHORTEST = 3  # frames of a stretch


def note_edges(pitch: Array) -> set[int]:
    """Frames at which a track begins, ends (one past), or changes its note.

    Args:
        pitch: ``(tracks, frames)`` semitones, NaN = silent.
    """
    edges: set[int] = set()
    for track in pitch:
        for first, last in voiced_runs(np.isfinite(track)):
            edges |= {first, last}
            smooth = gaussian_filter1d(track[first:last], 1.5, mode="nearest")
            if len(smooth) > ACROSS:
                moved = np.abs(smooth[ACROSS:] - smooth[:-ACROSS])
                for begin, end in voiced_runs(moved > STEP):
                    edges.add(first + begin + int(moved[begin:end].argmax()) + ACROSS // 2)
    return edges


def find_cuts(pitch: Array) -> NDArray[np.int64]:
    """Frames at which something happens, rising, with 0 and the number of frames.

    Args:
        pitch: ``(tracks, frames)`` semitones, NaN = silent.
    """
    frames = pitch.shape[1]
    cuts = note_edges(pitch)
    for one, other in combinations(pitch, 2):
        for first, last in voiced_runs(np.abs(one - other) < TOUCH):
            cuts |= {first, last} if last - first > 2 * SHORTEST else {(first + last) // 2}
    kept = [0]
    for cut in sorted(cuts):
        if cut - kept[-1] >= SHORTEST and frames - cut >= SHORTEST:
            kept.append(cut)
    return np.array([*kept, frames], dtype=np.int64)
