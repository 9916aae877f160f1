"""What the page is told of a project: its state, its pitches and notes, and where it should take care."""

import base64
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vocsep.errors import AudioError
from vocsep.pictures.pitch import voice_style
from vocsep.pitch.tracks import F0Tracks
from vocsep.spectra import HOP, SAMPLE_RATE
from vocsep.studio.exports import menu
from vocsep.studio.project import Project
from vocsep.transcription.notes import SungNote, notes_of_voice, semitones

FRAME = HOP / SAMPLE_RATE  # s
UNISON = 0.5  # semitones within which two voices sing the same note
UNSURE = 0.3  # share of a stem's energy that is its own, below which it is marked
REST = 3  # unvoiced frames after which notes are found anew: what lies further away changes none


def project_view(project: Project) -> dict[str, Any]:
    """The state of a project, without its pitches."""
    file, info = project.file, project.info
    return {
        "name": project.folder.name,
        "folder": str(project.folder),
        "recording": str(project.recording),
        "seconds": info.seconds,
        "sample_rate": info.sample_rate,
        "channels": info.channels,
        "voices": [{"name": name, "colour": voice_style(v)} for v, name in enumerate(file.voices, start=1)],
        "separated": bool(file.voices),
        "revision": file.revision,
        "stems_revision": file.stems_revision,
        "dirty": project.dirty,
        "can_undo": file.done > 0,
        "can_redo": file.done < len(file.edits),
        "notes": list(file.notes),
        "hop_seconds": FRAME,
        "frames": 0 if project.tracks is None else project.tracks.frames,
        "exports": menu(),
        "saved": True,
    }


def tracks_view(project: Project) -> dict[str, Any]:
    """F0 of every voice, marks of unison and of doubt, and notes.

    Raises:
        AudioError: the recording is not separated yet.
    """
    with project.lock:
        tracks, sure, revision = project.tracks, project.sure, project.file.revision
    if tracks is None:
        raise AudioError("the recording is not separated yet")
    return {
        "revision": revision,
        "hop_seconds": FRAME,
        "voices": [
            {"name": name, "f0": _coded(np.nan_to_num(row), "<f4")}
            for name, row in zip(tracks.names, tracks.frequencies, strict=True)
        ],
        "unison": _coded(in_unison(tracks), "u1"),
        "unsure": _coded(unsure(tracks, sure), "u1"),
        "notes": [
            {"voice": voice, "start": note.onset, "end": note.offset, "midi": round(note.pitch, 2)}
            for voice, row in enumerate(tracks.frequencies)
            for note in notes_of_row(row)
        ],
    }


def in_unison(tracks: F0Tracks) -> NDArray[np.bool_]:
    """``(voices, frames)``, true where another voice sings the same note."""
    pitch = semitones(tracks.frequencies)
    shared = np.zeros(pitch.shape, dtype=np.bool_)
    for one in range(len(pitch)):
        for other in range(one):
            same = np.abs(pitch[one] - pitch[other]) < UNISON
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


def _coded(array: NDArray[Any], type_: str) -> str:
    return base64.b64encode(np.ascontiguousarray(array.astype(type_)).tobytes()).decode()
