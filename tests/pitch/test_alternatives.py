"""Alternative pitches: free candidates near a voice, and nothing that belongs to another."""

import numpy as np
import pytest

from vocsep.pitch.alternatives import (
    CLEAR,
    EstimatedTracks,
    alternatives_of,
    find_alternatives,
    surely_sung,
)
from vocsep.pitch.candidates import Candidates
from vocsep.pitch.tracks import F0Tracks

NONE = np.nan


def heard(*frames: list[tuple[float, float]]) -> Candidates:
    """Candidates of each frame as (semitones, salience)."""
    width = max(map(len, frames))
    padded = [[*frame, *[(np.inf, 0.0)] * (width - len(frame))] for frame in frames]
    both = np.array(padded, dtype=np.float64)
    return Candidates(both[..., 0], both[..., 1])


def test_a_free_candidate_goes_to_the_nearest_voice() -> None:
    candidates = heard([(60.0, 0.9), (61.0, 0.9), (70.0, 0.9)], [(60.0, 0.9), (68.6, 0.9), (70.0, 0.9)])
    alternative = find_alternatives(candidates, np.array([[70.0, 70.0], [60.0, 60.0]]))
    np.testing.assert_array_equal(alternative, [[NONE, 68.6], [61.0, NONE]])


@pytest.mark.parametrize(
    "candidate", [(60.3, 0.9), (61.0, CLEAR - 0.01), (64.0, 0.9)], ids=["taken", "faint", "far"]
)
def test_what_is_taken_faint_or_far_is_no_alternative(candidate: tuple[float, float]) -> None:
    assert np.isnan(find_alternatives(heard([(60.0, 0.9), candidate]), np.array([[60.0]]))).all()


def test_the_most_salient_one_is_taken() -> None:
    candidates = heard([(59.0, 0.7), (60.0, 0.9), (61.0, 0.8), (61.9, 0.6)])
    assert find_alternatives(candidates, np.array([[60.0]])) == 61.0


def test_a_silent_voice_is_near_the_line_between_its_notes() -> None:
    candidates = heard([], [(61.0, 0.9)], [])
    alternative = find_alternatives(candidates, np.array([[60.0, NONE, 62.0], [NONE, NONE, NONE]]))
    np.testing.assert_array_equal(alternative, [[NONE, 61.0, NONE], [NONE, NONE, NONE]])


def test_without_any_voice_or_candidate_there_is_none() -> None:
    assert np.isnan(find_alternatives(heard([(60.0, 0.9)]), np.full((2, 1), NONE))).all()
    assert np.isnan(find_alternatives(heard([], [(np.inf, 0.0)]), np.full((2, 2), 60.0))).all()


def test_tracks_that_were_not_estimated_have_silent_alternatives() -> None:
    plain, alternative = F0Tracks(np.array([[440.0, 0.0]])), F0Tracks(np.array([[0.0, 450.0]]))
    assert not alternatives_of(plain).voiced.any() and alternatives_of(plain).frames == 2
    assert alternatives_of(EstimatedTracks(plain.frequencies, alternative)) is alternative
    with pytest.raises(ValueError, match="alternatives"):
        EstimatedTracks(plain.frequencies, F0Tracks(np.zeros((1, 3))))


def test_tracks_that_are_fitted_keep_what_else_was_heard() -> None:
    tracks = EstimatedTracks(
        np.full((1, 4), 220.0), F0Tracks(np.full((1, 4), 225.0)), ("a remark",), names=("alto",)
    )
    longer, shorter = tracks.fitted(6), tracks.fitted(3)
    assert (longer.remarks, longer.names) == (("a remark",), ("alto",))
    np.testing.assert_array_equal(alternatives_of(longer).frequencies, [[225.0] * 4 + [np.nan] * 2])
    np.testing.assert_array_equal(alternatives_of(shorter).frequencies, [[225.0] * 3])


def test_faint_ends_are_left_out_of_what_is_surely_sung() -> None:
    frequencies, silent = np.full((1, 4), 220.0), F0Tracks(np.zeros((1, 4)))
    sure = F0Tracks(np.array([[0.0, 220.0, 220.0, 0.0]]))
    assert surely_sung(sure) is sure
    assert surely_sung(tracks := EstimatedTracks(frequencies, silent)) is tracks
    fitted = surely_sung(EstimatedTracks(frequencies, silent, sure=sure).fitted(3))
    np.testing.assert_array_equal(fitted.frequencies, [[np.nan, 220.0, 220.0]])
    with pytest.raises(ValueError, match="sure parts"):
        EstimatedTracks(frequencies, silent, sure=F0Tracks(np.zeros((1, 3))))
