"""Unison as a state: silence in one's own line is unison, a rest is a rest, a leftover peak is no note."""

import numpy as np
import pytest
from numpy.typing import NDArray

from vocsep.pitch.joining import UnisonCosts, join_unisons

SECOND = 62  # frames, about

Array = NDArray[np.float64]


def line(*notes: tuple[float, float]) -> Array:
    """A track of (pitch in semitones, seconds); NaN pitch is silence."""
    return np.concatenate([np.full(round(SECOND * seconds), pitch) for pitch, seconds in notes])


def sure(pitch: Array, nats: float = 3.0) -> Array:
    return np.full(pitch.shape, nats)


def test_a_voice_that_falls_silent_on_its_neighbours_line_is_in_unison() -> None:
    upper = line((64, 2), (np.nan, 3), (65, 2))
    lower = line((60, 2), (62, 3), (60, 2))
    pitch = np.stack((upper, lower))
    joined = join_unisons(pitch, sure(pitch))
    np.testing.assert_array_equal(joined[0, 2 * SECOND : 5 * SECOND], lower[2 * SECOND : 5 * SECOND])
    np.testing.assert_array_equal(joined[1], lower)
    known = np.isfinite(pitch)
    np.testing.assert_array_equal(joined[known], pitch[known])


def test_three_voices_can_be_in_unison() -> None:
    lines = [line((p, 2), (np.nan, 2), (p, 2)) for p in (64, 62)]
    pitch = np.stack((*lines, line((60, 2), (61, 2), (60, 2))))
    joined = join_unisons(pitch, sure(pitch))
    assert (joined[:, 2 * SECOND : 4 * SECOND] == 61).all()


def test_a_rest_is_a_rest_where_all_rest() -> None:
    pitch = np.stack((line((64, 2), (np.nan, 2), (64, 2)), line((60, 2), (np.nan, 2), (60, 2))))
    np.testing.assert_array_equal(join_unisons(pitch, sure(pitch)), pitch)


def test_a_line_out_of_a_voices_range_is_not_its_own() -> None:
    pitch = np.stack((line((76, 2), (np.nan, 2), (76, 2)), line((52, 6))))
    np.testing.assert_array_equal(join_unisons(pitch, sure(pitch)), pitch)


def test_a_breath_between_notes_is_no_unison() -> None:
    pitch = np.stack((line((64, 2), (np.nan, 0.3), (64, 2)), line((62, 4.3))))
    np.testing.assert_array_equal(
        join_unisons(pitch[:, : 4 * SECOND], sure(pitch[:, : 4 * SECOND])), pitch[:, : 4 * SECOND]
    )


@pytest.mark.parametrize(("nats", "kept"), [(0.3, False), (4.0, True)])
def test_a_weak_short_note_between_silences_loses_against_unison_and_a_clear_one_does_not(
    nats: float, kept: bool
) -> None:
    upper = line((64, 2), (np.nan, 1), (69, 0.4), (np.nan, 1), (64, 2))
    lower = line((60, 2), (62, 2.4), (60, 2))
    frames = min(len(upper), len(lower))
    pitch = np.stack((upper[:frames], lower[:frames]))
    joined = join_unisons(pitch, sure(pitch, nats))
    middle = 3 * SECOND + SECOND // 5
    assert joined[0, middle] == (69 if kept else 62)
    assert joined[0, 2 * SECOND + SECOND // 2] == 62


def test_a_pitch_that_another_voices_partials_explain_is_doubted_more() -> None:
    upper = line((64, 2), (np.nan, 1), (72, 0.4), (np.nan, 1), (64, 2))
    other = line((60, 2), (63, 2.4), (60, 2))
    below = line((53, 2), (60, 2.4), (53, 2))  # an octave below the short note
    frames = min(map(len, (upper, other, below)))
    pitch = np.stack([track[:frames] for track in (upper, other, below)])
    middle = 3 * SECOND + SECOND // 5
    odds = sure(pitch, 2.6)
    assert join_unisons(pitch, odds, UnisonCosts(covered=0.0))[0, middle] == 72
    assert join_unisons(pitch, odds)[0, middle] != 72


def test_one_voice_and_silent_voices_are_left_alone() -> None:
    alone = line((60, 1), (np.nan, 1))[None]
    np.testing.assert_array_equal(join_unisons(alone, sure(alone)), alone)
    pitch = np.stack((alone[0], np.full(alone.shape[1], np.nan)))
    np.testing.assert_array_equal(join_unisons(pitch, sure(pitch)), pitch)


def test_of_two_lines_that_part_a_joined_voice_follows_the_one_that_is_nearer_to_its_own_notes() -> None:
    """The first voice is silent while the others are on one note and after they have parted."""
    first = line((64, 2), (np.nan, 3), (63, 2))
    stays = line((62, 2), (61, 1), (62, 4))
    falls = line((55, 2), (61, 1), (55, 4))
    for order in ([0, 1, 2], [0, 2, 1]):
        pitch = np.stack((first, stays, falls))[order]
        joined = join_unisons(pitch, sure(pitch))
        np.testing.assert_array_equal(joined[0, 2 * SECOND : 5 * SECOND], stays[2 * SECOND : 5 * SECOND])


def test_of_two_voices_on_one_line_one_may_have_been_on_another() -> None:
    """The middle voice was given the lowest one's note, though the highest one's lies beside its own."""
    upper = line((66, 2), (66, 1), (66, 2))
    middle = line((65, 2), (57, 1), (65, 2))
    lower = line((56, 2), (57, 1), (56, 2))
    pitch = np.stack((upper, middle, lower))
    joined = join_unisons(pitch, sure(pitch))
    np.testing.assert_array_equal(joined, np.stack((upper, line((65, 2), (66, 1), (65, 2)), lower)))


def test_two_voices_on_one_note_keep_their_own_f0() -> None:
    pitch = np.stack((line((60, 2), (64, 1), (60, 2)), line((60.2, 2), (64.2, 1), (60.2, 2))))
    np.testing.assert_array_equal(join_unisons(pitch, sure(pitch)), pitch)


@pytest.mark.parametrize(("notes", "joins"), [(((71, 5.5),), False), (((71, 2), (69, 3.5)), True)])
def test_a_silence_in_the_middle_of_a_held_note_is_a_rest_and_beside_a_new_note_a_unison(
    notes: tuple[tuple[float, float], ...], joins: bool
) -> None:
    lower = line((66, 2), (np.nan, 0.4), (66, 3.1))
    pitch = np.stack((line(*notes)[: len(lower)], lower))
    costs = UnisonCosts(enter=0.3)
    silent = slice(2 * SECOND + 1, 2 * SECOND + SECOND // 3)
    assert (np.isfinite(join_unisons(pitch, sure(pitch), costs)[1, silent])).all() == joins


@pytest.mark.parametrize(("nats", "joins"), [(0.2, True), (-0.4, False)])
def test_who_is_silent_joins_a_line_that_beats_and_rests_beside_one_that_does_not(
    nats: float, joins: bool
) -> None:
    pitch = np.stack((line((64, 2), (np.nan, 1), (65, 2)), line((60, 2), (62, 1), (60, 2))))
    joined = join_unisons(pitch, sure(pitch), evidence=np.full(pitch.shape, nats))
    assert np.isfinite(joined[0, 2 * SECOND : 3 * SECOND]).all() == joins


@pytest.mark.parametrize(("seconds", "joins"), [(0.5, False), (0.7, True)])
def test_so_short_a_silence_can_be_a_breath_and_a_longer_one_must_be_heard(
    seconds: float, joins: bool
) -> None:
    others = [line((p, 2), (p + 2, seconds), (p, 2)) for p in (60, 48)]
    pitch = np.stack((line((64, 2), (np.nan, seconds), (65, 2)), *others))
    silent = slice(2 * SECOND, 2 * SECOND + round(SECOND * seconds))
    costs = UnisonCosts(rest=0.3, breath=0.05)
    joined = join_unisons(pitch, sure(pitch), costs)
    np.testing.assert_array_equal(joined[0, silent], pitch[int(joins), silent])


def test_of_two_lines_the_one_that_beats_without_reason_is_joined() -> None:
    pitch = np.stack(
        (
            line((64, 2), (61.5, 2), (64, 2)),
            line((60, 2), (np.nan, 2), (60, 2)),
            line((56, 2), (58.5, 2), (56, 2)),
        )
    )
    for beating in (0, 2):
        evidence = np.full(pitch.shape, -0.2)
        evidence[beating] = 0.2
        joined = join_unisons(pitch, sure(pitch), evidence=evidence)
        middle = slice(2 * SECOND, 4 * SECOND)
        np.testing.assert_array_equal(joined[1, middle], pitch[beating, middle])


def test_no_evidence_is_the_same_as_none() -> None:
    pitch = np.stack((line((64, 2), (np.nan, 3), (65, 2)), line((60, 2), (62, 3), (60, 2))))
    np.testing.assert_array_equal(
        join_unisons(pitch, sure(pitch), evidence=np.zeros(pitch.shape)), join_unisons(pitch, sure(pitch))
    )
