"""What a listener should know before trusting the stems of a recording."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vocsep.filtering.confidence import confidence_by_second
from vocsep.pitch.tracks import F0Tracks
from vocsep.separation.chunk_stems import SeparatedChunk

UNISON = 0.5  # semitones between voices that sing the same note
UNISON_SHARE = 0.15  # of the time in which both sing, from which unison is worth a warning
SELDOM = 0.02  # share of the time, under which a voice may not be there at all


class WithConfidence:
    """Chunks of a recording as they come, and how sure each voice of them is."""

    def __init__(self, chunks: Iterable[SeparatedChunk], tracks: F0Tracks) -> None:
        self._chunks, self._frames = chunks, tracks.frames
        self._energy: list[Tensor] = []

    def __iter__(self) -> Iterator[SeparatedChunk]:
        for separated in self._chunks:
            self._energy.append(separated.own_energy(self._frames))
            yield separated

    def confidence(self) -> NDArray[np.float32]:
        """Of what has passed by, ``(voices, seconds)``: see `vocsep.filtering.confidence`."""
        return confidence_by_second(torch.cat(self._energy, dim=-1)).numpy()


def track_warnings(tracks: F0Tracks) -> list[str]:
    """Remarks on voices that hardly sing, and on neighbours that share one pitch for long."""
    notes = []
    pitch = 12 * np.log2(np.where(tracks.voiced, tracks.frequencies, np.nan))
    for voice, share in enumerate(tracks.voiced.mean(axis=1), start=1):
        if share < SELDOM:
            notes.append(f"voice {voice} sings in {100 * share:.0f} % of the time: are there fewer voices?")
    for voice in range(tracks.voices - 1):
        distance = np.abs(pitch[voice] - pitch[voice + 1])
        both = np.isfinite(distance)
        share = float(np.mean(distance[both] < UNISON)) if both.any() else 0.0
        if share > UNISON_SHARE:
            notes.append(
                f"voices {voice + 1} and {voice + 2} sing in unison in {100 * share:.0f} % of the time in "
                "which both sing: there they cannot be told apart well"
            )
    return notes
