"""Where stems are older than their F0, and which stretch of the recording is separated again for it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.tracks import F0Tracks
from vocsep.transcription.notes import FRAME

TOGETHER = 0.5  # s, changes that are closer are one passage
MARGIN = 0.5  # s on either side of a changed passage in which only the new stems are heard
FADE = 0.25  # s beyond, over which the new stems and the old ones are faded into each other
CONTEXT = 2.0  # s of the recording that separation hears beyond what will be heard of it, at least
GRID = 2  # s, where frame and sample grids of every rate meet


@dataclass(frozen=True)
class Passage:
    """A stretch that is separated again, all in seconds.

    Attributes:
        begin, end: what is read and separated; ``begin`` is a multiple of `GRID`.
        first, last: what is heard of it, the fades included.
    """

    begin: int
    end: float
    first: float
    last: float


def changed_frames(one: F0Tracks, other: F0Tracks) -> NDArray[np.bool_]:
    """Frames in which any voice of two sets of tracks differs, ``(frames,)``."""
    a, b = (np.nan_to_num(tracks.frequencies, nan=0.0) for tracks in (one, other))
    return np.asarray((a != b).any(axis=0))


def stretches(frames: NDArray[np.bool_], together: float = TOGETHER) -> list[tuple[float, float]]:
    """``(start, end)`` in s of the stretches of true frames; those closer than ``together`` s are one.

    >>> stretches(np.array([False, True, True, False]))
    [(0.016, 0.048)]
    """
    places = np.flatnonzero(frames)
    if not places.size:
        return []
    cuts = np.flatnonzero(np.diff(places) * FRAME > together) + 1
    groups = np.split(places, cuts)
    return [(round(int(g[0]) * FRAME, 6), round((int(g[-1]) + 1) * FRAME, 6)) for g in groups]


def plan_passages(changed: Sequence[tuple[float, float]], seconds: float) -> list[Passage]:
    """What to separate again, so that nothing that is heard overlaps.

    Args:
        changed: ``(start, end)`` in s, rising.
        seconds: length of the recording.
    """
    heard: list[tuple[float, float]] = []
    for start, end in changed:
        first, last = max(start - MARGIN - FADE, 0.0), min(end + MARGIN + FADE, seconds)
        if heard and first <= heard[-1][1]:
            heard[-1] = heard[-1][0], max(last, heard[-1][1])
        elif first < last:
            heard.append((first, last))
    return [
        Passage(
            begin=int(max(first - CONTEXT, 0.0) // GRID) * GRID,
            end=min(float(math.ceil((last + CONTEXT) / GRID) * GRID), seconds),
            first=first,
            last=last,
        )
        for first, last in heard
    ]
