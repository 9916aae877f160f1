"""What a pitch picture marks: notes, unisons, and where little of a stem is the voice's own."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.joining import SAME
from vocsep.pitch.tracks import F0Tracks
from vocsep.transcription.notes import FRAME, SungNote, notes_of_voice, semitones

UNSURE = 0.3  # share of a stem's energy that is its own, below which it is marked
REST = 3  # unvoiced frames after which notes are found anew: what lies further away changes none


def in_unison(tracks: F0Tracks) -> NDArray[np.bool_]:
    """``(voices, frames)``, true where another voice sings the same note."""
    pitch = semitones(tracks.frequencies)
    shared = np.zeros(pitch.shape, dtype=np.bool_)
    for one in range(len(pitch)):
        for other in range(one):
            same = np.abs(pitch[one] - pitch[other]) < SAME
            shared[[one, other]] |= same
    return shared


def unsure(tracks: F0Tracks, sure: NDArray[np.float32]) -> NDArray[np.bool_]:
    """``(voices, frames)``, true where a voice sings and little of its stem is its own.

    Args:
        sure: ``(voices, seconds)``, NaN where a stem is silent.
    """
    second = np.minimum((np.arange(tracks.frames) * FRAME).astype(int), max(sure.shape[1] - 1, 0))
    return np.asarray((sure[:, second] < UNSURE) & tracks.voiced)


def notes_of_row(row: NDArray[np.float64]) -> list[SungNote]:
    """Notes of a voice ``(frames,)`` in Hz, found anew only where its F0 changed since the last time."""
    voiced = np.flatnonzero(np.isfinite(row))
    if not voiced.size:
        return []
    groups = np.split(voiced, np.flatnonzero(np.diff(voiced) > REST) + 1)
    return [
        SungNote(int(group[0]) + first, int(group[0]) + last, pitch)
        for group in groups
        for first, last, pitch in _notes(row[group[0] : group[-1] + 1].tobytes())
    ]


@lru_cache(maxsize=50_000)
def _notes(row: bytes) -> tuple[tuple[int, int, float], ...]:
    return tuple((note.first, note.last, note.pitch) for note in notes_of_voice(np.frombuffer(row)))
