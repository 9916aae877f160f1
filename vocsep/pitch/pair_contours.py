"""Both contours of two voices wherever these are near each other: a run of frames on each core."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vocsep.memory import worked_on_cores
from vocsep.pitch.gaps import voiced_runs
from vocsep.pitch.pair_combs import PairCombs
from vocsep.pitch.pair_search import best_contours
from vocsep.pitch.refinement import continued
from vocsep.pitch.smoothing import gaussian_filter1d
from vocsep.spectra import pieces

Array = NDArray[np.float64]

NEAR = 1.2  # semitones between tracks whose contours are found together
LEAST = 5  # frames in which they are near each other
BESIDE = 8  # frames before and after a run that are heard, too, and stay as they are
LONGEST = 500  # frames, 8 s, that are looked at together, or up to half more
SMOOTH = 1.5  # frames over which the line between both is smoothed


def lasting_runs(near: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Runs, first and one past the last, of the frames in which two tracks are near each other that are worth
    a search."""
    return [(first, last) for first, last in voiced_runs(near) if last - first >= LEAST]


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

    def searched(run: tuple[int, int]) -> None:
        """Each thread has tracks of its own, so that the result is the same whichever is faster."""
        begin = max(run[0] - BESIDE, 0)
        known = drawn[:, begin : run[1] + BESIDE].copy()
        for first, last in (
            (run[0] + one, run[0] + other) for one, other in pieces(run[1] - run[0], LONGEST)
        ):
            low, high = max(first - BESIDE, 0), min(last + BESIDE, len(line))
            combs = PairCombs(sound, line, low, high)
            free = np.zeros(high - low, dtype=np.bool_)
            free[first - low : last - low] = True
            begun = known[:, low - begin : high - begin] - line[low:high]
            offsets, costs = best_contours(combs, begun, free)
            known[:, first - begin : last - begin] = (offsets + line[low:high])[:, free]
            exchange[first:last] = costs[free]
        found[:, slice(*run)] = known[:, run[0] - begin : run[1] - begin]

    worked_on_cores(runs, searched)
    return found, exchange
