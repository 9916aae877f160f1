"""What speaks for one track's going on as another after a place at which voices may have changed places.

Who goes on at one pitch has hardly begun a note there; a glide keeps its direction through a crossing; and
the levels of a singer change less from one moment to the next than singers differ.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.comb_levels import EVERY
from vocsep.pitch.duet_stretches import LEVELS, weighted_mean
from vocsep.spectra import HOP, SAMPLE_RATE

Array = NDArray[np.float64]

REACH = 60  # frames on either side in which a track's pitch is looked for
CONTOUR = 8  # frames of a track next to the place
EDGE = 4  # frames of a track that are its pitch there, and of a hole that is no rest
SLOPE = 6  # frames from which a slope is taken
AROUND = 6  # frames to either side in which the tracks' distance is looked at
FAR, APART, BEND = 12.0, 3.0, 3.0  # semitones: of a move, between tracks, within a contour; more is the same
FADE = 1.0  # s of rest that halve what an interval says
SHORTLY, AWHILE = 3, 9  # windows before and after that are compared
UNLIKE = 25.0  # dB by which levels differ at most
LINKS = 16 + 4 * CONTOUR + 4 * LEVELS


@dataclass(frozen=True)
class Side:
    """One track on one side of a place.

    Attributes:
        pitch: semitones next to the place, NaN if the track is silent; ``hole``: frames between.
        contour: ``(CONTOUR,)`` semitones from there, away from the place; ``known``: where it is sung.
        slope: semitones a frame, away from the place.
        levels: ``(2, LEVELS)`` dB, shortly and a while from the place; ``sure``: the same shape, 0 to 1.
    """

    pitch: float
    hole: int
    contour: Array
    known: Array
    slope: float
    levels: Array
    sure: Array


def find_links(pitch: Array, level: Array, certain: Array, edges: NDArray[np.int64]) -> Array:
    """Signs that one track goes on as another, ``(stretches, 2, 2, LINKS)``: where each stretch begins,
    track before it, track after it; zeros where the first begins.

    Args:
        pitch: ``(2, frames)`` semitones, the higher first, NaN = silent.
        level, certain: of these tracks, of `vocsep.pitch.duet_stretches.gathered_levels`.
        edges: ``(stretches + 1,)`` frames.
    """
    gap = pitch[0] - pitch[1]
    links = np.zeros((len(edges) - 1, 2, 2, LINKS))
    for index, place in enumerate(edges[1:-1].tolist(), start=1):
        before = [_side(pitch[track], level[:, track], certain[:, track], place, True) for track in (0, 1)]
        after = [_side(pitch[track], level[:, track], certain[:, track], place, False) for track in (0, 1)]
        near = gap[max(place - AROUND, 0) : place + AROUND]
        near = near[np.isfinite(near)]
        apart = min(float(near.min()), APART) if len(near) else APART
        for one in (0, 1):
            for other in (0, 1):
                links[index, one, other] = _link(before[one], after[other], apart)
    return links


def _side(track: Array, level: Array, certain: Array, place: int, before: bool) -> Side:
    """What a track does on one side of a place."""
    at = -(-place // EVERY)
    if before:
        heard = track[max(place - REACH, 0) : place][::-1]
        near, farther = slice(max(at - SHORTLY, 0), at), slice(max(at - AWHILE, 0), max(at - SHORTLY, 0))
    else:
        heard = track[place : place + REACH]
        near, farther = slice(at, at + SHORTLY), slice(at + SHORTLY, at + AWHILE)
    levels = np.stack([weighted_mean(level[part], certain[part]) for part in (near, farther)])
    sure = np.minimum(np.stack([certain[part].sum(axis=0) for part in (near, farther)]) / 2, 1.0)
    contour, known, sung = np.zeros(CONTOUR), np.zeros(CONTOUR), np.flatnonzero(np.isfinite(heard))
    if not len(sung):
        return Side(np.nan, REACH, contour, known, 0.0, levels, sure)
    hole = int(sung[0])
    height = float(np.median(heard[sung[sung < hole + EDGE]]))
    own = heard[hole : hole + CONTOUR] - height
    silent = np.flatnonzero(~np.isfinite(own))
    count = int(silent[0]) if len(silent) else len(own)
    contour[:count], known[:count] = own[:count].clip(-BEND, BEND), 1.0
    steps = min(count, SLOPE)
    slope = float(np.polyfit(np.arange(steps), contour[:steps], 1)[0]) if steps >= 3 else 0.0
    return Side(height, hole, contour, known, slope, levels, sure)


def _link(before: Side, after: Side, apart: float) -> Array:
    """Signs that the voice on one track before a place is on another one after it, ``(LINKS,)``."""
    hole = before.hole + after.hole
    known = float(np.isfinite(before.pitch) and np.isfinite(after.pitch))
    move = float(np.clip(after.pitch - before.pitch, -FAR, FAR)) if known else 0.0
    brief = known * (hole <= EDGE)
    fade = known * 0.5 ** (hole * HOP / SAMPLE_RATE / FADE)
    length = hole + 3
    # By how much the pitch misses where the slope before the place leads to, the one after it, and both.
    ahead, back, midway = (
        float(np.clip(miss, -FAR, FAR))
        for miss in (
            move + before.slope * length,
            -move + after.slope * length,
            move - 0.5 * (after.slope - before.slope) * length,
        )
    )

    def new(semitones: float, soft: float) -> float:
        return brief * (1 - float(np.exp(-((semitones / soft) ** 2))))

    signs = (
        known,
        brief,
        new(move, 0.6),
        new(move, 0.25),
        brief * abs(move) / 5,
        (1 - brief) * abs(move) * fade / 5,
        move / 5,
        fade,
        new(ahead, 0.6),
        new(back, 0.6),
        new(midway, 0.4),
        brief * min(abs(after.slope + before.slope), 0.5) * 4,
        brief * min(abs(after.slope - before.slope), 0.5) * 4,
        apart / 3,
        brief * apart / 3,
        min(hole, 60) / 30,
    )
    sure = np.minimum(before.sure, after.sure)
    unlike = np.abs(np.clip(after.levels - before.levels, -UNLIKE, UNLIKE)) / 10 * sure
    drawn = (before.contour, before.known, after.contour, after.known)
    return np.concatenate((signs, *drawn, unlike.ravel(), sure.ravel()))
