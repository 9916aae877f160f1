"""Voices that cross and voices that only touch."""

import numpy as np
import pytest

from vocsep.pitch.candidates import Candidates
from vocsep.pitch.crossings import cross_voices
from vocsep.pitch.viterbi import assign_viterbi

FRAMES = 125  # 2 s
TIME = np.linspace(-1, 1, FRAMES)


def ordered(*lines: np.ndarray) -> np.ndarray:
    return np.sort(np.stack(lines), axis=0)[::-1]


@pytest.mark.parametrize("slope", [5.0, 7.0, 12.0])  # semitones a second, each voice
def test_voices_that_glide_through_each_other_go_on(slope: float) -> None:
    rising, falling = 60 + slope * TIME, 60 - slope * TIME
    crossed = cross_voices(ordered(rising, falling))
    assert np.abs(np.diff(crossed, axis=1)).max() < 0.4
    assert np.allclose(crossed[0], falling, atol=0.2) and np.allclose(crossed[1], rising, atol=0.2)


def test_a_voice_crosses_one_that_holds_its_note() -> None:
    held, moving = np.full(FRAMES, 60.0), 60 - 9 * TIME
    crossed = cross_voices(ordered(held, moving))
    assert np.allclose(crossed[0], moving, atol=0.2) and np.allclose(crossed[1], held, atol=0.2)


@pytest.mark.parametrize("depth", [3.0, 8.0, 20.0])
def test_voices_that_touch_and_part_stay_on_their_sides(depth: float) -> None:
    upper, lower = 60 + depth * TIME**2, 60 - depth * TIME**2
    assert np.array_equal(cross_voices(np.stack((upper, lower))), np.stack((upper, lower)))


def test_a_vibrato_in_unison_crosses_nobody() -> None:
    time = np.arange(FRAMES) * 0.016
    tracks = ordered(
        60 + 0.6 * np.sin(2 * np.pi * 5.5 * time), 60.1 + 0.6 * np.sin(2 * np.pi * 4.9 * time + 1)
    )
    assert np.array_equal(cross_voices(tracks), tracks)


def test_a_long_unison_forgets_where_the_voices_came_from() -> None:
    bend = np.maximum(np.abs(TIME) - 0.4, 0) * np.sign(TIME)
    tracks = ordered(60 + 10 * bend, 60 - 10 * bend)
    assert np.array_equal(cross_voices(tracks), tracks)


def test_voices_cross_back() -> None:
    wave = 5 * np.cos(2 * np.pi * 0.5 * np.arange(250) * 0.016)
    crossed = cross_voices(ordered(62 + wave, 62 - wave))
    assert np.allclose(crossed, np.stack((62 + wave, 62 - wave)), atol=0.6)


def test_a_rest_ends_a_crossing() -> None:
    line = np.concatenate((8 * TIME, np.full(20, np.nan), np.full(60, 6.0)))
    tracks = ordered(60 + line, 60 - line)
    crossed = cross_voices(tracks)
    assert np.array_equal(crossed[:, FRAMES:], tracks[:, FRAMES:], equal_nan=True)
    assert not np.array_equal(crossed[:, :FRAMES], tracks[:, :FRAMES])


def test_what_is_sung_stays_the_same() -> None:
    rng = np.random.default_rng(0)
    tracks = ordered(*(60 + 3 * k + 4 * np.sin(TIME * rng.uniform(2, 9) + k) for k in range(4)))
    tracks[1, 30:50] = np.nan
    assert np.array_equal(np.sort(cross_voices(tracks), axis=0), np.sort(tracks, axis=0), equal_nan=True)


def test_crossing_lines_are_assigned_as_they_were_sung() -> None:
    rising, falling = 60 + 8 * TIME, 60 - 8 * TIME
    pitch = np.sort(np.stack((rising, falling)), axis=0).T
    near = np.abs(rising - falling) < 0.5  # two voices this near show as one peak
    salience = np.full(pitch.shape, 0.95)
    pitch[near] = np.stack((np.full(near.sum(), 60.0), np.full(near.sum(), np.inf)), axis=1)
    salience[near, 1] = 0.0
    tracks = cross_voices(assign_viterbi(Candidates(pitch, salience), 2))
    sung = np.isfinite(tracks)
    assert sung.mean() > 0.95
    assert np.nanmax(np.abs(tracks[0] - falling)) < 0.5 and np.nanmax(np.abs(tracks[1] - rising)) < 0.5
