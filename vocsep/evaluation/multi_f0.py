"""Multi-F0 scores of pitch estimates against true tracks: shares from 0 to 1, on the frame grid.

Reference: M. Bay, A. Ehmann and J. S. Downie, "Evaluation of multiple-F0 estimation and tracking systems",
ISMIR 2009.
"""

from dataclasses import dataclass

import mir_eval.multipitch
import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.intonation import cents_apart
from vocsep.pitch.tracks import F0Tracks


@dataclass(frozen=True)
class MultipitchScores:
    """Shares from 0 to 1 over all frames, whichever voice a frequency is assigned to."""

    precision: float
    recall: float
    f: float
    accuracy: float


def multipitch_scores(reference: F0Tracks, estimate: F0Tracks, cents: float = 50.0) -> MultipitchScores:
    """Multi-F0 precision, recall, F and accuracy, matched by mir_eval; the longer of the two decides the end.

    Args:
        reference: the true tracks.
        estimate: the estimated ones, of any number of voices.
        cents: a frequency this close to the true one is right.
    """
    frames = max(reference.frames, estimate.frames)
    true, guess = _frequencies(reference.fitted(frames)), _frequencies(estimate.fitted(frames))
    right = int(np.sum(_matches(true, guess, cents)))
    wanted, given = int(reference.voiced.sum()), int(estimate.voiced.sum())
    precision, recall = _share(right, given), _share(right, wanted)
    f = _share(2 * right, wanted + given)
    return MultipitchScores(precision, recall, f, _share(right, wanted + given - right))


def voice_recall(reference: F0Tracks, estimate: F0Tracks, cents: float = 50.0) -> NDArray[np.float64]:
    """Share of each voice's voiced frames in which the **same row** of the estimate is right, ``(voices,)``.

    NaN for a voice that is never voiced.

    Raises:
        ValueError: the numbers of voices differ.
    """
    if reference.voices != estimate.voices:
        raise ValueError(f"reference has {reference.voices} voices, estimate {estimate.voices}")
    apart = np.abs(cents_apart(estimate.fitted(reference.frames).frequencies, reference.frequencies))
    right = np.sum(apart <= cents, axis=1)  # NaN compares as false: unvoiced is never right
    return np.array([_share(r, n) for r, n in zip(right, np.sum(reference.voiced, axis=1), strict=True)])


def _frequencies(tracks: F0Tracks) -> list[NDArray[np.float64]]:
    return [frame[np.isfinite(frame)] for frame in tracks.frequencies.T]


def _matches(
    reference: list[NDArray[np.float64]], estimate: list[NDArray[np.float64]], cents: float
) -> NDArray[np.float64]:
    """Number of right frequencies in each frame, each true one matched at most once."""
    midi = [mir_eval.multipitch.frequencies_to_midi(frequencies) for frequencies in (reference, estimate)]
    return np.asarray(
        mir_eval.multipitch.compute_num_true_positives(*midi, window=cents / 100), dtype=np.float64
    )


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")
