"""Crossing voices: two tracks that glide through each other go on as they came.

The search over ordered configurations turns every crossing into a touch: the voices meet and part again, each
on its own side. Where they were on the move until they met, momentum tells which it was (compare the
continuity of slopes in R. J. McAulay and T. F. Quatieri, "Speech analysis/synthesis based on a sinusoidal
representation", 1986). Voices that step from note to note have none, and keep their order.

After a crossing the voices stay crossed until they meet again, or until one of them rests: then their own
ranges count again.
"""

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.gaps import voiced_runs
from vocsep.spectra import HOP, SAMPLE_RATE

Array = NDArray[np.float64]

TOUCH = 0.8  # semitones: nearer than this, two voices meet
APART = 1.2  # semitones, how far apart they must have been within `MOMENTUM` before, and be after
LONGEST = 0.25  # s of a meeting: after a longer one nobody remembers where they came from
MOMENTUM = 0.35  # s before and after from which slopes are taken
STEADY = 4.0  # semitones a second: a voice that went through keeps its slope so far
EVEN = 0.3  # semitones, standard deviation from the straight line: steps from note to note are no glides


def _line(track: Array) -> tuple[float, float]:
    """Slope in semitones a second, and standard deviation from the straight line in semitones."""
    time = np.arange(len(track)) * (HOP / SAMPLE_RATE)
    line = np.polyfit(time, track, 1)
    return float(line[0]), float(np.std(track - np.polyval(line, time)))


def _cross(upper: Array, lower: Array, first: int, last: int) -> bool:
    """Whether two voices that meet in frames ``first`` to ``last`` went through each other there."""
    reach = round(MOMENTUM * SAMPLE_RATE / HOP)
    if (last - first) * HOP / SAMPLE_RATE > LONGEST or first < reach or last + reach > len(upper):
        return False
    before, after = slice(first - reach, first), slice(last, last + reach)
    gap = upper - lower
    if not (np.isfinite(gap[before]).all() and np.isfinite(gap[after]).all()):
        return False
    if gap[before].max() < APART or gap[after].max() < APART:
        return False
    lines = [_line(track[part]) for part in (before, after) for track in (upper, lower)]
    if max(uneven for _, uneven in lines) > EVEN:
        return False
    upper_came, lower_came, upper_went, lower_went = (slope for slope, _ in lines)
    kept = max(abs(upper_came - lower_went), abs(lower_came - upper_went))
    return kept < STEADY and lower_came - upper_came > STEADY


def cross_voices(tracks: Array) -> Array:
    """Ordered tracks with their tails exchanged where voices went through each other.

    Args:
        tracks: ``(voices, frames)`` in semitones, highest first, NaN = silent.
    """
    crossed = tracks.copy()
    for above in range(len(crossed) - 1):
        upper, lower = tracks[above], tracks[above + 1]
        for begin, end in voiced_runs(np.isfinite(upper) & np.isfinite(lower)):
            together = voiced_runs(np.abs(upper[begin:end] - lower[begin:end]) < TOUCH)
            through = [
                (begin + (first + last) // 2)
                for first, last in together
                if _cross(upper, lower, begin + first, begin + last)
            ]
            for start, stop in zip(through[::2], [*through[1::2], end], strict=False):
                pair = crossed[above : above + 2, start:stop].copy()
                crossed[above : above + 2, start:stop] = pair[::-1]
    return np.asarray(crossed)
