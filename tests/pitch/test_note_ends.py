"""Ends of notes: grown where silence is doubtful, beside notes alone, whoever sings them."""

import numpy as np
import pytest

from vocsep.pitch.note_ends import REACH, REACH_OF_TWO, with_note_ends

FRAMES = 60


def rows(*runs: tuple[float, int, int]) -> np.ndarray:
    """A track for each (semitones, first frame, one past the last), silent elsewhere."""
    tracks = np.full((len(runs), FRAMES), np.nan)
    for track, (pitch, first, last) in zip(tracks, runs, strict=True):
        track[first:last] = pitch
    return tracks


@pytest.mark.parametrize(("voices", "reach"), [(1, REACH_OF_TWO), (2, REACH_OF_TWO), (3, REACH)])
def test_a_note_grows_as_far_as_pitch_is_heard_and_no_farther_than_the_reach(voices: int, reach: int) -> None:
    others = [(50.0 - 5 * k, 0, FRAMES) for k in range(voices - 1)]
    refined = rows((60.0, 20, 40), *others)
    eager = rows((60.1, 18, FRAMES), *others)
    grown = with_note_ends(refined, refined, eager)
    expected = refined.copy()
    expected[0, 18:20] = expected[0, 40 : 40 + reach] = 60.1
    np.testing.assert_array_equal(grown, expected)


def test_what_was_sung_stays_and_rests_far_from_notes_stay_rests() -> None:
    refined = rows((60.0, 20, 40), (55.0, 30, 50), (48.0, 0, 20))
    eager = refined + 0.2
    eager[0, 5:12] = 61.0  # made up in the middle of a rest
    np.testing.assert_array_equal(with_note_ends(refined, refined, eager), refined)


def test_notes_grow_for_whoever_they_were_given_to() -> None:
    refined = rows((60.0, 20, 40), (55.0, 20, 40), (48.0, 0, FRAMES))
    eager = rows((60.0, 18, 42), (55.0, 20, 43), (48.0, 0, FRAMES))
    exchanged, expected = refined[[1, 0, 2]], eager[[1, 0, 2]]
    np.testing.assert_array_equal(with_note_ends(exchanged, refined, eager), expected)
    unison = refined[[0, 0, 2]]
    np.testing.assert_array_equal(with_note_ends(unison, refined, eager), eager[[0, 0, 2]])


def test_a_note_does_not_grow_into_the_next_one() -> None:
    refined = rows((60.0, 20, 30), (55.0, 0, FRAMES), (48.0, 0, FRAMES))
    refined[0, 33:40] = 62.0
    eager = refined.copy()
    eager[0, 30:33] = 61.0
    grown = with_note_ends(refined, refined, eager)
    np.testing.assert_array_equal(grown[0, 20:40], [60.0] * 10 + [61.0] * 3 + [62.0] * 7)
    np.testing.assert_array_equal(with_note_ends(refined, refined, refined), refined)
