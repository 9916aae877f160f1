"""How the levels of two tracks of parts tell their singers apart, stretch by stretch.

The difference d_i between both tracks in stretch i, in levels of bands and in height, is of the same two
singers everywhere: d_i = s_i mu + e_i, mu ~ N(0, B), e_i ~ N(0, W_i), s_i = 1 or -1. B and W are those of
synthetic singers: 120 duets of 12 s (`vocsep.singers.meetings`, crossing, duet and unison, seeds 1001 to
1020, dry and in rooms), with true F0, in pieces of 0.32 s. The network of duets, which has learned from lines
that nobody guided, failed the test of parts that a score guides; on recordings they were not compared.
"""

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.part_stretches import BANDS, PartStretches

Array = NDArray[np.float64]

# Covariances in dB^2 of the bands: of differences within two singers, of their means between pairs of
# singers, and of one singer alone.
WITHIN = (
    (64, 39, 32, 33, 28, 32, 34, 28),
    (39, 85, 62, 45, 35, 35, 40, 37),
    (32, 62, 169, 141, 130, 82, 50, 62),
    (33, 45, 141, 163, 140, 79, 41, 59),
    (28, 35, 130, 140, 180, 133, 90, 100),
    (32, 35, 82, 79, 133, 177, 141, 124),
    (34, 40, 50, 41, 90, 141, 160, 128),
    (28, 37, 62, 59, 100, 124, 128, 142),
)
BETWEEN = (
    (15, -1, -7, -8, -9, -12, -13, -15),
    (-1, 28, 13, 12, 10, 13, 9, 8),
    (-7, 13, 67, 44, 38, 42, 46, 54),
    (-8, 12, 44, 61, 55, 59, 61, 71),
    (-9, 10, 38, 55, 74, 78, 79, 85),
    (-12, 13, 42, 59, 78, 112, 119, 120),
    (-13, 9, 46, 61, 79, 119, 139, 137),
    (-15, 8, 54, 71, 85, 120, 137, 151),
)
ALONE = (
    (33, 22, 18, 18, 15, 21, 26, 23),
    (22, 46, 31, 27, 22, 24, 27, 24),
    (18, 31, 100, 84, 80, 51, 31, 41),
    (18, 27, 84, 102, 88, 48, 24, 39),
    (15, 22, 80, 88, 114, 84, 56, 67),
    (21, 24, 51, 48, 84, 125, 102, 92),
    (26, 27, 31, 24, 56, 102, 122, 101),
    (23, 24, 41, 39, 67, 92, 101, 116),
)
WINDOW = 30.0  # dB^2, variance of a difference that rests on one window
FEWEST = 1.0  # windows of a band that counts
HEARD, HELD = 20.0, 25.0  # frames that are one observation: of levels, of height
RANGE, RANGES = (4.0, 12.0), 6.0  # semitones, deviation of an interval within two voices, and of its mean
NEAR, MET = 0.8, (0.1, 0.2)  # semitones; share of frames so near each other in which they share one range
WIDEST = 12.0  # semitones that an interval counts at most
PLACES = 0.8  # of what the odds say: they are too sure of themselves on tracks that err


def evidence(stretches: PartStretches) -> tuple[Array, Array]:
    """``W_i^-1 d_i`` of each stretch, ``(stretches, BANDS + 1)``, height last, and the covariance of mu
    given all of them."""
    means = np.zeros((len(stretches.frames), BANDS + 1))
    information = np.zeros((BANDS + 1, BANDS + 1))
    information[:BANDS, :BANDS] = np.linalg.inv(np.array(BETWEEN, dtype=np.float64))
    information[BANDS, BANDS] = 1 / RANGES**2
    both, one = stretches.both, stretches.one
    frames_of_both = stretches.frames.min(axis=1) * both
    near = float(frames_of_both[np.abs(stretches.interval) < NEAR].sum()) / max(
        float(frames_of_both.sum()), 1.0
    )
    spread_of_range = float(np.interp(near, MET, RANGE))
    for index in np.flatnonzero(both | one):
        # Twice the distance from the middle has four times its variance.
        scale = 1.0 if both[index] else 4.0
        frames = float(stretches.frames[index].min() if both[index] else stretches.frames[index].max())
        windows = stretches.windows[index]
        own = np.flatnonzero(windows > FEWEST)
        spread = scale * np.array(WITHIN if both[index] else ALONE)
        spread += np.diag(scale * WINDOW / np.maximum(windows, 0.1))
        if len(own):
            precision = np.linalg.inv(spread[np.ix_(own, own)]) * (frames / HEARD)
            means[index, own] = precision @ stretches.difference[index, own]
            information[np.ix_(own, own)] += precision
        weight = frames / HELD / (2 * spread_of_range**2)
        means[index, BANDS] = weight * np.clip(stretches.interval[index], -WIDEST, WIDEST)
        information[BANDS, BANDS] += weight
    return means, np.asarray(np.linalg.inv(information), dtype=np.float64)
