"""How likely two voices keep their tracks where they may change places: a logistic regression.

Told by continuity (who goes on at one pitch has hardly begun a note there), by how the tracks meet and part,
and by the levels of single partials shortly before and after, which change less than singers differ. The
weights were fitted to 1314 such places in 44 synthetic duets of 12 s (`vocsep.singers.meetings`, crossing,
duet and unison, seeds from 101 on, dry and in rooms) with tracks as estimated, of which 94.5 % were told
right.
"""

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.comb_levels import EVERY
from vocsep.pitch.duet_stretches import CLOSE, Stretches
from vocsep.spectra import HOP, SAMPLE_RATE

Array = NDArray[np.float64]

REACH = 60  # frames on either side in which a track's pitch is looked for
EDGE = 4  # frames of a track that are its pitch there, and of a hole that is no rest
SOFT = 0.6  # semitones of a move that may be no new note
FAR = 12.0  # semitones, more than which makes no difference
FADE = 1.0  # s of rest that halve what an interval says
SLOPE = 6  # frames before and after a touch from which slopes are taken
STEEP = 30.0  # semitones a second
SHORTLY, AWHILE = 3, 8  # windows before and after that are compared
UNLIKE = 20.0  # dB by which partials differ at most
ALIKE = 600.0  # dB^2 of agreement that is much
WEIGHTS = np.array([0.19, 0.43, 2.55, -1.39, -0.76, 0.11, 0.86, 0.36])
ALWAYS = 1.02


def keep_odds(pitch: Array, levels: Array, sure: Array, stretches: Stretches) -> Array:
    """Log odds that both voices stay on their tracks where each stretch begins, ``(stretches,)``; 0 first.

    Args:
        pitch: ``(2, frames)`` semitones, the higher first, NaN = silent.
        levels, sure: of these tracks, as `vocsep.pitch.comb_levels.fitted_levels` gives them.
        stretches: of these tracks.
    """
    odds = np.zeros(len(stretches.frames))
    for index, place in enumerate(stretches.edges[1:-1].tolist(), start=1):
        signs = [*_continuity(pitch, place), *_meeting(pitch[0] - pitch[1], place)]
        signs += [_agreement(levels, sure, place, windows) for windows in (SHORTLY, AWHILE)]
        odds[index] = ALWAYS + WEIGHTS @ np.array(signs)
    return odds


def _continuity(pitch: Array, place: int) -> tuple[float, float, float]:
    """What an exchange costs more than none: notes begun, semitones over rests, and semitones without one."""
    before, after = (
        _edges(pitch[:, max(place - REACH, 0) : place][:, ::-1]),
        _edges(pitch[:, place : place + REACH]),
    )
    hole = before[1][:, None] + after[1]
    move = np.nan_to_num(np.minimum(np.abs(before[0][:, None] - after[0]), FAR))
    brief = hole <= EDGE
    faded = 0.5 ** (hole * HOP / SAMPLE_RATE / FADE)
    costs = (brief * (1 - np.exp(-((move / SOFT) ** 2))), ~brief * move * faded, brief * move / 5)
    onset, rest, leap = (float(c[0, 1] + c[1, 0] - c[0, 0] - c[1, 1]) for c in costs)
    return onset, rest, leap


def _edges(pitch: Array) -> tuple[Array, NDArray[np.int64]]:
    """Pitch at the beginning of two tracks, NaN where they are silent, and frames before they begin."""
    heights, silent = np.full(2, np.nan), np.zeros(2, dtype=np.int64)
    for row, track in enumerate(pitch):
        known = np.flatnonzero(np.isfinite(track))
        if len(known):
            silent[row] = known[0]
            heights[row] = np.median(track[known[known < known[0] + EDGE]])
    return heights, silent


def _meeting(gap: Array, place: int) -> tuple[float, float, float]:
    """Whether the tracks meet, how far apart they stay then, and how much they slow down."""
    around = gap[max(place - SLOPE, 0) : place + SLOPE]
    nearest = float(np.nanmin(around)) if np.isfinite(around).any() else np.inf
    if not (nearest < CLOSE and np.isfinite(gap[place - 1]) and np.isfinite(gap[place])):
        return 0.0, 0.0, 0.0
    came, went = gap[max(place - SLOPE, 0) : place], gap[place + 1 : place + 1 + SLOPE]
    slowed = 0.0
    if min(len(came), len(went)) >= EDGE and np.isfinite(came).all() and np.isfinite(went).all():
        before, after = (
            float(np.polyfit(np.arange(len(part)), part, 1)[0]) * SAMPLE_RATE / HOP for part in (came, went)
        )
        slowed = float(np.clip(abs(before + after) - abs(before - after), -STEEP, STEEP))
    return 1.0, nearest, slowed / 10


def _agreement(levels: Array, sure: Array, place: int, windows: int) -> float:
    """How well the differences between the tracks' partials before a place agree with those after it."""
    at = -(-place // EVERY)
    (before, known), (after, known_too) = (
        _differences(levels[part], sure[part])
        for part in (slice(max(at - windows, 0), at), slice(at, at + windows))
    )
    return float(3 * np.tanh((known * known_too * before * after).sum() / ALIKE))


def _differences(levels: Array, sure: Array) -> tuple[Array, Array]:
    """Mean difference between two tracks' partials in dB, and how much of it is known, 0 to 1."""
    weight = np.where(np.isfinite(levels), sure.clip(0, 1) ** 2, 0.0).min(axis=1)
    total = weight.sum(axis=0)
    between = (np.nan_to_num(levels[:, 0] - levels[:, 1]) * weight).sum(axis=0) / np.maximum(total, 1e-9)
    return between.clip(-UNLIKE, UNLIKE), np.minimum(total / 2, 1.0)
