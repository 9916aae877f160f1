"""The F0 inside one note: its mean, how it slides, and its vibrato.

In the middle of a note, away from the glides at its edges, the pitch in semitones is taken as

    p(t) = c + b t + u cos(2 pi f t) + v sin(2 pi f t)

with t = 0 in the middle, c, b, u, v by least squares and f the rate between 4 and 8 Hz that leaves least. c
is the mean pitch of the note, free of the incomplete cycle of vibrato that a plain mean would contain; that
the pitch heard of a vibrato tone is its mean: S. Shonle and K. Horan, "The pitch of vibrato tones", JASA 67,
1980. Rate and extent sqrt(u^2 + v^2), to either side, as in E. Prame, "Vibrato extent and intonation in
professional Western lyric singing", JASA 102, 1997. Slope and mean describe a note as in J. Devaney,
M. I. Mandel and I. Fujinaga, "A study of intonation in three-part singing using the automatic music
performance analysis and comparison toolkit (AMPACT)", ISMIR 2012.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vocsep.transcription.notes import FRAME

Array = NDArray[np.float64]

RATES = np.arange(4.0, 8.01, 0.1)  # Hz, of vibrato
CYCLES = 2.0  # of the slowest vibrato, at least, that a note must hold
LEAST_EXTENT = 8.0  # cents, less is no vibrato
LEAST_SHARE = 0.35  # of what is not a straight line, that the vibrato must explain
ATTACK, RELEASE = 0.1, 0.06  # s left out at the edges of a note
MIDDLE = 0.5  # share of a short note that is kept at least
STRAY = 1.0  # semitones from the median, further away is no pitch of this note


@dataclass(frozen=True)
class Contour:
    """What one note does.

    Attributes:
        mean: semitones (MIDI number).
        slope: cents a second.
        vibrato_rate: Hz; NaN without vibrato.
        vibrato_extent: cents to either side; NaN without vibrato.
    """

    mean: float
    slope: float
    vibrato_rate: float
    vibrato_extent: float


def contour_of(pitch: Array) -> Contour:
    """Mean, slope and vibrato of one note.

    Args:
        pitch: ``(frames,)`` in semitones, at least one of them finite.
    """
    time, middle = _middle(pitch)
    if len(middle) < 4:
        return Contour(float(np.median(middle)), math.nan, math.nan, math.nan)
    line = np.stack([np.ones_like(time), time], axis=1)
    straight, left = _fitted(line[None], middle)
    mean, slope = float(straight[0, 0]), 100 * float(straight[0, 1])
    if len(middle) * FRAME * RATES[0] < CYCLES:
        return Contour(float(middle.mean()), slope, math.nan, math.nan)
    angle = 2 * np.pi * RATES[:, None] * time
    waves = np.stack([np.cos(angle), np.sin(angle)], axis=2)
    designs = np.concatenate([np.broadcast_to(line, (len(RATES), *line.shape)), waves], axis=2)
    found, rest = _fitted(designs, middle)
    best = int(rest.argmin())
    extent = 100 * float(np.hypot(found[best, 2], found[best, 3]))
    if extent < LEAST_EXTENT or rest[best] > (1 - LEAST_SHARE) * left[0]:
        return Contour(mean, slope, math.nan, math.nan)
    return Contour(float(found[best, 0]), 100 * float(found[best, 1]), float(RATES[best]), extent)


def _middle(pitch: Array) -> tuple[Array, Array]:
    """Time in s around the middle of the note, and pitch, without glides, silence and strays."""
    frames = len(pitch)
    first, last = round(ATTACK / FRAME), frames - round(RELEASE / FRAME)
    if last - first < MIDDLE * frames:
        first, last = int(frames * (1 - MIDDLE) / 2), math.ceil(frames * (1 + MIDDLE) / 2)
    time = (np.arange(frames) - (first + last - 1) / 2) * FRAME
    median = np.nanmedian(pitch)
    kept = np.abs(pitch - median) < STRAY
    inside = kept.copy()
    inside[:first] = inside[last:] = False
    kept = inside if inside.any() else kept
    return np.asarray(time[kept]), np.asarray(pitch[kept])


def _fitted(designs: Array, values: Array) -> tuple[Array, Array]:
    """Least squares for each of some designs ``(designs, frames, columns)``: coefficients, squared rest."""
    turned = designs.transpose(0, 2, 1)
    normal = turned @ designs + 1e-9 * np.eye(designs.shape[2])
    coefficients = np.linalg.solve(normal, (turned @ values)[:, :, None])[:, :, 0]
    rest = values - np.einsum("dfc,dc->df", designs, coefficients)
    return np.asarray(coefficients), np.asarray((rest**2).sum(axis=1))
