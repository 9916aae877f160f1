"""F0 and notes of all voices as one JAMS file (E. J. Humphrey et al., "JAMS: a JSON annotated music
specification for reproducible MIR research", ISMIR 2014): per voice a ``pitch_contour`` and a ``note_midi``.
"""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vocsep.pitch.tracks import F0Tracks
from vocsep.transcription.notes import FRAME, notes_of_voice

VERSION = "0.3.4"  # of the JAMS schema


def jams_text(tracks: F0Tracks, names: Sequence[str], start: float, title: str) -> str:
    """The document.

    Args:
        tracks: F0 of every voice.
        names: of the voices.
        start: time of the first frame in s.
        title: of the recording.
    """
    duration = start + tracks.frames * FRAME
    annotations = []
    for row, name in zip(tracks.frequencies, names, strict=True):
        annotations.append(_annotation("pitch_contour", name, _contour(row, start), start, duration))
        annotations.append(_annotation("note_midi", name, _notes(row, start), start, duration))
    document = {
        "annotations": annotations,
        "file_metadata": {
            "title": title,
            "artist": "",
            "release": "",
            "duration": duration,
            "identifiers": {},
            "jams_version": VERSION,
        },
        "sandbox": {},
    }
    return json.dumps(document, allow_nan=False) + "\n"


def _annotation(namespace: str, name: str, data: Any, start: float, end: float) -> dict[str, Any]:
    return {
        "namespace": namespace,
        "data": data,
        "time": start,
        "duration": end - start,
        "annotation_metadata": {
            "curator": {"name": "", "email": ""},
            "annotator": {},
            "version": "",
            "corpus": "",
            "annotation_tools": "vocsep",
            "annotation_rules": "",
            "validation": "",
            "data_source": "automatic",
        },
        "sandbox": {"voice": name},
    }


def _contour(frequencies: NDArray[np.float64], start: float) -> list[dict[str, Any]]:
    """Every frame; 0 Hz and not voiced where the voice is silent."""
    return [
        {
            "time": round(start + frame * FRAME, 6),
            "duration": 0.0,
            "value": {
                "index": 0,
                "frequency": round(frequency, 3) if math.isfinite(frequency) else 0.0,
                "voiced": math.isfinite(frequency),
            },
            "confidence": None,
        }
        for frame, frequency in enumerate(frequencies.tolist())
    ]


def _notes(frequencies: NDArray[np.float64], start: float) -> list[dict[str, Any]]:
    return [
        {
            "time": round(start + note.onset, 6),
            "duration": round(note.duration, 6),
            "value": round(note.pitch, 4),
            "confidence": None,
        }
        for note in notes_of_voice(frequencies)
    ]
