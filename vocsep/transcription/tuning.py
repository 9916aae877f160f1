"""The tuning of a whole choir through a piece, and its drift.

A note of pitch p_i (semitones) at time t_i was meant to be a whole number n_i on a grid that the choir
carries
along: p_i = n_i + c(t_i) + e_i. The grid c is first the circular mean of p_i in a window that moves through
the piece, unwrapped in time so that it may leave +-50 cents; then n_i is the nearest whole number and c the
local line through p_i - n_i with Gaussian weights. Notes count by their length.

Drift is the slope of the straight line through all p_i - n_i, and that slope times the length of the piece
(M. Mauch, K. Frieler and S. Dixon, "Intonation in unaccompanied singing: accuracy, drift, and a model of
reference pitch memory", JASA 136, 2014). That the grid is one of equal temperament which moves with the
performance: C. Weiss, S. J. Schlecht, S. Rosenzweig and M. Mueller, "Towards measuring intonation quality of
choir recordings: a case study on Bruckner's Locus Iste", ISMIR 2019.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

WINDOW = 5.0  # s, standard deviation of the moving window
GRID = 1.0  # s between points of the curve
ROUNDS = 3  # of nearest numbers and curve


@dataclass(frozen=True)
class Tuning:
    """Where the grid of a choir lies.

    Attributes:
        times: ``(points,)`` s, from the first to the last note.
        curve: ``(points,)`` cents above the tempered grid of A4 = 440 Hz.
        numbers: ``(notes,)`` MIDI number that each note was meant to be.
        slope: cents a minute, of the line through all notes.
        drift: cents, from the first note to the last along that line.
        start: cents, of that line at the first note.
    """

    times: Array
    curve: Array
    numbers: NDArray[np.int64]
    slope: float
    drift: float
    start: float

    def at(self, times: Array) -> Array:
        """The curve at any times, in cents."""
        return np.asarray(np.interp(times, self.times, self.curve))

    @property
    def concert_pitch(self) -> float:
        """Hz of A4 at the beginning.

        >>> flat = np.zeros(1)
        >>> Tuning(flat, flat, flat.astype(int), 0.0, 0.0, 0.0).concert_pitch
        440.0
        """
        return float(440.0 * 2 ** (self.start / 1200))


def tuning_of(times: Array, pitch: Array, weights: Array) -> Tuning:
    """Tuning of all notes of all voices.

    Args:
        times: ``(notes,)`` s, the middle of each note; at least one.
        pitch: ``(notes,)`` mean pitch in semitones.
        weights: ``(notes,)`` above 0, such as lengths.
    """
    grid = np.arange(times.min(), times.max() + GRID, GRID)
    near = weights * np.exp(-0.5 * ((grid[:, None] - times) / WINDOW) ** 2) + 1e-12 * weights
    angle = np.unwrap(np.angle(near @ np.exp(2j * np.pi * pitch)))
    curve = angle / (2 * np.pi)
    for _ in range(ROUNDS):
        numbers = np.rint(pitch - np.interp(times, grid, curve))
        curve = _local_line(grid, times, pitch - numbers, near)
    centre = np.average(times, weights=weights)
    away = pitch - numbers
    moved = times - centre
    spread = float(np.sum(weights * moved**2))
    slope = float(np.sum(weights * moved * (away - np.average(away, weights=weights)))) / max(spread, 1e-9)
    level = float(np.average(away, weights=weights)) - slope * (centre - times.min())
    # The grid nearest to A4 = 440 Hz: a choir that is a semitone low sings other notes.
    whole = round(level)
    return Tuning(
        grid,
        100 * (curve - whole),
        (numbers + whole).astype(np.int64),
        6000 * slope,
        100 * slope * float(np.ptp(times)),
        100 * (level - whole),
    )


def _local_line(grid: Array, times: Array, values: Array, near: Array) -> Array:
    """Value at each point of the grid of the line that fits best around it, ``near`` being the weights."""
    away = times - grid[:, None]
    total, first, second = near.sum(axis=1), (near * away).sum(axis=1), (near * away**2).sum(axis=1)
    mean, sloped = near @ values, (near * away) @ values
    spread = total * second - first**2
    # Where a window holds notes of one moment only, there is no slope.
    steady = spread > 1e-3 * total**2
    line = (second * mean - first * sloped) / np.where(steady, spread, 1.0)
    return np.asarray(np.where(steady, line, mean / total))
