"""Voices guided by a score: which candidate each part sings, given what is written for it.

Each part has a path of its own through the candidates, so parts may cross and meet as they are written to. In
a frame a candidate costs its log odds, as in `vocsep.pitch.viterbi`, and what it is away from the written
note, up to a bound: wrong notes are sung, too. A candidate that is written for another part costs more.
Within `LOOSE` of the edges of a note the neighbouring one, or the rest, is expected as well. What is written
and heard only faintly is a candidate, too. (S. Ewert, B. Pardo, M. Mueller and M. D. Plumbley,
"Score-informed source separation for musical audio recordings", IEEE Signal Processing Magazine 31, 2014.)

Where bars lack in a score whose parts cross, they are followed by what is written before and after
(`vocsep.transcription.off_score`). Else, voices are followed as without a score, and each part takes the
voice of its place in the order of height in which the parts are written before and after.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.candidates import Candidates, log_odds, pitch_of_bins
from vocsep.pitch.gaps import mend, voiced_runs
from vocsep.pitch.harmonic_stack import BINS, BINS_PER_OCTAVE
from vocsep.transcription.off_score import LONGEST, sung_off_score
from vocsep.transcription.score_fit import ScoreFit, expected_pitch, fit_score
from vocsep.transcription.score_reading import WrittenScore

Array = NDArray[np.float64]

LOOSE = 9  # frames, 144 ms: as exact the alignment is
PROBES = np.arange(-LOOSE, LOOSE + 1, 3)  # frames around each at which the score is read
BESIDE = 500  # frames, 8 s, before and after what is off the score: about where each part sings
CROSS = 0.1  # share of frames in which parts are written the other way round, from which on they cross
NEAR = 0.8  # semitones around the written note in which its salience is looked for
OUTSIDE = 0.6  # semitones, this near a written note costs nothing
WRITTEN = 2.0  # nats, gained by the written note
AWAY, MOST = 2.0, 4.0  # nats a semitone away, and at most: a wrong note
TAKEN = 4.0  # nats more for a candidate that is written for another part
GLIDE, LEAP = 1.0, 4.0  # nats a semitone of movement, and at most
ENTER = 1.5  # nats, a part begins or ends
SINGS, RESTS = 2.0, 1.0  # nats, for singing where a note is written, and against it where a rest is


@dataclass
class ScoreGuide:
    """Handed to `vocsep.pitch.estimate.PitchEstimator.estimate`.

    Attributes:
        score: what is written.
        fit: how it fits the recording; known once voices have been assigned.
        singing: ``(parts, frames)`` nats for singing; known likewise.
        written: ``(parts, frames)`` semitones, NaN = rest; off the score, what is heard there at first; known
            likewise.
    """

    score: WrittenScore
    fit: ScoreFit | None = field(default=None, init=False)
    singing: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32), init=False)
    written: Array = field(default_factory=lambda: np.zeros((0, 0)), init=False)

    @property
    def voices(self) -> int:
        return len(self.score.parts)

    @property
    def names(self) -> list[str]:
        return list(self.score.names)

    @property
    def found(self) -> list[str]:
        """What does not fit, in sentences; empty before voices were assigned."""
        return [] if self.fit is None else [f"score: {one}" for one in self.fit.found]

    def assign(
        self, candidates: Candidates, salience: NDArray[np.uint8], unguided: Callable[[], Array]
    ) -> Array:
        """Pitch of each part.

        Args:
            candidates: of every frame.
            salience: ``(BINS, frames)``, 0 to 255.
            unguided: gives the voices as they are heard without a score, the highest first, ``(parts,
                frames)`` semitones.

        Returns:
            ``(parts, frames)`` semitones, NaN = silent.
        """
        self.fit = fit_score(self.score, salience)
        expected = expected_pitch(self.score, self.fit)
        off = ~np.isfinite(self.fit.position)
        if off.any():
            expected = _filled(expected, candidates, off, unguided)
        self.written = expected
        around = _around(expected)
        self.singing = _singing(around, off)
        pitch, strength = _with_written(candidates, salience, expected)
        cost = _choice_costs(pitch, strength, around)
        return mend(_paths(pitch, cost))


def _filled(
    expected: Array, candidates: Candidates, off: NDArray[np.bool_], unguided: Callable[[], Array]
) -> Array:
    """What is written, and off the score what parts sing there, ``(parts, frames)``."""
    filled = expected.copy()
    whole = _middles(expected)
    cross = _crossing(expected[np.argsort(-whole, kind="stable")]) > CROSS
    voices: Array | None = None
    for first, last in voiced_runs(off):
        beside = _middles(expected[:, max(first - BESIDE, 0) : last + BESIDE])
        home = np.where(np.isfinite(beside), beside, whole)
        if cross and last - first <= LONGEST and np.isfinite(home).all():
            filled[:, first:last] = sung_off_score(candidates, expected, first, last, home)
            continue
        if voices is None:
            voices = unguided()
        filled[np.argsort(-home, kind="stable"), first:last] = voices[:, first:last]
    return np.asarray(filled)


def _crossing(descending: Array) -> float:
    """Share of the frames with several parts in which one is above another that is usually above it.

    Args:
        descending: ``(parts, frames)`` semitones, NaN = rest, the usually highest part first.
    """
    lowest_so_far = np.fmin.accumulate(descending, axis=0)
    above = (descending[1:] > lowest_so_far[:-1]).any(axis=0)  # NaN compares as false
    several = np.isfinite(descending).sum(axis=0) > 1
    return float(above.sum() / max(int(several.sum()), 1))


def _middles(expected: Array) -> Array:
    """Mean of what each part has to sing, ``(parts,)``; NaN where that is nothing."""
    known = np.isfinite(expected)
    total = np.where(known, expected, 0.0).sum(axis=1)
    return np.asarray(
        np.divide(total, known.sum(axis=1), out=np.full(len(total), np.nan), where=known.any(axis=1))
    )


def _around(expected: Array) -> Array:
    """What is written at each frame and a little before and after, ``(parts, frames, probes)``."""
    frames = expected.shape[1]
    at = np.clip(np.arange(frames)[:, None] + PROBES, 0, frames - 1)
    return np.asarray(expected[:, at])


def _singing(around: Array, off: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Nats for singing: where a note is written throughout, and against it where there is none for long; near
    the edges of notes, and off the score, the sound alone decides."""
    written = np.isfinite(around)
    nats = np.where(written.all(axis=2), SINGS, 0.0) - np.where(written.any(axis=2), 0.0, RESTS)
    return np.asarray(np.where(off, 0.0, nats), dtype=np.float32)


def _with_written(
    candidates: Candidates, salience: NDArray[np.uint8], expected: Array
) -> tuple[Array, Array]:
    """Candidates of each part and their salience, ``(parts, frames, candidates + 1)``: the last one is the
    strongest place near the written note, peak or not."""
    parts, frames = expected.shape
    reach = round(NEAR * BINS_PER_OCTAVE / 12)
    first = float(pitch_of_bins(np.zeros(1))[0])
    middle = np.rint((np.nan_to_num(expected, nan=first) - first) * BINS_PER_OCTAVE / 12).astype(np.int64)
    bins = np.clip(middle[:, :, None] + np.arange(-reach, reach + 1), 0, BINS - 1)
    near = salience[bins, np.arange(frames)[None, :, None]] / 255.0
    best = near.argmax(axis=2)[:, :, None]
    place = pitch_of_bins(np.take_along_axis(bins, best, axis=2).astype(np.float64))
    strength = np.take_along_axis(near, best, axis=2)
    there = np.isfinite(expected)[:, :, None] & (strength > 0)
    pitch = np.broadcast_to(candidates.pitch, (parts, *candidates.pitch.shape))
    known = np.broadcast_to(candidates.salience, (parts, *candidates.salience.shape))
    return (
        np.concatenate([pitch, np.where(there, place, np.inf)], axis=2),
        np.concatenate([known, np.where(there, strength, 0.0)], axis=2),
    )


def _choice_costs(pitch: Array, strength: Array, around: Array) -> Array:
    """Cost of each choice of each part, ``(parts, frames, candidates + 2)``, silence last."""
    there = np.isfinite(pitch)
    place = np.where(there, pitch, 0.0)
    # To what is written for the own part.
    away = np.stack([_distance(own, written) for own, written in zip(place, around, strict=True)])
    cost = -(log_odds(strength) + WRITTEN) + np.minimum(
        AWAY * np.maximum(away - OUTSIDE, 0.0), MOST + WRITTEN
    )
    for part in range(len(around)):
        others = np.delete(np.arange(len(around)), part)
        if len(others):
            nearest = np.min([_distance(place[part], around[other]) for other in others], axis=0)
            cost[part] += np.where((nearest < OUTSIDE) & (away[part] >= OUTSIDE), TAKEN, 0.0)
    cost = np.where(there, cost, 1e6)
    return np.pad(cost, ((0, 0), (0, 0), (0, 1)))


def _distance(place: Array, around: Array) -> Array:
    """Semitones from places ``(..., frames, candidates)`` to the nearest of ``(frames, probes)``; infinite in
    rests."""
    written = np.where(np.isfinite(around), around, np.inf)
    return np.asarray(np.abs(place[..., None] - written[:, None, :]).min(axis=-1))


def _paths(pitch: Array, cost: Array) -> Array:
    """The cheapest path of each part (A. J. Viterbi, 1967), ``(parts, frames)`` semitones, NaN = silent."""
    parts, frames, choices = cost.shape
    place = np.where(np.isfinite(pitch), pitch, 0.0)
    back = np.zeros((frames, parts, choices), dtype=np.int8)
    step = np.zeros((parts, choices, choices))
    step[:, -1, :-1] = step[:, :-1, -1] = ENTER
    total = cost[:, 0].copy()
    for frame in range(1, frames):
        moved = np.abs(place[:, frame - 1, :, None] - place[:, frame, None, :])
        step[:, :-1, :-1] = np.minimum(GLIDE * moved, LEAP)
        reached = total[:, :, None] + step
        back[frame] = reached.argmin(axis=1)
        total = reached.min(axis=1) + cost[:, frame]
    rows = np.arange(parts)
    chosen = total.argmin(axis=1)
    tracks = np.full((parts, frames), np.nan)
    for frame in range(frames - 1, -1, -1):
        sings = chosen < choices - 1
        tracks[sings, frame] = pitch[rows[sings], frame, chosen[sings]]
        chosen = back[frame, rows, chosen]
    return tracks
