"""What two tracks of parts do between the moments at which voices may have changed places.

Two singers sing the same words as often as not. So what tells them apart is the difference between their
levels at one time, from the vowels of which most is the same; where one sings alone, it is the distance from
the middle between both. Levels come from `vocsep.pitch.comb_levels`, gathered in bands of frequency.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.duet_stretches import Stretches, band_levels, weighted_mean, windows_of
from vocsep.pitch.stretches import SHORTEST

Array = NDArray[np.float64]

EDGES = np.array((100.0, 300, 500, 750, 1050, 1450, 2000, 2700, 3500))  # Hz
BANDS = len(EDGES) - 1
PARTIALS = 20  # of each track that are looked at
EXTREME = 25.0  # dB, of a difference that says no more than this


@dataclass(frozen=True)
class PartStretches(Stretches):
    """How two tracks differ in stretches.

    Attributes:
        difference: ``(stretches, BANDS)`` dB, the first track's levels less the second's. Where one sings
            alone, twice its distance from the middle of both, and of the second with the other sign.
        windows: ``(stretches, BANDS)`` on which that rests.
        interval: ``(stretches,)`` semitones between both, in the same sense.
    """

    difference: Array
    windows: Array
    interval: Array


def find_stretches(pitch: Array, levels: Array, sure: Array, edges: NDArray[np.int64]) -> PartStretches:
    """Cut two tracks where voices may have changed places.

    Args:
        pitch: ``(2, frames)`` semitones, the higher first, NaN = silent; at least one frame.
        levels, sure: ``(windows, tracks, PARTIALS)``, of `vocsep.pitch.comb_levels.fitted_levels`.
        edges: frames at which they are cut, rising, with 0 and the number of frames.
    """
    there = np.isfinite(pitch)
    weight = np.where(np.isfinite(levels), sure.clip(0, 1) ** 2, 0.0)
    mean, certain = band_levels(np.nan_to_num(levels), weight, pitch, EDGES)
    shared = certain.min(axis=1)
    middle = weighted_mean(mean.mean(axis=1), shared)
    usual = float(pitch[there].mean()) if there.any() else 0.0
    rows = []
    for first, last in pairwise(edges.tolist()):
        frames = there[:, first:last].sum(axis=1)
        here = windows_of(first, last)
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
    return PartStretches(edges, frames, difference, count, intervals)
