"""What two tracks of parts do between the moments at which voices may have changed places.

Two singers sing the same words as often as not. So what tells them apart is the difference between their
levels at one time, from the vowels of which most is the same; where one sings alone, it is the distance from
the middle between both. Levels come from `vocsep.pitch.comb_levels`, gathered in bands of frequency.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.comb_levels import EVERY
from vocsep.pitch.duet_stretches import find_places, weighted_mean
from vocsep.pitch.stretches import SHORTEST

Array = NDArray[np.float64]

EDGES = (100.0, 300.0, 500.0, 750.0, 1050.0, 1450.0, 2000.0, 2700.0, 3500.0)  # Hz
BANDS = len(EDGES) - 1
FAINT = 0.05  # partials in a band of a window, each as much as it is sure, that are none
PARTIALS = 20  # of each track that are looked at
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
    middle = weighted_mean(mean.mean(axis=1), shared)
    usual = float(pitch[there].mean()) if there.any() else 0.0
    rows = []
    for first, last in pairwise(edges.tolist()):
        frames = there[:, first:last].sum(axis=1)
        here = slice(-(-first // EVERY), max(-(-last // EVERY), -(-first // EVERY) + 1))
        if frames.min() >= SHORTEST:
            between, windows = (
                weighted_mean(mean[here, 0] - mean[here, 1], shared[here]),
                shared[here].sum(axis=0),
            )
            gap = pitch[0, first:last] - pitch[1, first:last]
            interval = float(gap[np.isfinite(gap)].mean()) if np.isfinite(gap).any() else 0.0
        else:
            track = int(frames.argmax())
            sign, windows = 2.0 - 4.0 * track, certain[here, track].sum(axis=0)
            between = sign * (weighted_mean(mean[here, track], certain[here, track]) - middle)
            windows = np.where(shared.sum(axis=0) > 5, windows, 0.0)
            known = pitch[track, first:last][there[track, first:last]]
            interval = sign * (float(known.mean()) - usual) if len(known) else 0.0
        rows.append((frames, between.clip(-EXTREME, EXTREME), windows, interval))
    frames, difference, count, intervals = (np.array(column) for column in zip(*rows, strict=True))
    return Stretches(edges, frames, difference, count, intervals)
