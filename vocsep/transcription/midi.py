"""Notes as a Standard MIDI File: one track and one channel a voice, pitch bend along the F0.

Time is free: 1000 ticks a second at 120 quarter notes a minute, so that an onset is right to a millisecond
and nobody has guessed a metre. The bend covers two semitones to either side, which is what every program
assumes that does not read the registered parameter that says so (MIDI 1.0 Detailed Specification, 1996).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vocsep.errors import DependencyError
from vocsep.media.staging import written_beside
from vocsep.pitch.tracks import F0Tracks
from vocsep.transcription.notes import FRAME, SungNote, notes_of_voice, semitones

TICKS = 500  # in a quarter note
TEMPO = 500_000  # microseconds a quarter note: a tick is a millisecond
BEND = 2  # semitones to either side
FULL = 8192  # steps of the bend in `BEND` semitones
VELOCITY = 80
SMALLEST = 8  # steps (2 cents), a smaller change of the bend is not worth a message
DRUMS = 9  # the channel that programs play as percussion


def require_mido(path: Path) -> Any:
    """The package mido.

    Raises:
        DependencyError: it is not installed.
    """
    try:
        import mido
    except ImportError:
        raise DependencyError(
            f'{path.name}: MIDI needs mido; install it with: python -m pip install "vocsep[midi]"'
        ) from None
    return mido


def channel_of(voice: int) -> int:
    """Channel of a voice (0 = highest), passing over the drums.

    >>> [channel_of(voice) for voice in (0, 8, 9)]
    [0, 8, 10]
    """
    channel = voice % 15
    return channel + 1 if channel >= DRUMS else channel


def write_midi(tracks: F0Tracks, path: Path, names: Sequence[str], start: float = 0.0) -> None:
    """Write the notes of every voice, with the F0 inside each as pitch bend.

    Args:
        tracks: F0 of every voice.
        path: target, written beside and renamed.
        names: of the voices.
        start: time of the first frame in s.

    Raises:
        DependencyError: mido is not installed.
    """
    mido = require_mido(path)
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS, charset="utf-8")
    head = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=TEMPO, time=0)])
    file.tracks.append(head)
    for voice, (row, name) in enumerate(zip(tracks.frequencies, names, strict=True)):
        file.tracks.append(_track(mido, row, name, channel_of(voice), start))
    with written_beside(path) as staged:
        file.save(str(staged))


def _track(mido: Any, frequencies: Any, name: str, channel: int, start: float) -> Any:
    pitch = semitones(frequencies)
    events: list[tuple[int, int, Any]] = []  # tick, order within a tick, message
    for note in notes_of_voice(frequencies):
        events += _events(mido, note, pitch, channel, start)
    events.sort(key=lambda event: event[:2])
    track = mido.MidiTrack([mido.MetaMessage("track_name", name=name, time=0)])
    for control, value in ((101, 0), (100, 0), (6, BEND), (38, 0)):  # registered parameter 0: range of bend
        track.append(mido.Message("control_change", channel=channel, control=control, value=value, time=0))
    now = 0
    for tick, _, message in events:
        track.append(message.copy(time=tick - now))
        now = tick
    return track


def _events(mido: Any, note: SungNote, pitch: Any, channel: int, start: float) -> list[tuple[int, int, Any]]:
    """Note on, bends and note off; of what falls on one tick, off comes before bend and bend before on."""
    number = int(np.clip(round(note.pitch), 0, 127))
    inside = pitch[note.first : note.last]
    known = np.isfinite(inside)  # a note may hold a hole of a frame
    whole = np.interp(np.arange(len(inside)), np.flatnonzero(known), inside[known])
    curve = np.clip((whole - number) / BEND, -1, 1)
    bends = np.clip(np.rint(curve * FULL), -FULL, FULL - 1).astype(int)
    on, off = _tick(start + note.onset), max(_tick(start + note.offset), _tick(start + note.onset) + 1)
    sound = {"note": number, "channel": channel}
    events = [
        (on, 2, mido.Message("note_on", velocity=VELOCITY, **sound)),
        (off, 0, mido.Message("note_off", velocity=0, **sound)),
    ]
    last = None
    for index, bend in enumerate(bends.tolist()):
        if last is None or abs(bend - last) >= SMALLEST:
            tick = on if index == 0 else min(max(_tick(start + (note.first + index) * FRAME), on), off - 1)
            events.append((tick, 1, mido.Message("pitchwheel", channel=channel, pitch=bend)))
            last = bend
    return events


def _tick(seconds: float) -> int:
    return round(seconds * TICKS * 1e6 / TEMPO)
