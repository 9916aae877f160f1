"""Alternative pitches: what the first estimate heard near a voice's track and gave to nobody.

Where several singers share a part they leave each other for a moment: one is late at a change of notes, or
sings a quarter tone away. The track follows one of them; the other stays among the candidates. An alternative
goes to the voice whose track, drawn on through its silences, lies nearest. Whether it sounds at all is for
the adaptation to say (`vocsep.estimator.adapt`), which gives it its share of the voice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.candidates import Candidates
from vocsep.pitch.refinement import continued
from vocsep.pitch.tracks import F0Tracks

CLEAR = 0.5  # salience of a candidate that may be a singer
TAKEN = 0.4  # semitones to any track: nearer than this, it is that track
BLOCK = 4096  # frames that are looked at together: memory stays small in long recordings
NEAR = 2.5  # semitones to the voice's own track, at most


@dataclass(frozen=True, eq=False)
class EstimatedTracks(F0Tracks):
    """Tracks that were estimated from a recording, and what else was heard.

    Args:
        frequencies: as in `F0Tracks`.
        alternative: a further F0 near each voice's own, of the same shape; NaN (or 0) where there is none.
        remarks: what a listener should know of the number of voices.
        sure: the tracks less the ends of notes that are faint (`vocsep.pitch.note_ends`), which is what stems
            are estimated from; all of them by default.
    """

    alternative: F0Tracks
    remarks: tuple[str, ...] = ()
    sure: F0Tracks | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, others in (("alternatives", self.alternative), ("sure parts", self.sure)):
            if others is not None and others.frequencies.shape != self.frequencies.shape:
                raise ValueError(f"{name} {others.frequencies.shape} of tracks {self.frequencies.shape}")

    def fitted(self, frames: int) -> "EstimatedTracks":
        """As of `F0Tracks`, with the alternatives, remarks and sure parts."""
        kept = super().fitted(frames)
        return EstimatedTracks(
            kept.frequencies,
            self.alternative.fitted(frames),
            self.remarks,
            None if self.sure is None else self.sure.fitted(frames),
            names=kept.names,
        )

    def named(self, names: Sequence[str]) -> F0Tracks:
        """As of `F0Tracks`; tracks that had no names keep what else was heard."""
        kept = super().named(names)
        return kept if self.names else replace(self, names=kept.names)


def alternatives_of(tracks: F0Tracks) -> F0Tracks:
    """The alternatives of tracks; silence where they were not estimated from the recording."""
    return (
        tracks.alternative
        if isinstance(tracks, EstimatedTracks)
        else F0Tracks(np.zeros_like(tracks.frequencies))
    )


def surely_sung(tracks: F0Tracks) -> F0Tracks:
    """Tracks without the faint ends of notes that were estimated; given ones as they are."""
    sure = tracks.sure if isinstance(tracks, EstimatedTracks) else None
    return tracks if sure is None else sure


def remarks_of(tracks: F0Tracks) -> tuple[str, ...]:
    """What is to be said of the number of voices of estimated tracks; nothing of others."""
    return tracks.remarks if isinstance(tracks, EstimatedTracks) else ()


def find_alternatives(candidates: Candidates, pitch: NDArray[np.float64]) -> NDArray[np.float64]:
    """The most salient free candidate near each voice.

    Args:
        candidates: of all frames.
        pitch: ``(voices, frames)`` semitones (69 = 440 Hz), NaN = silent.

    Returns:
        ``(voices, frames)`` semitones; NaN = none.
    """
    drawn = continued(pitch)
    drawn[~np.isfinite(pitch).any(axis=1)] = np.inf  # a voice that never sings draws no line
    blocks = [slice(first, first + BLOCK) for first in range(0, pitch.shape[1], BLOCK)]
    return np.concatenate(
        [
            _alternatives(Candidates(candidates.pitch[b], candidates.salience[b]), pitch[:, b], drawn[:, b])
            for b in blocks
        ],
        axis=1,
    )


def _alternatives(
    candidates: Candidates, pitch: NDArray[np.float64], drawn: NDArray[np.float64]
) -> NDArray[np.float64]:
    """`find_alternatives` of a few frames; ``drawn`` are the tracks drawn on through silence."""
    places = np.where(candidates.salience > CLEAR, candidates.pitch, np.nan)  # (frames, candidates)
    to_sung = np.abs(places[None] - pitch[:, :, None])  # (voices, frames, candidates)
    to_drawn = np.abs(places[None] - drawn[:, :, None])
    to_drawn = np.where(np.isfinite(to_drawn), to_drawn, np.inf)
    free = ~(to_sung < TAKEN).any(axis=0) & (to_drawn.min(axis=0) < NEAR)
    alternative = np.full(pitch.shape, np.nan)
    nearest = to_drawn.argmin(axis=0)
    frames = np.arange(pitch.shape[1])
    for voice in range(len(pitch)):
        strength = np.where(free & (nearest == voice), candidates.salience, 0.0)
        best = strength.argmax(axis=1)
        found = strength[frames, best] > 0
        alternative[voice, found] = candidates.pitch[frames[found], best[found]]
    return alternative
