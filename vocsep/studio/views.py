"""What the page is told of a project: its state, its pitches and notes, and where it should take care."""

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vocsep.errors import AudioError
from vocsep.player.colours import voice_style
from vocsep.player.marks import in_unison, notes_of_row, unsure
from vocsep.studio.exports import menu
from vocsep.studio.project import Project
from vocsep.transcription.notes import FRAME


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


def _coded(array: NDArray[Any], type_: str) -> str:
    return base64.b64encode(np.ascontiguousarray(array.astype(type_)).tobytes()).decode()
