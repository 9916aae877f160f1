"""Assignment of candidates to voices: laws that both methods obey, and what each promises on its own."""

from collections.abc import Callable, Sequence
from itertools import combinations, product

import numpy as np
import pytest

from vocsep.pitch.candidates import Candidates
from vocsep.pitch.configurations import affordable, number_of_configurations, ordered_configurations
from vocsep.pitch.heuristic import assign_heuristic
from vocsep.pitch.settings import MOST_VOICES
from vocsep.pitch.viterbi import MOST_LISTED, ViterbiCosts, _best_path, assign_viterbi

Assign = Callable[[Candidates, int], np.ndarray]
Frame = Sequence[tuple[float, float]]  # (pitch in semitones, salience) of the candidates

BOTH = pytest.mark.parametrize("assign", [assign_heuristic, assign_viterbi], ids=["heuristic", "viterbi"])
QUARTET = (72.0, 65.0, 60.0, 48.0)
SECOND = 62  # frames


def candidates(frames: Sequence[Frame], count: int = 6) -> Candidates:
    pitch, salience = np.full((len(frames), count), np.inf), np.zeros((len(frames), count))
    for row, frame in enumerate(frames):
        for column, (note, strength) in enumerate(sorted(frame)):
            pitch[row, column], salience[row, column] = note, strength
    return Candidates(pitch, salience)


def sung(*pitches: float, strength: float = 0.9) -> list[tuple[float, float]]:
    return [(pitch, strength) for pitch in pitches if np.isfinite(pitch)]


def score(tracks: np.ndarray) -> Candidates:
    """Perfect candidates of tracks ``(voices, frames)``, NaN = silent."""
    return candidates([sung(*frame) for frame in tracks.T])


def keeps(assigned: np.ndarray, tracks: np.ndarray) -> None:
    """Whoever sings keeps the own line; whoever rests is silent or in unison with a neighbour that sings."""
    sings = np.isfinite(tracks)
    np.testing.assert_array_equal(assigned[sings], tracks[sings])
    for voice, frame in zip(*np.nonzero(~sings & np.isfinite(assigned)), strict=True):
        beside = [other for other in (voice - 1, voice + 1) if 0 <= other < len(tracks)]
        assert assigned[voice, frame] in tracks[beside, frame]


def held(*pitches: float, frames: int = 2 * SECOND) -> np.ndarray:
    return np.repeat(np.array(pitches)[:, None], frames, axis=1)


@BOTH
def test_perfect_candidates_are_sorted_from_the_highest(assign: Assign) -> None:
    tracks = held(*QUARTET)
    np.testing.assert_array_equal(assign(score(tracks), 4), tracks)


@BOTH
def test_a_single_voice_follows_its_melody(assign: Assign) -> None:
    melody = np.repeat([60.0, 62.0, 64.0, 57.0, 69.0, 60.0], 20)[None]
    np.testing.assert_array_equal(assign(score(melody), 1), melody)


@BOTH
def test_a_rest_of_several_seconds_does_not_swap_voices(assign: Assign) -> None:
    tracks = held(*QUARTET, frames=8 * SECOND)
    tracks[1, 2 * SECOND : 6 * SECOND] = np.nan
    keeps(assign(score(tracks), 4), tracks)


@BOTH
@pytest.mark.parametrize("voice", range(4))
def test_whoever_enters_first_after_a_general_rest_is_recognised(assign: Assign, voice: int) -> None:
    tracks = held(*QUARTET, frames=8 * SECOND)
    tracks[:, 2 * SECOND : 6 * SECOND] = np.nan
    tracks[voice, 5 * SECOND : 6 * SECOND] = QUARTET[voice]
    keeps(assign(score(tracks), 4), tracks)


@BOTH
@pytest.mark.parametrize(("voice", "leap"), [(0, 12.0), (3, 11.0), (3, -12.0)])
def test_a_leap_of_an_octave_stays_in_its_voice(assign: Assign, voice: int, leap: float) -> None:
    tracks = held(*QUARTET, frames=4 * SECOND)
    tracks[voice, 2 * SECOND :] += leap
    np.testing.assert_array_equal(assign(score(tracks), 4), tracks)


@BOTH
def test_false_candidates_for_a_moment_disturb_nobody(assign: Assign) -> None:
    tracks = held(*QUARTET, frames=3 * SECOND)
    frames = [sung(*frame) for frame in tracks.T]
    for number in range(50, 54):
        frames[number] += sung(84.0, 53.0, strength=0.45)
    np.testing.assert_array_equal(assign(candidates(frames), 4), tracks)


@BOTH
def test_weak_candidates_are_not_sung(assign: Assign) -> None:
    tracks = held(*QUARTET)
    frames = [[*sung(*frame), (80.0, 0.1), (55.0, 0.1)] for frame in tracks.T]
    np.testing.assert_array_equal(assign(candidates(frames), 4), tracks)


@BOTH
def test_fewer_candidates_than_voices_move_nobody(assign: Assign) -> None:
    tracks = held(*QUARTET, frames=4 * SECOND)
    tracks[[0, 3], SECOND : 3 * SECOND] = np.nan
    keeps(assign(score(tracks), 4), tracks)


@BOTH
def test_a_silent_start_and_end_stay_silent(assign: Assign) -> None:
    tracks = held(*QUARTET, frames=4 * SECOND)
    tracks[:, :SECOND], tracks[:, 3 * SECOND :] = np.nan, np.nan
    np.testing.assert_array_equal(assign(score(tracks), 4), tracks)


@BOTH
@pytest.mark.parametrize("voices", [1, 4])
def test_silence_is_silent(assign: Assign, voices: int) -> None:
    assert np.isnan(assign(candidates([[]] * 30), voices)).all()


@BOTH
def test_a_single_frame_can_be_assigned(assign: Assign) -> None:
    np.testing.assert_array_equal(assign(score(held(*QUARTET, frames=1)), 4), held(*QUARTET, frames=1))


@BOTH
def test_more_voices_than_candidates_is_no_mistake(assign: Assign) -> None:
    given = candidates([sung(64.0, 55.0)] * SECOND, count=2)
    assigned = assign(given, 4)
    assert assigned.shape == (4, SECOND)
    assert np.isin(np.isfinite(assigned).sum(axis=0), (2, 3)).all()  # one may be doubled in unison
    assert (np.nanmax(assigned, axis=0) == 64.0).all() and (np.nanmin(assigned, axis=0) == 55.0).all()


def random_frames(seed: int, frames: int = 60) -> Candidates:
    rng = np.random.default_rng(seed)
    rows = [
        list(zip(rng.uniform(45, 80, rng.integers(0, 7)), rng.uniform(0.05, 1.0, 6), strict=False))
        for _ in range(frames)
    ]
    return candidates(rows)


@BOTH
@pytest.mark.parametrize("seed", range(5))
def test_every_value_is_a_candidate_and_serves_one_voice(assign: Assign, seed: int) -> None:
    given = random_frames(seed)
    assigned = assign(given, 4)
    for frame in range(given.frames):
        values = assigned[np.isfinite(assigned[:, frame]), frame]
        assert set(values) <= set(given.pitch[frame]) and len(set(values)) == len(values)


@BOTH
@pytest.mark.parametrize("seed", range(5))
def test_voices_are_ordered_wherever_all_of_them_sing(assign: Assign, seed: int) -> None:
    rng = np.random.default_rng(seed)
    wandering = np.array([[64.0], [60.0], [56.0]]) + np.cumsum(rng.normal(0, 0.5, (3, 120)), axis=1)
    frames = [sung(*frame) + sung(*rng.uniform(45, 80, rng.integers(0, 3))) for frame in wandering.T]
    assigned = assign(candidates(frames), 3)
    full = assigned[:, np.isfinite(assigned).all(axis=0)]
    assert full.shape[1] > 60 and (np.diff(full, axis=0) <= 0).all()


# The paper's heuristic, frame by frame.


def test_heuristic_counts_values_above_its_threshold() -> None:
    given = candidates([[(60.0, 0.5), (70.0, 0.3)]])
    assert np.isnan(assign_heuristic(given, 2, threshold=0.6)).all()
    np.testing.assert_array_equal(assign_heuristic(given, 2, threshold=0.2)[:, 0], [70.0, 60.0])
    single = assign_heuristic(given, 2, threshold=0.4)[:, 0]
    assert np.isfinite(single).sum() == 1


def test_heuristic_gives_a_lone_value_to_the_voice_nearest_before() -> None:
    frames = [sung(70.0, 60.0), sung(62.0), sung(65.5)]
    assigned = assign_heuristic(candidates(frames), 2)
    np.testing.assert_array_equal(assigned, [[70.0, np.nan, np.nan], [60.0, 62.0, 65.5]])


def test_heuristic_gives_a_lone_value_to_the_voice_nearest_after() -> None:
    frames = [sung(66.5), sung(70.0, 60.0), sung(80.0, 66.0)]
    assigned = assign_heuristic(candidates(frames), 2)
    np.testing.assert_array_equal(assigned[:, 0], [66.5, np.nan])  # 3.5 below the first, 6.5 above the second
    frames = [sung(72.0, 60.0), sung(67.0), sung(80.0, 66.5)]
    np.testing.assert_array_equal(assign_heuristic(candidates(frames), 2)[:, 1], [np.nan, 67.0])


def test_heuristic_measures_in_semitones() -> None:
    # 206 Hz is nearer to 168 Hz (by 38 to 44 Hz), but fewer semitones below 250 Hz (3.4 to 3.5).
    midi = [69 + 12 * np.log2(f / 440) for f in (250.0, 168.0, 206.0)]
    assigned = assign_heuristic(candidates([sung(midi[0], midi[1]), sung(midi[2])]), 2)
    assert assigned[0, 1] == midi[2]
    assert np.isnan(assigned[1, 1])


def test_heuristic_picks_the_values_that_continue_when_there_are_more() -> None:
    frames = [sung(70.0, 60.0), sung(75.0, 70.2, 59.8), sung(70.0, 65.0, 60.1)]
    assigned = assign_heuristic(candidates(frames), 2)
    np.testing.assert_array_equal(assigned, [[70.0, 70.2, 70.0], [60.0, 59.8, 60.1]])


def test_heuristic_sorts_the_values_it_picked() -> None:
    frames = [sung(70.0, 60.0), sung(61.0, 62.0, 40.0), sung(70.0, 60.0)]
    assigned = assign_heuristic(candidates(frames), 2)
    np.testing.assert_array_equal(assigned[:, 1], [62.0, 61.0])


# The best path.


def plain_cost(path: Sequence[tuple[float, ...]], given: Candidates, costs: ViterbiCosts) -> float:
    """Cost of a path of frames, each a tuple of pitches (NaN = silent), as the costs are described."""
    total = 0.0
    for number, frame in enumerate(path):
        for voice, pitch in enumerate(frame):
            if np.isfinite(pitch):
                salience = given.salience[number][given.pitch[number] == pitch][0]
                odds = np.log(salience / (1 - salience))
                unison = voice > 0 and frame[voice - 1] == pitch
                total -= costs.unison if unison else odds + costs.bonus
            if number == 0:
                continue
            before = path[number - 1][voice]
            if np.isfinite(pitch) and np.isfinite(before):
                total += min(costs.glide * abs(pitch - before), costs.leap)
            elif np.isfinite(pitch):
                total += costs.enter
            elif np.isfinite(before):
                total += costs.leave
    return total


def ordered_frames(pitches: Sequence[float], voices: int) -> list[tuple[float, ...]]:
    frames = []
    for sounding in range(min(voices, len(pitches)) + 1):
        for who in combinations(range(voices), sounding):
            for what in combinations(sorted(pitches, reverse=True), sounding):
                frame = [float("nan")] * voices
                for voice, pitch in zip(who, what, strict=True):
                    frame[voice] = pitch
                frames.append(tuple(frame))
    # Two neighbours in unison; for two voices that is all there can be.
    return frames + [(pitch, pitch) for pitch in pitches if voices == 2]


@pytest.mark.parametrize("seed", range(8))
def test_viterbi_finds_the_cheapest_of_all_paths(seed: int) -> None:
    rng = np.random.default_rng(seed)
    costs = ViterbiCosts(
        bonus=float(rng.uniform(-1, 1)), glide=0.7, leap=3.0, enter=0.8, leave=0.5, outside=0.0
    )
    rows = [list(zip(rng.uniform(50, 62, 2), rng.uniform(0.1, 0.9, 2), strict=True)) for _ in range(4)]
    given = candidates(rows, count=2)
    everything = product(*(ordered_frames([pitch for pitch, _ in row], 2) for row in rows))
    cheapest = min(plain_cost(path, given, costs) for path in everything)
    found = _best_path(given, 2, costs, None)
    assert plain_cost([tuple(frame) for frame in found.T], given, costs) == pytest.approx(cheapest)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("voices", [2, 4, 6])
def test_viterbi_never_crosses_voices(seed: int, voices: int) -> None:
    assigned = assign_viterbi(random_frames(seed, 20), voices)
    for frame in assigned.T:
        values = frame[np.isfinite(frame)]
        assert (np.diff(values) <= 0).all()


def test_viterbi_bridges_an_octave_error_of_salience() -> None:
    tracks = held(67.0, 55.0, frames=3 * SECOND)
    frames = [sung(*frame) for frame in tracks.T]
    for number in range(80, 83):
        frames[number] = [(67.0, 0.5), (79.0, 0.6), (55.0, 0.9)]
    np.testing.assert_array_equal(assign_viterbi(candidates(frames), 2), tracks)


def test_viterbi_prefers_the_voices_own_range_after_a_rest() -> None:
    """The alto goes on alone, closer to where the soprano was than to its own last note."""
    tracks = held(74.0, 65.0, frames=8 * SECOND)
    tracks[:, 3 * SECOND : 5 * SECOND] = np.nan
    tracks[1, 4 * SECOND : 5 * SECOND] = 68.5
    keeps(assign_viterbi(score(tracks), 2), tracks)


def test_viterbi_lets_neighbours_meet_in_unison_and_part_again() -> None:
    tracks = held(*QUARTET, frames=6 * SECOND)
    tracks[1, 2 * SECOND : 4 * SECOND] = tracks[2, 2 * SECOND : 4 * SECOND] = 62.0
    frames = [sung(*np.unique(frame)) for frame in tracks.T]
    np.testing.assert_array_equal(assign_viterbi(candidates(frames), 4), tracks)


@pytest.mark.parametrize("seed", range(3))
def test_no_pitch_is_shared_where_unison_is_not_asked_for(seed: int) -> None:
    found = assign_viterbi(random_frames(seed, 60), 4, ViterbiCosts(unison=None))
    for frame in found.T:
        sung = frame[np.isfinite(frame)]
        assert len(np.unique(sung)) == len(sung)


def test_viterbi_does_not_double_a_voice_far_from_its_neighbours() -> None:
    tracks = held(79.0, 67.0, 55.0, frames=6 * SECOND)
    tracks[[0, 2], 2 * SECOND : 4 * SECOND] = np.nan
    np.testing.assert_array_equal(assign_viterbi(score(tracks), 3), tracks)


def test_viterbi_hears_a_candidate_more_willingly_with_a_bonus() -> None:
    given = candidates([sung(60.0, strength=0.35)] * SECOND)
    reluctant = assign_viterbi(given, 1, ViterbiCosts(bonus=0.0))
    willing = assign_viterbi(given, 1, ViterbiCosts(bonus=2.0))
    assert np.isnan(reluctant).all() and (willing == 60.0).all()


def test_number_of_configurations_is_the_number_of_those_listed() -> None:
    for voices in (1, 2, 4):
        for count in (1, 3, 6):
            pitches = [50.0 + index for index in range(count)]
            listed = ordered_configurations(voices, count)
            apart = [row for row in listed if not (np.diff(row[row < count]) == 0).any()]
            assert number_of_configurations(voices, count) == len(apart)
            if voices == 2:
                assert len(listed) == len(ordered_frames(pitches, voices))


@pytest.mark.parametrize("voices", range(1, MOST_VOICES + 1))
def test_every_number_of_voices_that_may_be_asked_for_can_be_assigned(voices: int) -> None:
    pitches = np.linspace(80, 40, voices)
    frames = [sung(*pitches)] * 3
    # Listing more configurations than this takes minutes and gigabytes.
    count = voices + 2
    if voices <= MOST_LISTED:
        assert number_of_configurations(voices, min(affordable(voices, count), count)) < 100_000
    assigned = assign_viterbi(candidates(frames, count), voices)
    assert assigned.shape == (voices, 3) and np.isfinite(assigned).any()
