"""Where an F0 estimate exchanges voices: one voice has the pitch of another one and not its own.

Conventions: rows are voices, frames are 16 ms; a frequency is *right* where it lies within 50 cents of the
true one. A frame in which voice a has the F0 of voice b and not its own belongs to the pair a, b; so does one
in which b has that of a. Where two voices sing in unison nobody can be exchanged: both are right.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from vocsep.evaluation.pitch_scores import RIGHT
from vocsep.pitch.intonation import cents_apart
from vocsep.pitch.tracks import F0Tracks
from vocsep.spectra import HOP, SAMPLE_RATE

SHORTEST = 0.3  # s, exchanges of at most this are errors of single notes and are not listed
BRIDGED = 0.3  # s, an exchange goes on over an interruption of at most this: a consonant, a breath


@dataclass(frozen=True)
class Exchange:
    """A stretch in which two voices are exchanged.

    Attributes:
        start, end: s.
        voices: numbers of the two in the reference, 1 = the first row.
        shares: of the exchanged frames, in which the first one has the F0 of the second, and the second one
            that of the first. Both are 1 where the two have changed places all the time.
    """

    start: float
    end: float
    voices: tuple[int, int]
    shares: tuple[float, float]


def exchange_shares(
    reference: F0Tracks, estimate: F0Tracks, rows: Sequence[int | None] | None = None
) -> NDArray[np.float64]:
    """How often each voice has the F0 of each other one and not its own.

    Args:
        reference: the true tracks, ``(voices, frames)``.
        estimate: any number of frames; after its end it is unvoiced.
        rows: the row of the estimate that each voice is compared with, counted from 0; None for a voice that
            has none. Default: in order.

    Returns:
        ``(voices, voices)``: shares of the frames in which the voice of the line is voiced in the reference;
        NaN for a voice that is never voiced, 0 on the diagonal.

    Raises:
        ValueError: there are not as many rows as voices.

    >>> truth = F0Tracks([[440.0, 440.0], [220.0, 220.0]])
    >>> exchange_shares(truth, F0Tracks([[440.0, 220.0], [220.0, 0.0]])).tolist()
    [[0.0, 0.5], [0.0, 0.0]]
    """
    taken = _taken(reference, estimate, rows)
    voiced = reference.voiced
    counts = np.sum(taken & voiced[:, None], axis=2)
    return np.stack(
        [c / n if n else np.full(len(c), np.nan) for c, n in zip(counts, voiced.sum(1), strict=True)]
    )


def exchanges(
    reference: F0Tracks, estimate: F0Tracks, rows: Sequence[int | None] | None = None
) -> list[Exchange]:
    """All stretches longer than 0.3 s in which two voices are exchanged, in the order of their starts.

    Interruptions of up to 0.3 s are bridged; the exchanged frames themselves must last longer than 0.3 s.

    Args:
        reference, estimate, rows: as in `exchange_shares`.

    Raises:
        ValueError: there are not as many rows as voices.

    >>> truth = F0Tracks([[440.0] * 50, [220.0] * 50])
    >>> exchanges(truth, F0Tracks([[440.0] * 25 + [220.0] * 25, [220.0] * 25 + [440.0] * 25]))
    [Exchange(start=0.4, end=0.8, voices=(1, 2), shares=(1.0, 1.0))]
    """
    taken = _taken(reference, estimate, rows)
    found = []
    for one, other in combinations(range(reference.voices), 2):
        ways = np.stack((taken[one, other], taken[other, one]))
        either = ways[0] | ways[1]
        for first, last in _stretches(either):
            inside = either[first:last].sum()
            if inside * HOP / SAMPLE_RATE > SHORTEST:
                start, end = (frame * HOP / SAMPLE_RATE for frame in (first, last))
                there, back = (float(way[first:last].sum() / inside) for way in ways)
                found.append(Exchange(start, end, (one + 1, other + 1), (there, back)))
    return sorted(found, key=lambda exchange: (exchange.start, exchange.voices))


def _taken(reference: F0Tracks, estimate: F0Tracks, rows: Sequence[int | None] | None) -> NDArray[np.bool_]:
    """``(voices, voices, frames)``: where the first one has the F0 of the second, and not its own."""
    rows = range(estimate.voices) if rows is None else rows
    if len(rows) != reference.voices:
        raise ValueError(f"reference has {reference.voices} voices, {len(rows)} rows are compared with them")
    guess = np.full(reference.frequencies.shape, np.nan)
    fitted = estimate.fitted(reference.frames).frequencies
    for voice, row in enumerate(rows):
        if row is not None:
            guess[voice] = fitted[row]
    near = np.abs(cents_apart(guess[:, None], reference.frequencies[None])) <= RIGHT  # NaN: nobody is near
    own = np.diagonal(near).T  # (voices, frames)
    return np.asarray(near & ~own[:, None])


def _stretches(marked: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First frame and the one after the last of each stretch, interruptions of up to `BRIDGED` included."""
    frames = np.flatnonzero(marked)
    if not frames.size:
        return []
    gaps = np.flatnonzero(np.diff(frames) - 1 > BRIDGED * SAMPLE_RATE / HOP)
    firsts = frames[np.concatenate(([0], gaps + 1))]
    lasts = frames[np.concatenate((gaps, [frames.size - 1]))]
    return [(int(first), int(last) + 1) for first, last in zip(firsts, lasts, strict=True)]
