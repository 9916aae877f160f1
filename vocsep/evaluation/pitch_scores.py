"""Scores of F0 tracks against true ones, voice by voice: is each voice where it should be, and if not, why?

Conventions: rows are voices, frames are 16 ms; of two tracks of unequal length the shorter one is continued
unvoiced. A frequency is *right* where it lies within 50 cents of the true one. All scores but the error in
cents are shares from 0 to 1, and NaN where they are shares of nothing.

References: M. Bay, A. Ehmann and J. S. Downie, "Evaluation of multiple-F0 estimation and tracking systems",
ISMIR 2009 (multi-F0 scores); J. Salamon, E. Gomez, D. P. W. Ellis and G. Richard, "Melody extraction from
polyphonic music signals: approaches, applications, and challenges", IEEE Signal Processing Magazine 31 (2),
2014 (raw pitch and chroma accuracy, voicing recall and false alarm).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from vocsep.errors import F0Error
from vocsep.evaluation.multi_f0 import MultipitchScores, multipitch_scores
from vocsep.pitch.tracks import F0Tracks, cents_apart

RIGHT = 50.0  # cents, a frequency this close to the true one is right
STRICT = 20.0  # cents, the second, stricter bound of the multi-F0 scores
OCTAVE = 1200.0  # cents


@dataclass(frozen=True)
class VoiceScores:
    """How well one voice of the reference is followed by one row of the estimate.

    Attributes:
        voice: its number in the reference, 1 = the first row.
        estimate: number of the estimate's row that it is compared with; None: no row is left for it, which
            is scored like a silent one.
        frames: in which the reference sings.
        raw_pitch_accuracy: share of these in which the estimate is right; silence is wrong.
        voicing_recall: share of these in which the estimate sings at all.
        voicing_false_alarm: share of the other frames, in which the reference is silent, where it sings.
        median_error_cents: median distance from the true frequency in cents, of the right frames only.
        other_voice: share of the reference's frames in which the estimate is wrong and within 50 cents of
            what another voice of the reference sings there.
        octave_errors: share of the reference's frames in which the estimate is wrong and would be right one
            or more whole octaves away (raw chroma accuracy minus raw pitch accuracy). A frame whose note
            another voice sings an octave away counts here and there.
    """

    voice: int
    estimate: int | None
    frames: int
    raw_pitch_accuracy: float
    voicing_recall: float
    voicing_false_alarm: float
    median_error_cents: float
    other_voice: float
    octave_errors: float


@dataclass(frozen=True)
class PitchScores:
    """Everything that is said of an estimate.

    Attributes:
        multipitch: within 50 and within 20 cents, whichever voice a frequency is assigned to.
        voices: one for each voice of the reference, in its order.
        best: whether rows were matched by the best permutation, not by their order.
        left_over: numbers of the estimate's rows that no voice was compared with.
    """

    multipitch: dict[float, MultipitchScores]
    voices: list[VoiceScores]
    best: bool
    left_over: list[int]


def pitch_scores(reference: F0Tracks, estimate: F0Tracks, best: bool = False) -> PitchScores:
    """Compare an estimate with the truth.

    Args:
        reference: the true tracks, ``(voices, frames)``.
        estimate: the estimated ones; of another number of voices and frames, if need be.
        best: match rows by the best permutation; done in any case where the numbers of voices differ.

    Raises:
        F0Error: the reference is nowhere voiced.

    >>> truth = F0Tracks([[440.0, 440.0], [220.0, 220.0]])
    >>> scores = pitch_scores(truth, F0Tracks([[441.0, 220.0], [219.0, 0.0]]))
    >>> [voice.raw_pitch_accuracy for voice in scores.voices], scores.voices[0].other_voice
    ([0.5, 0.5], 0.5)
    """
    if not reference.voiced.any():
        raise F0Error("the reference is nowhere voiced, so there is nothing to compare with")
    frames = max(reference.frames, estimate.frames)
    truth, guess = reference.fitted(frames), estimate.fitted(frames)
    best = best or truth.voices != guess.voices
    rows = match_voices(truth, guess) if best else list(range(truth.voices))
    return PitchScores(
        multipitch={cents: multipitch_scores(truth, guess, cents) for cents in (RIGHT, STRICT)},
        voices=[score_voice(truth, voice, guess, row) for voice, row in enumerate(rows)],
        best=best,
        left_over=[row + 1 for row in range(guess.voices) if row not in rows],
    )


def match_voices(reference: F0Tracks, estimate: F0Tracks) -> list[int | None]:
    """The estimate's row for each voice of the reference that makes the sum of their accuracies largest.

    Each row is given once (H. W. Kuhn's assignment problem). Equally good rows go by their order.

    Args:
        reference: ``(voices, frames)``.
        estimate: any number of voices, as many frames.

    Returns:
        One for each voice of the reference, counted from 0; None where the estimate has too few rows.
    """
    accuracy = np.zeros((reference.voices, estimate.voices))
    for voice, (truth, sung) in enumerate(zip(reference.frequencies, reference.voiced, strict=True)):
        accuracy[voice] = _right(estimate.frequencies, truth).sum(axis=1) / max(sung.sum(), 1)
    # A trifle for the row in its own place, so that silent voices and perfect twins stay where they are.
    accuracy += 1e-9 * np.eye(*accuracy.shape)
    rows: list[int | None] = [None] * reference.voices
    for voice, row in zip(*linear_sum_assignment(accuracy, maximize=True), strict=True):
        rows[voice] = int(row)
    return rows


def score_voice(reference: F0Tracks, voice: int, estimate: F0Tracks, row: int | None) -> VoiceScores:
    """Scores of one voice.

    Args:
        reference: all voices, ``(voices, frames)``.
        voice: row of the reference, counted from 0.
        estimate: as many frames.
        row: row of the estimate, counted from 0; None: scored like a silent one.
    """
    truth, sung = reference.frequencies[voice], reference.voiced[voice]
    guess = np.full(truth.shape, np.nan) if row is None else estimate.frequencies[row]
    apart = np.abs(cents_apart(guess, truth))
    right = apart <= RIGHT  # NaN compares as false: where either is unvoiced nothing is right
    from_octave = np.abs(apart - OCTAVE * np.round(apart / OCTAVE))
    others = np.delete(reference.frequencies, voice, axis=0)
    elsewhere = _right(others, guess).any(axis=0)
    return VoiceScores(
        voice=voice + 1,
        estimate=None if row is None else row + 1,
        frames=int(sung.sum()),
        raw_pitch_accuracy=_share(right, sung),
        voicing_recall=_share(np.isfinite(guess), sung),
        voicing_false_alarm=_share(np.isfinite(guess), ~sung),
        median_error_cents=float(np.median(apart[right])) if right.any() else float("nan"),
        other_voice=_share(elsewhere & ~right, sung),
        octave_errors=_share((from_octave <= RIGHT) & ~right, sung),
    )


def _right(rows: NDArray[np.float64], curve: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where each row of ``(voices, frames)`` is within 50 cents of ``(frames,)``; nowhere if unvoiced."""
    return np.asarray(np.abs(cents_apart(rows, curve)) <= RIGHT)


def _share(part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> float:
    return float(part[whole].mean()) if whole.any() else float("nan")
