"""Held notes: a gap is closed where the mixture holds the note, and stays where it does not."""

import numpy as np
import pytest

from tests.pitch.test_naming import sung
from vocsep.pitch.held_notes import with_held_notes
from vocsep.spectra import HOP

FRAMES = 240
GAP = slice(90, 140)


def voices(interval: float) -> tuple[np.ndarray, np.ndarray]:
    """A low voice, one so many semitones above, and the tracks of both where the upper one breaks off."""
    pitch = np.full((2, FRAMES), 52.0)
    pitch[0] += interval
    tracks = pitch.copy()
    tracks[0, GAP] = np.nan
    return pitch, tracks


@pytest.mark.parametrize("interval", [19.02, 24.0])
@pytest.mark.parametrize("rests", [False, True])
def test_a_note_behind_anothers_partials_goes_on_if_it_sounds(interval: float, rests: bool) -> None:
    pitch, tracks = voices(interval)
    upper = sung(pitch[0], 5.0, 0.1)
    if rests:
        upper[GAP.start * HOP : GAP.stop * HOP] = 0
    found = with_held_notes(sung(pitch[1], 6.0, 0.1) + upper, tracks)
    if rests:
        assert found is tracks
    else:
        np.testing.assert_allclose(found, pitch, atol=0.05)


def test_a_rest_of_all_and_another_note_stay_what_they_are() -> None:
    pitch, tracks = voices(19.02)
    tracks[1, GAP] = np.nan
    audio = sung(pitch[1], 6.0, 0.1) + sung(pitch[0], 5.0, 0.1)
    assert with_held_notes(audio, tracks) is tracks
    _, tracks = voices(19.02)
    tracks[0, GAP.stop :] += 2
    assert with_held_notes(audio, tracks) is tracks
