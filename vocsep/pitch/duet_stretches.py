"""What two tracks do between the moments at which voices may have changed places, and how they differ there.

Two singers sing the same words as often as not. So what tells them apart is the difference between their
levels at one time, from the vowels of which most is the same; where one sings alone, it is the distance from
the middle between both. Levels come from `vocsep.pitch.comb_levels`, gathered in bands of frequency.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.comb_levels import EVERY, PARTIALS
from vocsep.pitch.gaps import voiced_runs
from vocsep.pitch.stretches import SHORTEST, note_edges

Array = NDArray[np.float64]

EDGES = (100.0, 300.0, 500.0, 750.0, 1050.0, 1450.0, 2000.0, 2700.0, 3500.0)  # Hz
BANDS = len(EDGES) - 1
FAINT = 0.05  # partials in a band of a window, each as much as it is sure, that are none
TOUCH, CLOSE = 0.3, 0.8  # semitones between tracks that may exchange voices; that come close to each other
LONG = 14  # frames of a touch in the middle of which nothing is cut
EXTREME = 25.0  # dB, of a difference that says no more than this


@dataclass(frozen=True)
class Stretches:
    """Stretches of two tracks, ``(stretches, ...)`` each.

    Attributes:
        edges: ``(stretches + 1,)`` frames, the first 0 and the last the number of frames.
        frames: ``(stretches, 2)`` in which each track sings.
        difference: ``(stretches, BANDS)`` dB, the first track's levels less the second's. Where one sings
            alone, twice its distance from the middle of both, and of the second with the other sign.
        windows: ``(stretches, BANDS)`` on which that rests.
        interval: ``(stretches,)`` semitones between both, in the same sense.
    """

    edges: NDArray[np.int64]
    frames: NDArray[np.int64]
    difference: Array
    windows: Array
    interval: Array

    @property
    def both(self) -> NDArray[np.bool_]:
        """Where both sing."""
        return np.asarray(self.frames.min(axis=1) >= SHORTEST)

    @property
    def one(self) -> NDArray[np.bool_]:
        """Where one sings alone."""
        return np.asarray((self.frames.max(axis=1) >= SHORTEST) & ~self.both)


def find_places(pitch: Array) -> NDArray[np.int64]:
    """Frames at which voices may have changed places, rising, with 0 and the number of frames.

    Args:
        pitch: ``(2, frames)`` semitones, the higher first, NaN = silent.
    """
    frames, gap = pitch.shape[1], np.nan_to_num(pitch[0] - pitch[1], nan=np.inf)
    ends = note_edges(pitch)
    touches: set[int] = set()
    for first, last in voiced_runs(gap < TOUCH):
        inside = last - first > LONG
        touches |= {first + 2, last - 2} if inside else {first + int(gap[first:last].argmin())}
    for first, last in voiced_runs(gap < CLOSE):
        nearest = first + int(gap[first:last].argmin())
        touches |= {nearest} if gap[nearest] >= TOUCH else set()
    kept = [0]
    for place in sorted(ends | touches):
        if frames - place < SHORTEST:
            continue
        if place - kept[-1] >= SHORTEST:
            kept.append(place)
        elif place in touches and kept[-1] and kept[-1] not in touches:
            kept[-1] = place
    return np.array([*kept, frames], dtype=np.int64)


def band_levels(levels: Array, sure: Array, pitch: Array) -> tuple[Array, Array]:
    """Mean levels in bands of frequency, ``(windows, tracks, BANDS)`` in dB, and how sure they are, 0 to 1.

    Args:
        levels, sure: ``(windows, tracks, PARTIALS)``, of `vocsep.pitch.comb_levels.fitted_levels`.
        pitch: ``(tracks, frames)`` semitones, NaN = silent.
    """
    frequency = 440.0 * 2 ** ((pitch[:, ::EVERY].T - 69) / 12)
    partial = frequency[..., None] * np.arange(1, PARTIALS + 1)
    band = np.searchsorted(EDGES, np.nan_to_num(partial), side="right") - 1
    weight = np.where(np.isfinite(levels), sure.clip(0, 1) ** 2, 0.0)
    inside = weight[..., None] * (band[..., None] == np.arange(BANDS))
    total = inside.sum(axis=2)
    mean = (inside * np.nan_to_num(levels)[..., None]).sum(axis=2) / np.maximum(total, 1e-9)
    return mean, np.where(total > FAINT, np.minimum(total, 1.0), 0.0)


def find_stretches(pitch: Array, levels: Array, sure: Array) -> Stretches:
    """Cut two tracks wherever voices may have changed places.

    Args:
        pitch: ``(2, frames)`` semitones, the higher first, NaN = silent; at least one frame.
        levels, sure: of these tracks, as in `band_levels`.
    """
    edges, there = find_places(pitch), np.isfinite(pitch)
    mean, certain = band_levels(levels, sure, pitch)
    shared = certain.min(axis=1)
    middle = _mean(mean.mean(axis=1), shared)
    usual = float(pitch[there].mean()) if there.any() else 0.0
    rows = []
    for first, last in pairwise(edges.tolist()):
        frames = there[:, first:last].sum(axis=1)
        here = slice(-(-first // EVERY), max(-(-last // EVERY), -(-first // EVERY) + 1))
        if frames.min() >= SHORTEST:
            between, windows = _mean(mean[here, 0] - mean[here, 1], shared[here]), shared[here].sum(axis=0)
            gap = pitch[0, first:last] - pitch[1, first:last]
            interval = float(gap[np.isfinite(gap)].mean()) if np.isfinite(gap).any() else 0.0
        else:
            track = int(frames.argmax())
            sign, windows = 2.0 - 4.0 * track, certain[here, track].sum(axis=0)
            between = sign * (_mean(mean[here, track], certain[here, track]) - middle)
            windows = np.where(shared.sum(axis=0) > 5, windows, 0.0)
            known = pitch[track, first:last][there[track, first:last]]
            interval = sign * (float(known.mean()) - usual) if len(known) else 0.0
        rows.append((frames, between.clip(-EXTREME, EXTREME), windows, interval))
    frames, difference, count, intervals = (np.array(column) for column in zip(*rows, strict=True))
    return Stretches(edges, frames, difference, count, intervals)


def _mean(values: Array, weight: Array) -> Array:
    """Weighted mean over the first axis, 0 where nothing is known."""
    return np.asarray((values * weight).sum(axis=0) / np.maximum(weight.sum(axis=0), 1e-9))
