"""Who pulls: whether the others go where a voice went before.

On a grid of half seconds v_j is how far voice j sings from the tempered grid, o_j the mean of the others. If
the others follow voice j, their way in the next two seconds, o_j(t + T) - o_j(t), goes with how far the voice
was from where they had been, v_j(t) - o_j(t - T). Reported is the slope of that regression, which is the
share of the distance that the others give way, and how sure it is (Student's t). The two differences share no
sample, so noise alone gives 0. Compare J. Dai and S. Dixon, "Analysis of interactive intonation in
unaccompanied SATB ensembles", ISMIR 2017."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STEP = 0.5  # s between moments
LATER = 4  # moments, two seconds: T
LEAST = 12  # moments, fewer say nothing
SURE = 3.0  # Student's t above which a voice is said to pull


@dataclass(frozen=True)
class Pull:
    """How far the others follow a voice.

    Attributes:
        share: of its distance that they give way in two seconds; NaN where too little is known.
        t: of Student, that many standard errors from 0; NaN likewise.
    """

    share: float
    t: float

    @property
    def pulls(self) -> bool:
        return bool(self.t > SURE)


def pulls_of(cents: Array) -> list[Pull]:
    """Of each voice.

    Args:
        cents: ``(voices, moments)`` from the tempered grid, every `STEP` s, NaN where a voice is silent.
    """
    return [_pull(cents[voice], np.delete(cents, voice, axis=0)) for voice in range(len(cents))]


def _pull(voice: Array, others: Array) -> Pull:
    sounding = np.isfinite(others)
    count = sounding.sum(axis=0)
    mean = np.where(count > 0, np.where(sounding, others, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)
    ahead = voice[LATER:-LATER] - mean[: -2 * LATER]
    way = mean[2 * LATER :] - mean[LATER:-LATER]
    known = np.isfinite(ahead) & np.isfinite(way)
    if known.sum() < LEAST:
        return Pull(np.nan, np.nan)
    x, y = ahead[known] - ahead[known].mean(), way[known] - way[known].mean()
    spread = float(x @ x)
    if spread < 1e-9:
        return Pull(np.nan, np.nan)
    share = float(x @ y) / spread
    # Moments within a note say the same thing again: two seconds count as one.
    free = max(known.sum() / LATER - 2, 1.0)
    error = float(np.sqrt(np.sum((y - share * x) ** 2) / known.sum() / free / (spread / known.sum())))
    return Pull(share, share / max(error, 1e-9))


def moments(first: Array, last: Array, cents: Array, voices: NDArray[np.int64], count: int) -> Array:
    """Notes on the grid of moments, ``(count, moments)`` in cents, NaN where a voice is silent.

    Args:
        first, last: ``(notes,)`` s.
        cents: ``(notes,)``.
        voices: ``(notes,)`` row of each note.
        count: number of voices.
    """
    times = np.arange(0.0, float(last.max(initial=0.0)), STEP)
    table = np.full((count, len(times)), np.nan)
    for voice, begin, end, value in zip(voices, first, last, cents, strict=True):
        table[voice, (times >= begin) & (times < end)] = value
    return table
