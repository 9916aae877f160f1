"""Ensembles: stems, mixtures, transposition, the demo and the repertoire."""

import numpy as np
import pytest

from vocsep.pitch.harmonic_stack import bin_frequencies
from vocsep.pitch.tracks import F0Tracks
from vocsep.singers.demo import SECONDS, sing_demo
from vocsep.singers.quartet import Ensemble, sing_part, sing_quartet, transposed
from vocsep.singers.repertoire import Repertoire, sing_repertoire, sing_song
from vocsep.singers.score import Note, Score, random_score
from vocsep.spectra import HOP, SAMPLE_RATE, frame_count


@pytest.fixture(scope="module")
def quartet() -> Ensemble:
    return sing_quartet(3, 4.0)


@pytest.fixture(scope="module")
def demo() -> tuple[np.ndarray, int, F0Tracks]:
    return sing_demo(1)


def test_stems_and_f0_share_the_grid(quartet: Ensemble) -> None:
    assert quartet.stems.shape == (4, 4 * SAMPLE_RATE)
    assert quartet.f0.shape == (4, frame_count(4 * SAMPLE_RATE))
    assert np.isfinite(quartet.stems).all() and (quartet.f0 >= 0).all()


def test_the_mixture_is_the_sum_of_the_stems(quartet: Ensemble) -> None:
    np.testing.assert_allclose(quartet.mixture, quartet.stems.astype(np.float64).sum(axis=0), atol=1e-6)


def test_the_same_seed_sings_the_same_quartet(quartet: Ensemble) -> None:
    again, other = sing_quartet(3, 4.0), sing_quartet(4, 4.0)
    assert np.array_equal(again.stems, quartet.stems) and np.array_equal(again.f0, quartet.f0)
    assert not np.array_equal(other.stems, quartet.stems)


def test_voices_are_sung_from_the_highest() -> None:
    for seed in range(3):
        f0 = sing_quartet(seed, 4.0, room=False).f0
        medians = [np.median(row[row > 0]) for row in f0 if (row > 0).any()]
        assert medians == sorted(medians, reverse=True)


def test_a_room_makes_rests_sound_and_leaves_the_f0() -> None:
    dry, wet = sing_quartet(5, 4.0, room=False), sing_quartet(5, 4.0)
    assert np.array_equal(dry.f0[0], wet.f0[0])  # the first part is sung before any room is built
    assert not np.array_equal(dry.stems[0], wet.stems[0])


def test_a_part_without_notes_is_silent() -> None:
    audio, f0 = sing_part((), 1.0, np.random.default_rng(0))
    assert audio.shape == (1.0 * SAMPLE_RATE // HOP * HOP,) and f0.shape == (len(audio) // HOP + 1,)
    assert np.abs(audio).max() == 0 and f0.max() == 0


def test_a_section_is_about_as_loud_as_a_singer_and_wider() -> None:
    notes = (Note(0.2, 3.0, 60.0),)
    one, f0 = sing_part(notes, 3.5, np.random.default_rng(1))
    four, first = sing_part(notes, 3.5, np.random.default_rng(1), singers=4)
    assert np.array_equal(f0, first)
    assert 0.4 < np.std(four) / np.std(one) < 2.5
    assert not np.allclose(one, four)


def test_transposition_keeps_intervals_and_times() -> None:
    score = random_score(np.random.default_rng(0), 8.0)
    moved = transposed(score, 1.5)
    for part, other in zip(score.parts, moved.parts, strict=True):
        for note, shifted in zip(part, other, strict=True):
            assert (shifted.onset, shifted.duration) == (note.onset, note.duration)
            assert shifted.pitch == pytest.approx(note.pitch + 1.5)


@pytest.mark.parametrize("semitones", [-40.0, 40.0])
def test_transposition_stays_within_what_people_sing(semitones: float) -> None:
    moved = transposed(random_score(np.random.default_rng(0), 8.0), semitones)
    pitches = [note.pitch for part in moved.parts for note in part]
    frequencies = 440 * 2 ** ((np.array(pitches) - 69) / 12)
    bins = bin_frequencies().numpy()
    assert bins[0] <= frequencies.min() and frequencies.max() <= bins[-1]


def test_a_score_without_notes_can_be_transposed() -> None:
    assert transposed(Score(((), ()), 2.0), 5.0) == Score(((), ()), 2.0)


def test_demo_is_a_quartet_that_does_not_clip(demo: tuple[np.ndarray, int, F0Tracks]) -> None:
    stems, rate, tracks = demo
    assert rate == SAMPLE_RATE and stems.dtype == np.float32
    assert stems.shape[0] == tracks.voices == 4
    assert stems.shape[1] == pytest.approx(SECONDS * rate, abs=HOP)
    assert tracks.frames == frame_count(stems.shape[1])
    assert np.abs(stems.sum(axis=0)).max() == pytest.approx(0.9, abs=1e-3)


def test_everyone_in_the_demo_is_heard(demo: tuple[np.ndarray, int, F0Tracks]) -> None:
    stems, _, tracks = demo
    level = 10 * np.log10(np.mean(stems.astype(np.float64) ** 2, axis=1))
    assert level.max() - level.min() < 15
    assert (tracks.voiced.mean(axis=1) > 0.3).all()
    assert tracks.sorted_from_highest().frequencies == pytest.approx(tracks.frequencies, nan_ok=True)


def test_demo_is_the_same_for_everyone(demo: tuple[np.ndarray, int, F0Tracks]) -> None:
    stems, _, _ = sing_demo(1)
    assert np.array_equal(stems, demo[0])


@pytest.fixture(scope="module")
def repertoire() -> Repertoire:
    return sing_repertoire(3, 2.0, seed=5, workers=1)


def test_repertoire_is_as_large_as_ordered(repertoire: Repertoire) -> None:
    assert repertoire.songs == 3
    assert repertoire.audio.shape == (3, 4, 2 * SAMPLE_RATE) and repertoire.audio.dtype == np.int16
    assert repertoire.f0.shape == (3, 4, frame_count(2 * SAMPLE_RATE))


def test_voices_of_the_repertoire_use_the_integers_and_know_their_level(repertoire: Repertoire) -> None:
    peaks = np.abs(repertoire.audio.astype(np.int32)).max(axis=-1)
    assert set(np.unique(peaks)) <= {0, 24_000}
    rms = np.sqrt(np.mean(repertoire.audio.astype(np.float64) ** 2, axis=-1))
    np.testing.assert_allclose(repertoire.level[rms > 0], rms[rms > 0], rtol=1e-3)


def test_songs_of_the_repertoire_are_those_of_their_seeds(repertoire: Repertoire) -> None:
    song = sing_song(5_000_001, 2.0)
    np.testing.assert_array_equal(repertoire.f0[1], song.f0)
    for stored, stem in zip(repertoire.audio[1], song.stems, strict=True):
        if np.abs(stem).max() > 0:
            np.testing.assert_allclose(stored / 24_000, stem / np.abs(stem).max(), atol=1e-4)
