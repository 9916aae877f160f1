"""Notes of an F0 track: what is one note, what are two."""

import itertools

import numpy as np
import pytest

from vocsep.pitch.tracks import F0Tracks
from vocsep.transcription.notes import FRAME, hertz, notes_of_tracks, notes_of_voice, semitones


def sung(*stretches: tuple[float, float]) -> np.ndarray:
    """Stretches of (seconds, MIDI number), NaN = silent, in Hz."""
    return np.concatenate([np.full(round(seconds / FRAME), hertz(pitch)) for seconds, pitch in stretches])


def test_every_step_is_a_note() -> None:
    notes = notes_of_voice(sung((0.4, 60), (0.4, 61), (0.2, np.nan), (0.4, 61)))
    assert [round(note.pitch) for note in notes] == [60, 61, 61]
    assert [note.onset for note in notes] == pytest.approx([0, 0.4, 1.0], abs=0.02)
    assert [note.offset for note in notes] == pytest.approx([0.4, 0.8, 1.4], abs=0.02)


@pytest.mark.parametrize("extent", [20, 60, 100])
def test_vibrato_is_one_note(extent: float) -> None:
    time = np.arange(150) * FRAME
    notes = notes_of_voice(hertz(64 + extent / 100 * np.sin(2 * np.pi * 5.5 * time)))
    assert len(notes) == 1
    assert notes[0].pitch == pytest.approx(64, abs=0.1)


def test_a_scoop_belongs_to_its_note() -> None:
    time = np.arange(50) * FRAME
    notes = notes_of_voice(hertz(62 - 2.5 * np.exp(-time / 0.03)))
    assert len(notes) == 1
    assert notes[0].onset == 0
    assert notes[0].pitch == pytest.approx(62, abs=0.05)


def test_a_short_dip_parts_two_notes_of_one_pitch() -> None:
    time = (np.arange(80) - 40) * FRAME
    notes = notes_of_voice(hertz(67 - 2.0 * np.exp(-((time / 0.03) ** 2))))
    assert len(notes) == 2
    assert notes[1].onset == pytest.approx(40 * FRAME, abs=0.02)


def test_a_hole_of_one_frame_is_no_new_note() -> None:
    track = sung((0.5, 60))
    track[15] = np.nan
    assert len(notes_of_voice(track)) == 1


def test_silence_has_no_notes() -> None:
    assert notes_of_tracks(F0Tracks(np.full((2, 30), np.nan))) == [[], []]
    assert notes_of_voice(np.array([])) == []


def test_notes_lie_in_order_and_do_not_overlap() -> None:
    rng = np.random.default_rng(3)
    wild = hertz(60 + np.cumsum(rng.normal(0, 0.4, 400)))
    wild[rng.random(400) < 0.05] = np.nan
    notes = notes_of_voice(wild)
    assert notes
    assert all(a.last <= b.first for a, b in itertools.pairwise(notes))
    assert all(0 <= note.first < note.last <= 400 for note in notes)


def test_semitones_and_hertz_are_inverse() -> None:
    pitch = np.linspace(30, 90, 61)
    assert semitones(hertz(pitch)) == pytest.approx(pitch)
