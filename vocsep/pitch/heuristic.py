"""The paper's assignment of F0 values to voices (section IV-B), with distances in semitones."""

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.candidates import Candidates

THRESHOLD = 0.4  # salience above which a candidate counts as an F0 value


def assign_heuristic(
    candidates: Candidates, voices: int, threshold: float = THRESHOLD
) -> NDArray[np.float64]:
    """Pitch of each voice, ``(voices, frames)`` in semitones, NaN = silent; voice 1 is the highest.

    Frames with exactly J values are sorted and assigned from the highest. Then, with fewer, each value goes
    to the voice whose value in the nearest frames before or after is closest (each voice once); with more,
    each voice keeps the value closest to its neighbours' and the J chosen are sorted.
    """
    values = [
        np.sort(p[s > threshold])[::-1] for p, s in zip(candidates.pitch, candidates.salience, strict=True)
    ]
    counts = np.array([len(v) for v in values])
    tracks = np.full((voices, candidates.frames), np.nan)
    for full in np.flatnonzero(counts == voices):
        tracks[:, full] = values[full]
    following = _fill_from_right(tracks)
    middle = np.nanmedian(tracks, axis=1) if (counts == voices).any() else np.linspace(72, 48, voices)
    previous = middle.copy()
    for frame, found in enumerate(values):
        if len(found) == voices:
            previous = tracks[:, frame].copy()
            continue
        if len(found) == 0:
            continue
        ahead = np.where(np.isnan(following[:, frame]), middle, following[:, frame])
        distance = np.minimum(np.abs(found[:, None] - previous), np.abs(found[:, None] - ahead))
        chosen = _match(distance)
        if len(found) > voices:
            tracks[:, frame] = np.sort(found[[value for value, _ in chosen]])[::-1]
        else:
            for value, voice in chosen:
                tracks[voice, frame] = found[value]
        previous = np.where(np.isnan(tracks[:, frame]), previous, tracks[:, frame])
    return tracks


def _fill_from_right(tracks: NDArray[np.float64]) -> NDArray[np.float64]:
    """At each frame the next known value of each voice, NaN after the last."""
    filled = tracks.copy()
    for frame in range(tracks.shape[1] - 2, -1, -1):
        filled[:, frame] = np.where(np.isnan(filled[:, frame]), filled[:, frame + 1], filled[:, frame])
    return np.asarray(filled)


def _match(distance: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pairs (value, voice) by ascending distance, each value and each voice at most once."""
    pairs: list[tuple[int, int]] = []
    left = distance.copy()
    for _ in range(min(distance.shape)):
        value, voice = (int(i) for i in np.unravel_index(np.argmin(left), left.shape))
        pairs.append((value, voice))
        left[value, :] = np.inf
        left[:, voice] = np.inf
    return pairs
