"""Scores: what the generator writes is singable four-part music."""

import builtins
import sys
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from vocsep.errors import DependencyError
from vocsep.singers.chorales import chorale_scores, random_passage
from vocsep.singers.score import (
    RANGES,
    Note,
    Score,
    _has_parallels,
    parts_cross,
    random_progression,
    random_score,
)

SEEDS = range(12)


def scores(seconds: float = 12.0) -> list[Score]:
    return [random_score(np.random.default_rng(seed), seconds) for seed in SEEDS]


def test_a_score_has_four_parts_of_its_length() -> None:
    for score in scores():
        assert len(score.parts) == 4 and score.seconds == 12.0
        assert all(0 <= note.onset < 12.0 for part in score.parts for note in part)
        assert max(part[-1].onset + part[-1].duration for part in score.parts if part) > 11.0


def test_notes_of_a_part_follow_each_other_without_overlap() -> None:
    for score in scores():
        for part in score.parts:
            assert all(note.duration > 0 for note in part)
            for note, following in pairwise(part):
                assert note.onset + note.duration <= following.onset + 1e-6


def test_parts_lie_in_the_ranges_of_their_voices() -> None:
    for score in scores():
        for part, (low, high) in zip(score.parts, RANGES, strict=True):
            pitches = [note.pitch for note in part]
            # The key is transposed by up to a tone, neighbour notes go a tone further.
            assert low - 4 <= min(pitches) and max(pitches) <= high + 4


def test_medians_descend_from_soprano_to_bass() -> None:
    for score in scores():
        medians = [np.median([note.pitch for note in part]) for part in score.parts]
        assert medians == sorted(medians, reverse=True)


def test_chords_are_triads_of_one_key_without_crossing() -> None:
    for seed in SEEDS:
        chords = random_progression(np.random.default_rng(seed), 20)
        assert np.all(np.diff(chords, axis=1) <= 0)
        assert len(np.unique(chords % 12)) <= 7
        assert all(2 <= len(np.unique(chord % 12)) <= 3 for chord in chords)


def test_parallel_fifths_and_octaves_are_recognised() -> None:
    before = np.array([72, 67, 60, 48])  # c' g c C
    after = np.array(
        [
            [74, 69, 62, 50],  # all a tone up
            [72, 67, 60, 48],  # nobody moves
            [71, 67, 62, 55],  # contrary motion
            [74, 67, 60, 50],  # soprano and bass in octaves
        ]
    )
    assert _has_parallels(before, after).tolist() == [True, False, False, True]


def test_consecutive_chords_seldom_move_in_parallels() -> None:
    moves = parallels = 0
    for seed in SEEDS:
        chords = random_progression(np.random.default_rng(seed), 20)
        for before, after in pairwise(chords):
            moves += 1
            parallels += int(_has_parallels(before, after[None])[0])
    assert parallels < 0.2 * moves


def test_voices_share_harmonics_and_rest_now_and_then() -> None:
    rests = sum(
        following.onset - (note.onset + note.duration) > 0.05
        for score in scores()
        for part in score.parts
        for note, following in pairwise(part)
    )
    assert rests > len(SEEDS)


def test_the_same_seed_writes_the_same_score() -> None:
    assert scores() == scores()
    assert len({score.parts for score in scores()}) == len(SEEDS)


def test_chorales_without_music21_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.split(".")[0] == "music21":
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "music21", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DependencyError, match=r"vocsep\[score\]") as caught:
        chorale_scores(1)
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore")
def test_chorales_have_four_parts_from_the_highest() -> None:
    pytest.importorskip("music21", reason="music21 (extra midi) is not installed")
    for score in chorale_scores(2):
        medians = [np.median([note.pitch for note in part]) for part in score.parts]
        assert len(medians) == 4 and medians == sorted(medians, reverse=True)
        assert all(note.onset + note.duration <= score.seconds for part in score.parts for note in part)


def test_a_passage_is_a_part_of_its_score_at_another_tempo() -> None:
    generator = np.random.default_rng(3)
    score = random_score(generator, 30.0)
    passage = random_passage(score, 6.0, generator)
    assert passage.seconds == 6.0
    for sung, part in zip(passage.parts, score.parts, strict=True):
        assert sung
        assert all(0 <= note.onset < 6.0 for note in sung)
        pitches = [note.pitch for note in part]
        wanted = [note.pitch for note in sung]
        assert any(pitches[i : i + len(wanted)] == wanted for i in range(len(pitches)))


def test_crossing_parts_are_seen() -> None:
    low, high = Note(0.0, 1.0, 60.0), Note(0.0, 1.0, 67.0)
    assert not parts_cross(Score(((high,), (low,)), 1.0))
    assert parts_cross(Score(((low,), (high,)), 1.0))
    assert not parts_cross(Score(((Note(1.0, 1.0, 60.0),), (high,)), 2.0))
