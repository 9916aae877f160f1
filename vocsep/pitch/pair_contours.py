"""Both contours of two voices wherever these are near each other, run by run."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vocsep.pitch.pair_combs import PairCombs
from vocsep.pitch.pair_search import best_contours
from vocsep.pitch.refinement import continued
from vocsep.pitch.smoothing import gaussian_filter1d
from vocsep.spectra import pieces

Array = NDArray[np.float64]

BESIDE = 8  # frames before and after a run that are heard, too, and stay as they are
LONGEST = 500  # frames, 8 s, that are looked at together, or up to half more
SMOOTH = 1.5  # frames over which the line between both is smoothed


def pair_contours(sound: Tensor, pitch: Array, runs: Sequence[tuple[int, int]]) -> tuple[Array, Array]:
    """Two tracks with the likeliest contours in runs of frames (`vocsep.pitch.pair_search`).

    Args:
        sound: ``(samples,)`` mono at 16 kHz, the recording without other voices.
        pitch: ``(2, frames)`` semitones, NaN = silent.
        runs: first frame and one past the last of each, two frames or more.

    Returns:
        ``(2, frames)`` semitones; and ``(frames,)`` nats that it would cost to exchange both from each frame
        on, infinite outside of the runs.
    """
    found, exchange = pitch.copy(), np.full(pitch.shape[1], np.inf)
    drawn = continued(pitch)
    line = gaussian_filter1d(drawn.mean(axis=0), SMOOTH, mode="nearest")
    for first, last in (piece for run in runs for piece in _pieces(*run)):
        low, high = max(first - BESIDE, 0), min(last + BESIDE, len(line))
        combs = PairCombs(sound, line, low, high)
        free = np.zeros(high - low, dtype=np.bool_)
        free[first - low : last - low] = True
        offsets, costs = best_contours(combs, (drawn - line)[:, low:high], free)
        found[:, first:last] = drawn[:, first:last] = (offsets + line[low:high])[:, free]
        exchange[first:last] = costs[free]
    return found, exchange


def _pieces(first: int, last: int) -> list[tuple[int, int]]:
    return [(first + begin, first + end) for begin, end in pieces(last - first, LONGEST)]
