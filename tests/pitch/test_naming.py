"""Naming: singers who cross keep their names if they sound different; the order of height is the rule."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from vocsep.pitch.naming import cheapest_orders, given_tracks, name_voices
from vocsep.pitch.naming_costs import NamingCosts, change_costs, learned
from vocsep.pitch.partial_levels import decibels_of, own_partials, partial_levels
from vocsep.pitch.stretches import find_stretches
from vocsep.pitch.timbre import BANDS, DIMENSIONS, timbre_of_stretches
from vocsep.singers.meetings import sing_meeting
from vocsep.spectra import HOP, SAMPLE_RATE

Array = NDArray[np.float64]


def sung(pitch: Array, slope: float, gain: float) -> NDArray[np.float32]:
    """Harmonics of a track in semitones, falling by ``slope`` dB an octave; silent where NaN."""
    known = np.isfinite(pitch)
    frames = np.arange(len(pitch)) * HOP
    time = np.arange((len(pitch) - 1) * HOP + 1)
    semitones = np.interp(time, frames[known], pitch[known])
    f0 = 440 * 2 ** ((semitones - 69) / 12)
    phase = 2 * np.pi * np.cumsum(f0) / SAMPLE_RATE
    voice = np.zeros(len(time))
    for partial in range(1, 21):
        level = gain * 10 ** (-slope * np.log2(partial) / 20)
        voice += np.where(partial * f0 < 7000, level, 0.0) * np.sin(partial * phase)
    return (voice * np.interp(time, frames, known.astype(float))).astype(np.float32)


def crossing(seconds: float = 12.0) -> tuple[Array, Array]:
    """Two true lines that change places twice by steps and rest in between."""
    frames = round(seconds * SAMPLE_RATE / HOP)
    time = np.linspace(0, 1, frames)
    swing = 4 * np.cos(2 * np.pi * time)
    one, other = np.round(62 + swing) + 0.0, np.round(62 - swing) + 0.0
    rest = (np.arange(frames) % 90) < 6
    one[rest], other[rest] = np.nan, np.nan
    return one, other


def ordered(*tracks: Array) -> Array:
    return np.sort(np.stack(tracks), axis=0)[::-1].copy()


def test_singers_who_cross_keep_their_names_if_they_sound_different() -> None:
    one, other = crossing()
    audio = sung(one, 3.0, 0.05) + sung(other, 14.0, 0.2)
    named = name_voices(audio, ordered(one, other))
    apart = np.isfinite(one) & (np.abs(one - other) > 1)
    best = max(np.mean(named[row][apart] == one[apart]) for row in (0, 1))
    assert best > 0.95
    assert max(np.mean(ordered(one, other)[row][apart] == one[apart]) for row in (0, 1)) < 0.8


@pytest.mark.parametrize("seed", range(3))
def test_singers_who_stay_apart_keep_the_order_of_height(seed: int) -> None:
    song = sing_meeting(seed, 6.0, "octaves", room=False)
    pitch = 69 + 12 * np.log2(np.where(song.f0 > 0, song.f0, np.nan).astype(np.float64) / 440)
    np.testing.assert_array_equal(name_voices(song.mixture, pitch), pitch)


def test_in_every_frame_the_same_pitches_are_sung_as_before() -> None:
    one, other = crossing(6.0)
    pitch = ordered(one, other)
    named = name_voices(sung(one, 4.0, 0.1) + sung(other, 9.0, 0.1), pitch)
    np.testing.assert_array_equal(np.sort(named, axis=0), np.sort(pitch, axis=0))


def test_silence_and_a_single_voice_are_left_alone() -> None:
    silent = np.full((2, 50), np.nan)
    assert name_voices(np.zeros(50 * HOP, np.float32), silent) is silent
    alone = np.full((1, 50), 60.0)
    assert name_voices(np.zeros(50 * HOP, np.float32), alone) is alone


@pytest.mark.parametrize("seed", range(5))
def test_the_path_through_orders_is_the_cheapest_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    candidates = np.array([[0, 1], [1, 0]])
    place, change = rng.random((5, 2, 2)), rng.random((5, 2, 2))

    def cost(path: tuple[int, ...]) -> float:
        rows = candidates[list(path)]
        total = sum(place[i, v, rows[i, v]] for i in range(5) for v in range(2))
        return float(
            total + sum(change[i, rows[i - 1, v], rows[i, v]] for i in range(1, 5) for v in range(2))
        )

    every = [tuple(int(digit) for digit in f"{number:05b}") for number in range(32)]
    found = cheapest_orders(place, change, candidates)
    np.testing.assert_array_equal(found, candidates[list(min(every, key=cost))])


def test_a_voice_leaves_a_held_note_dearly_and_a_meeting_cheaply() -> None:
    glide = np.linspace(-3, 3, 300)
    meeting = find_stretches(np.stack((62 + np.abs(glide), 62 - np.abs(glide))))
    costs = NamingCosts()
    seconds = np.diff(meeting.edges) * HOP / SAMPLE_RATE
    touching = meeting.meets[:, 0, 1]
    change = change_costs(meeting, costs, seconds)
    assert change[touching, 0, 1].min() < 1.0
    held = np.full((2, 100), 64.0)
    held[1] = 57.0
    held[1, 50:] = 59.0
    apart = find_stretches(held)
    assert change_costs(apart, costs, np.diff(apart.edges) * HOP / SAMPLE_RATE)[1, 0, 1] >= costs.line


def test_voices_are_learned_from_what_they_were_given() -> None:
    stretches = find_stretches(np.stack((np.full(200, 66.0), np.full(200, 60.0))))
    timbre = np.zeros((1, 2, 3))
    timbre[0, 0], timbre[0, 1] = 1.0, -1.0
    weight = stretches.frames.astype(float)
    models = learned(stretches, timbre, np.array([[1, 0]]), NamingCosts(prior=0.0), weight)
    np.testing.assert_allclose(models.centre, [60.0, 66.0], atol=1e-3)
    np.testing.assert_allclose(models.timbre, [[-1] * 3, [1] * 3])
    assert given_tracks(stretches, timbre, NamingCosts()).tolist() == [[0, 1]]


def test_timbre_tells_a_bright_voice_from_a_dull_one() -> None:
    one, other = np.full(200, 66.0), np.full(200, 60.5)
    pitch = np.stack((one, other))
    stretches = find_stretches(pitch)
    timbre = timbre_of_stretches(sung(one, 3.0, 0.1) + sung(other, 14.0, 0.1), pitch, stretches)
    assert timbre.shape == (1, 2, DIMENSIONS) and np.isfinite(timbre).all()
    bright = timbre[0, :, 6:BANDS].mean(axis=1) - timbre[0, :, 1:5].mean(axis=1)
    assert bright[0] > bright[1] + 1


def test_partials_are_read_where_they_are_and_covered_ones_are_not_own() -> None:
    pitch = np.full((1, 60), 57.0)
    levels = partial_levels(decibels_of(sung(pitch[0], 6.0, 0.1), 0, 60), np.full((60, 1), 220.0), 4)
    expected = 20 * np.log10(0.05) - 6 * np.log2(np.arange(1, 5))
    np.testing.assert_allclose(levels[30, 0], expected, atol=1.5)
    frequencies = np.array([[220.0, 440.0, np.nan]])
    own = own_partials(frequencies, np.isfinite(frequencies), 4)
    assert own[0].tolist() == [[True, False, True, False], [False] * 4, [False] * 4]


def test_long_recordings_are_read_block_by_block_alike() -> None:
    rng = torch.Generator().manual_seed(0)
    audio = torch.randn(80 * HOP, generator=rng).numpy()
    whole = decibels_of(audio, 0, 80)
    np.testing.assert_allclose(decibels_of(audio, 30, 50), whole[30:50], atol=1e-3)
