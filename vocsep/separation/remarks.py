"""What a listener should know before trusting the stems of a recording."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vocsep.filtering.confidence import confidence_by_second
from vocsep.pitch.alternatives import EstimatedTracks
from vocsep.pitch.harmonic_stack import bin_frequencies
from vocsep.pitch.joining import SAME
from vocsep.pitch.tracks import F0Tracks
from vocsep.separation.chunk_stems import SeparatedChunk

UNISON_SHARE = 0.15  # of the time in which both sing, from which unison is worth a warning
EDGE = 1.0  # semitones from the lowest or highest F0 that can be heard
AT_THE_EDGE = 0.02  # share of a voice's singing there, from which it is worth a warning
SELDOM = 0.02  # share of the time, under which a voice may not be there at all


class WithConfidence:
    """Chunks of a recording as they come, and how sure each voice of them is.

    Attributes:
        remarks: on whose voice is on which track.
    """

    def __init__(
        self, chunks: Iterable[SeparatedChunk], tracks: F0Tracks, remarks: Sequence[str] = ()
    ) -> None:
        self._chunks, self._frames = chunks, tracks.frames
        self.remarks = list(remarks)
        self._energy: list[Tensor] = []

    def __iter__(self) -> Iterator[SeparatedChunk]:
        for separated in self._chunks:
            self._energy.append(separated.own_energy(self._frames))
            yield separated

    def confidence(self) -> NDArray[np.float32]:
        """Of what has passed by, ``(voices, seconds)``: see `vocsep.filtering.confidence`."""
        return confidence_by_second(torch.cat(self._energy, dim=-1)).numpy()


def track_warnings(tracks: F0Tracks) -> list[str]:
    """Remarks on voices that hardly sing, and on voices that share one pitch for long."""
    notes = []
    pitch = 12 * np.log2(np.where(tracks.voiced, tracks.frequencies, np.nan))
    for voice, share in enumerate(tracks.voiced.mean(axis=1), start=1):
        if share < SELDOM:
            notes.append(f"voice {voice} sings in {100 * share:.0f} % of the time: are there fewer voices?")
    if isinstance(tracks, EstimatedTracks):  # pitches that are given have no bounds
        notes += [*tracks.remarks, *_notes_of_bounds(pitch)]
    for one, other in combinations(range(tracks.voices), 2):  # in whatever order they lie
        distance = np.abs(pitch[one] - pitch[other])
        both = np.isfinite(distance)
        share = float(np.mean(distance[both] < SAME)) if both.any() else 0.0
        if share > UNISON_SHARE:
            notes.append(
                f"voices {one + 1} and {other + 1} sing in unison in {100 * share:.0f} % of the time in "
                "which both sing: there they cannot be told apart well"
            )
    return notes


def _notes_of_bounds(pitch: NDArray[np.float64]) -> list[str]:
    """Voices that sing close to the bounds of what can be heard: what lies beyond them is missed.

    Args:
        pitch: ``(voices, frames)`` in semitones above 1 Hz, NaN = silent.
    """
    low, high = (float(hertz) for hertz in bin_frequencies()[[0, -1]])
    bounds = (
        ("lower", low, pitch < 12 * np.log2(low) + EDGE),
        ("upper", high, pitch > 12 * np.log2(high) - EDGE),
    )
    notes = []
    for end, hertz, near in bounds:
        for voice in range(len(pitch)):
            sung = np.isfinite(pitch[voice])
            share = float(near[voice][sung].mean()) if sung.any() else 0.0
            if share > AT_THE_EDGE:
                notes.append(
                    f"voice {voice + 1} sings near the {end} bound of what is heard, {hertz:.0f} Hz, in "
                    f"{100 * share:.0f} % of its time: what lies beyond is missed or heard at another octave"
                )
    return notes
