"""Notes as MusicXML, for programs that set music: one part a voice, on a grid of sixteenth notes.

Nobody knows the beat of a recording, so the tempo is 120 quarter notes a minute whatever was sung, and onsets
fall on the nearest sixteenth (an eighth of a second). It is a sketch to correct, not a score.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vocsep.errors import DependencyError
from vocsep.media.staging import written_beside
from vocsep.pitch.tracks import F0Tracks
from vocsep.transcription.notes import SungNote, notes_of_voice

QUARTERS = 2.0  # a second
GRID = 4  # steps in a quarter note
BASS_CLEF = 55.0  # MIDI number, parts whose middle is lower are written in the bass clef


def require_music21(path: Path) -> Any:
    """The package music21.

    Raises:
        DependencyError: it is not installed.
    """
    try:
        import music21
    except ImportError:
        raise DependencyError(
            f'{path.name}: MusicXML needs music21; install it with: python -m pip install "vocsep[score]"'
        ) from None
    return music21


def write_musicxml(tracks: F0Tracks, path: Path, names: Sequence[str], start: float = 0.0) -> None:
    """Write one part a voice.

    Args:
        tracks: F0 of every voice.
        path: target, written beside and renamed.
        names: of the parts.
        start: time of the first frame in s.

    Raises:
        DependencyError: music21 is not installed.
    """
    music21 = require_music21(path)
    score = music21.stream.Score()
    score.metadata = music21.metadata.Metadata(title=path.stem)
    for row, name in zip(tracks.frequencies, names, strict=True):
        part = music21.stream.Part()
        part.partName = name
        part.append(music21.tempo.MetronomeMark(number=60 * QUARTERS))
        part.append(music21.meter.TimeSignature("4/4"))
        notes = notes_of_voice(row)
        middle = sorted(note.pitch for note in notes)[len(notes) // 2] if notes else 69.0
        part.append(music21.clef.BassClef() if middle < BASS_CLEF else music21.clef.TrebleClef())
        for onset, length, pitch in on_grid(notes, start):
            part.insert(onset / GRID, music21.note.Note(round(pitch), quarterLength=length / GRID))
        score.insert(0, part)
    with written_beside(path) as staged:
        score.makeNotation().write("musicxml", fp=str(staged))


def on_grid(notes: Sequence[SungNote], start: float) -> list[tuple[int, int, float]]:
    """Onset and length in steps of the grid, at least one and never into the next note, and pitch.

    >>> on_grid([SungNote(0, 20, 60.0), SungNote(20, 24, 62.0)], 0.0)
    [(0, 2, 60.0), (2, 1, 62.0)]
    """
    steps = QUARTERS * GRID
    onsets: list[int] = []
    for note in notes:
        wanted = round((start + note.onset) * steps)
        onsets.append(max(wanted, onsets[-1] + 1) if onsets else wanted)
    placed = []
    for note, onset, following in zip(notes, onsets, [*onsets[1:], None], strict=True):
        length = max(round((start + note.offset) * steps) - onset, 1)
        placed.append((onset, length if following is None else min(length, following - onset), note.pitch))
    return placed
