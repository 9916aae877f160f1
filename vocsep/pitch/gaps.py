"""Continuity of tracks: gaps inside a note are filled, blips are removed, edges are held a little.

A track that breaks off inside a note, or that starts a frame or two late, loses sound for good, while a track
that runs on through a silence costs nothing: the source model decides how loud each voice is.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vocsep.spectra import HOP, SAMPLE_RATE

LONGEST_GAP = 0.16  # s, filled when the pitch goes on behind it
SAME_NOTE = 1.5  # semitones between both sides of a gap
SHORTEST = 0.05  # s, shorter runs are no notes
HOLD = 0.032  # s added before and after each run


def voiced_runs(voiced: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and one-past-last frame of each voiced run."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], voiced, [False])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _frames(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE / HOP)


def mend(tracks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Tracks in semitones ``(voices, frames)``, NaN = silent: gaps filled, blips removed, edges held."""
    mended = tracks.copy()
    for track in mended:
        for first, last in voiced_runs(np.isfinite(track)):
            if last - first < _frames(SHORTEST):
                track[first:last] = np.nan
        runs = voiced_runs(np.isfinite(track))
        for (_, end), (start, _) in pairwise(runs):
            near = abs(track[end - 1] - track[start]) <= SAME_NOTE
            if near and start - end <= _frames(LONGEST_GAP):
                track[end:start] = np.linspace(track[end - 1], track[start], start - end + 2)[1:-1]
        runs = voiced_runs(np.isfinite(track))
        for index, (first, last) in enumerate(runs):
            before = runs[index - 1][1] if index else 0
            after = runs[index + 1][0] if index + 1 < len(runs) else len(track)
            low = max(first - _frames(HOLD), (before + first + 1) // 2 if index else 0)
            high = min(last + _frames(HOLD), (last + after) // 2 if index + 1 < len(runs) else after)
            track[low:first], track[last:high] = track[first], track[last - 1]
    return np.asarray(mended)


def without_gaps(flags: NDArray[np.bool_], gap: int) -> NDArray[np.bool_]:
    """Flags ``(frames,)`` in which interruptions of fewer than ``gap`` frames are closed."""
    closed: NDArray[np.bool_] = flags.copy()
    for first, last in voiced_runs(~flags):
        if first > 0 and last < len(flags) and last - first < gap:
            closed[first:last] = True
    return closed
