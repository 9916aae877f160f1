"""Stretches of tracks: the recording cut wherever a voice begins, ends, changes its note, or meets another.

Between two cuts nobody can have changed places. What is known of a track in a stretch, it is known as one:
its pitch when it begins and ends, its mean pitch, and its timbre.
"""

from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.gaps import voiced_runs
from vocsep.pitch.smoothing import gaussian_filter1d

Array = NDArray[np.float64]

TOUCH = 0.8  # semitones: nearer than this, two voices meet
STEP = 0.8  # semitones within `ACROSS` frames: another note
ACROSS = 4  # frames
SHORTEST = 3  # frames of a stretch


@dataclass(frozen=True)
class Stretches:
    """What tracks do between cuts, ``(stretches, tracks)`` each.

    Attributes:
        edges: ``(stretches + 1,)`` frames, the first 0 and the last the number of frames.
        frames: in which the track sings. mean: its mean pitch in semitones, NaN where it is silent.
        begins, ends: its first and its last pitch in the stretch, NaN where it is silent.
        through: whether it goes on, without a break or another note, from the stretch before.
        meets: ``(stretches, tracks, tracks)``, whether two tracks touch where the stretch begins.
    """

    edges: NDArray[np.int64]
    frames: NDArray[np.int64]
    mean: Array
    begins: Array
    ends: Array
    through: NDArray[np.bool_]
    meets: NDArray[np.bool_]

    @property
    def count(self) -> int:
        return len(self.frames)


def find_cuts(pitch: Array) -> NDArray[np.int64]:
    """Frames at which something happens, rising, with 0 and the number of frames.

    Args:
        pitch: ``(tracks, frames)`` semitones, NaN = silent.
    """
    frames = pitch.shape[1]
    cuts = {0, frames}
    for track in pitch:
        for first, last in voiced_runs(np.isfinite(track)):
            cuts |= {first, last}
            smooth = gaussian_filter1d(track[first:last], 1.5, mode="nearest")
            if len(smooth) > ACROSS:
                moved = np.abs(smooth[ACROSS:] - smooth[:-ACROSS])
                for begin, end in voiced_runs(moved > STEP):
                    cuts.add(first + begin + int(moved[begin:end].argmax()) + ACROSS // 2)
    for one, other in combinations(pitch, 2):
        for first, last in voiced_runs(np.abs(one - other) < TOUCH):
            cuts |= {first, last} if last - first > 2 * SHORTEST else {(first + last) // 2}
    kept = [0]
    for cut in sorted(cuts):
        if cut - kept[-1] >= SHORTEST and frames - cut >= SHORTEST:
            kept.append(cut)
    return np.array([*kept, frames], dtype=np.int64)


def find_stretches(pitch: Array) -> Stretches:
    """Cut tracks into stretches.

    Args:
        pitch: ``(tracks, frames)`` semitones, NaN = silent; at least one frame.
    """
    edges = find_cuts(pitch)
    shape = (len(edges) - 1, len(pitch))
    sung = np.zeros(shape, dtype=np.int64)
    mean, begins, ends = (np.full(shape, np.nan) for _ in range(3))
    through = np.zeros(shape, dtype=np.bool_)
    meets = np.zeros((*shape, len(pitch)), dtype=np.bool_)
    for index, (first, last) in enumerate(pairwise(edges)):
        piece = pitch[:, first:last]
        there = np.isfinite(piece)
        sung[index] = there.sum(axis=1)
        for track in np.flatnonzero(sung[index]):
            known = piece[track, there[track]]
            mean[index, track], begins[index, track], ends[index, track] = known.mean(), known[0], known[-1]
        if first:
            around = pitch[:, max(first - ACROSS, 0) : first + ACROSS]
            spread = around.max(axis=1) - around.min(axis=1)  # NaN where it is silent
            through[index] = spread < STEP
            gap = np.abs(around[:, None] - around[None])
            meets[index] = np.where(np.isfinite(gap), gap, np.inf).min(axis=-1) < TOUCH
    return Stretches(edges, sung, mean, begins, ends, through, meets)
