"""Scores in which voices meet do what their names say."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from vocsep.singers.meetings import (
    MEETINGS,
    Meeting,
    meeting_quartet,
    meeting_score,
    quartet_with_unisons,
    sing_meeting,
)
from vocsep.singers.repertoire import sing_song
from vocsep.singers.score import Note, Score

SEEDS = range(8)
KINDS = pytest.mark.parametrize("kind", MEETINGS)


def grid(part: tuple[Note, ...], seconds: float) -> NDArray[np.float64]:
    """The pitch of a part every 10 ms, NaN where it rests."""
    pitch = np.full(round(seconds * 100), np.nan)
    for note in part:
        pitch[round(note.onset * 100) : round((note.onset + note.duration) * 100)] = note.pitch
    return pitch


def duets(kind: Meeting, seconds: float = 12.0) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    scores = [meeting_score(np.random.default_rng(seed), seconds, kind) for seed in SEEDS]
    return [(grid(score.parts[0], seconds), grid(score.parts[1], seconds)) for score in scores]


@KINDS
def test_parts_are_lines_that_one_singer_can_sing(kind: Meeting) -> None:
    for seed in SEEDS:
        score = meeting_score(np.random.default_rng(seed), 10.0, kind)
        assert len(score.parts) == 2 and score.seconds == 10.0
        for part in score.parts:
            assert part and all(note.duration > 0 and 33 <= note.pitch <= 88 for note in part)
            assert all(a.onset + a.duration <= b.onset + 1e-6 for a, b in pairwise(part))


@KINDS
def test_the_same_seed_writes_the_same_score(kind: Meeting) -> None:
    one, other = (meeting_score(np.random.default_rng(3), 6.0, kind) for _ in range(2))
    assert one == other != meeting_score(np.random.default_rng(4), 6.0, kind)


def test_crossing_parts_change_places_twice_in_twelve_seconds() -> None:
    for upper, lower in duets("crossing"):
        gap = upper - lower
        thirds = [np.nanmean(part) for part in (gap[:200], gap[400:800], gap[-200:])]
        assert thirds[0] > 0 > thirds[1] and thirds[2] > 0


def test_duets_of_one_range_lie_in_one_range() -> None:
    for one, other in duets("duet"):
        assert abs(np.nanmedian(one) - np.nanmedian(other)) < 3


def test_voices_in_unison_are_on_one_line_for_seconds_and_apart_for_seconds() -> None:
    for one, other in duets("unison"):
        both = np.isfinite(one) & np.isfinite(other)
        assert (one[both] == other[both]).sum() > 150 and (one[both] != other[both]).sum() > 150


def test_octaves_are_octaves() -> None:
    for one, other in duets("octaves"):
        both = np.isfinite(one) & np.isfinite(other)
        np.testing.assert_allclose(one[both] - other[both], 12.0)


def test_the_second_voice_of_an_imitation_sings_what_the_first_sang() -> None:
    for seed in SEEDS:
        first, second = meeting_score(np.random.default_rng(seed), 12.0, "imitation").parts
        assert [n.pitch for n in second] == [n.pitch for n in first[: len(second)]]
        later = [b.onset - a.onset for a, b in zip(first, second, strict=False)]
        np.testing.assert_allclose(later, later[0])
        assert later[0] > 0.5


def test_voices_in_alternation_rarely_sing_together() -> None:
    for one, other in duets("alternation"):
        both, any_of_them = np.isfinite(one) & np.isfinite(other), np.isfinite(one) | np.isfinite(other)
        assert 0 < both.sum() < 0.5 * any_of_them.sum()


def test_neighbours_of_a_quartet_meet_on_one_line() -> None:
    together = 0.0
    for seed in SEEDS:
        score = quartet_with_unisons(np.random.default_rng(seed), 12.0)
        lines = [grid(part, 12.0) for part in score.parts]
        together += sum(float((a == b).mean()) for a, b in pairwise(lines)) / len(SEEDS)
        for part in score.parts:
            assert all(a.onset + a.duration <= b.onset + 1e-6 for a, b in pairwise(part))
    assert together > 0.2


def test_a_quartet_of_meetings_has_four_parts() -> None:
    for seed in SEEDS:
        score = meeting_quartet(np.random.default_rng(seed), 6.0)
        assert isinstance(score, Score) and len(score.parts) == 4


def test_singers_of_a_meeting_sing_its_notes() -> None:
    song = sing_meeting(0, 3.0, "duet", room=False)
    assert song.stems.shape[0] == song.f0.shape[0] == 2
    assert np.abs(song.stems).max() > 0.01 and np.isfinite(song.stems).all()


def test_a_repertoire_without_meetings_is_what_it_was_and_with_them_is_another() -> None:
    plain, none, met = (
        sing_song(11, 2.0, **share) for share in ({}, {"meeting_share": 0.0}, {"meeting_share": 1.0})
    )
    np.testing.assert_array_equal(plain.f0, none.f0)
    assert not np.array_equal(plain.f0, met.f0)
