"""Candidates: the peaks of the salience in each frame, refined below a bin."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.harmonic_stack import ANCHOR, BELOW, BINS_PER_OCTAVE

CANDIDATES = 6  # of a frame for up to four voices, two more than the number of voices beyond
FLOOR = 0.08  # salience under which a peak is no candidate

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Candidates:
    """The strongest peaks of each frame, lowest frequency first.

    Attributes:
        pitch: ``(frames, candidates)`` in semitones (MIDI numbers, 69 = 440 Hz); infinity where there is no
            peak.
        salience: ``(frames, candidates)``, 0 to 1; 0 where there is no peak.
    """

    pitch: Array
    salience: Array

    @property
    def frames(self) -> int:
        return len(self.pitch)

    @property
    def count(self) -> int:
        return int(self.pitch.shape[1])

    def strongest(self, count: int) -> "Candidates":
        """Only the ``count`` most salient candidates of each frame, still in order of pitch."""
        if count >= self.count:
            return self
        chosen = np.sort(np.argsort(-self.salience, axis=1)[:, :count], axis=1)
        return Candidates(
            np.take_along_axis(self.pitch, chosen, axis=1), np.take_along_axis(self.salience, chosen, axis=1)
        )


def log_odds(salience: Array) -> Array:
    """How sure a peak is, in nats; bounded where salience is 0 or 1."""
    clipped = np.clip(salience, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))


def pitch_of_bins(position: Array) -> Array:
    """MIDI number of a position on the axis of F0 bins (which may be a fraction).

    >>> pitch_of_bins(np.array([0.0, 36.0])).tolist()
    [26.0, 38.0]
    """
    return np.asarray(69 + 12 * np.log2(ANCHOR / 440.0) + (position - BELOW) * 12 / BINS_PER_OCTAVE)


def find_candidates(salience: NDArray[np.float32], most: int, floor: float) -> Candidates:
    """Peaks along the F0 axis that rise above ``floor``, at most ``most`` a frame.

    The target of training is a Gaussian, whose logarithm is a parabola: the vertex through the three bins
    around a peak is its refined place.

    Args:
        salience: ``(BINS, frames)``, 0 to 1.
        most: candidates to keep in each frame.
        floor: salience that a peak must exceed.
    """
    framed = np.asarray(salience, dtype=np.float64).T
    padded = np.pad(framed, ((0, 0), (1, 1)), constant_values=0.0)
    left, centre, right = padded[:, :-2], padded[:, 1:-1], padded[:, 2:]
    peak = (centre > left) & (centre >= right) & (centre > floor)
    ranked = np.where(peak, centre, 0.0)
    keep = min(most, framed.shape[1])
    bins = np.argpartition(-ranked, keep - 1, axis=1)[:, :keep]
    strength = np.take_along_axis(ranked, bins, axis=1)
    below, at, above = (
        np.log(np.take_along_axis(side, bins, axis=1) + 1e-6) for side in (left, centre, right)
    )
    curvature = below - 2 * at + above
    shift = np.where(curvature < -1e-9, 0.5 * (below - above) / np.minimum(curvature, -1e-9), 0.0)
    pitch = pitch_of_bins(bins + np.clip(shift, -0.5, 0.5))
    pitch = np.where(strength > 0, pitch, np.inf)
    order = np.argsort(pitch, axis=1)
    return Candidates(np.take_along_axis(pitch, order, axis=1), np.take_along_axis(strength, order, axis=1))
